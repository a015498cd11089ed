"""Data pipelines: created unless they are there, run once whatever dies, deleted for good."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.google.oauth import PROJECT
from tests.airflow_task import SDK, TaskInstance, needs_3_3
from tests.operators.dying import DEATHS, Die, dies

PARENT = f"projects/{PROJECT}/locations/us-central1/pipelines/"
LAUNCH: dict[str, Any] = {
    "projectId": PROJECT,
    "location": "europe-west1",
    "launchParameter": {"jobName": "nightly", "containerSpecGcsPath": "gs://b/f.json"},
}
BODY = {
    "name": "nightly",
    "displayName": "nightly",
    "type": "PIPELINE_TYPE_BATCH",
    "workload": {"dataflowFlexTemplateRequest": LAUNCH},
    "scheduleInfo": {"schedule": "0 3 * * *", "timeZone": "UTC"},
}
QUICK_JOB = [(0.0, "JOB_STATE_RUNNING"), (0.3, "JOB_STATE_DONE")]


def instance(kind: str, **fields: Any) -> TaskInstance:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators import dataflow

    with DAG("pipelines"):
        return TaskInstance(getattr(dataflow, f"Dataflow{kind}PipelineOperator")(task_id=kind.lower(), **fields))


def create(**fields: Any) -> TaskInstance:
    return instance("Create", body={**BODY, **fields})


def flex(**parameter: Any) -> dict[str, Any]:
    """A workload with these fields of its launch parameter."""
    return {"dataflowFlexTemplateRequest": {**LAUNCH, "launchParameter": {**LAUNCH["launchParameter"], **parameter}}}


def run(**fields: Any) -> TaskInstance:
    return instance("Run", **{"pipeline_name": "nightly", "poll_sleep": 0.05, **fields})


def jobs(emulator: Emulator) -> list[str]:
    return [entry["job"]["currentState"].removeprefix("JOB_STATE_") for entry in emulator.jobs.all()]


@pytest.fixture
def nightly(emulator: Emulator) -> None:
    """The pipeline is there, and its jobs end soon."""
    emulator.scripts.play("*", QUICK_JOB)
    assert create().run().state == "success"


RENDERED = {
    "maxWorkers": "{{ params.n }}",
    "enableStreamingEngine": "{{ params.flag }}",
    "network": "{{ params.none }}",
    "subnetwork": None,
    "additionalUserLabels": {"team": "Team A", "cost": 7},
}


@pytest.mark.parametrize("text", ["{{ params.body }}", "{{ params.body | tojson }}"])
def test_a_pipeline_may_be_text(emulator: Emulator, text: str) -> None:
    task = instance("Create", body=text, params={"body": BODY})
    assert task.run().state == "success"
    assert task.xcoms["return_value"]["name"] == PARENT + "nightly"


def test_a_pipeline_may_be_a_file_beside_the_dag_file(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "nightly.json").write_text(json.dumps({**BODY, "displayName": "{{ params.title }}"}))
    task = instance("Create", body="nightly.json", params={"title": "every-night"})
    dag = task.task.get_dag()
    assert dag is not None
    dag.fileloc = str(tmp_path / "dag.py")
    dag.resolve_template_files()
    assert task.run().state == "success"
    assert task.xcoms["return_value"]["displayName"] == "every-night"


@pytest.mark.parametrize(
    ("request_", "parameter", "path"),
    [
        ("dataflowFlexTemplateRequest", "launchParameter", {}),
        ("dataflowLaunchTemplateRequest", "launchParameters", {"gcsPath": "gs://b/classic"}),
    ],
)
def test_the_launch_of_a_pipeline_is_read_in_its_types(emulator: Emulator, request_: str, parameter: str, path: dict[str, str]) -> None:
    where = {} if path else {"containerSpecGcsPath": "gs://b/f.json"}
    given = {"n": 3, "day": date(2026, 1, 2), "files": ["a", "b"], "optional": None}
    launch = {**LAUNCH, **path, parameter: {"jobName": "x", "update": "False", "parameters": given, "environment": RENDERED, **where}}
    if path:
        del launch["launchParameter"]
    task = instance("Create", body={**BODY, "workload": {request_: launch}}, params={"n": 3, "flag": True, "none": None})
    ended = task.run()
    assert ended.state == "success", ended.error
    (call,) = [entry for entry in emulator.requests if entry.method == "pipelines.create"]
    sent = call.body["workload"][request_][parameter]
    assert sent["parameters"] == {"n": "3", "day": "2026-01-02", "files": "a,b"}
    labels = {"team": "team-a", "cost": "7"}
    assert sent["environment"] == {"maxWorkers": 3, "enableStreamingEngine": True, "additionalUserLabels": labels}
    assert sent["update"] is False


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"type": "BATCH"}, "body.type must be one of PIPELINE_TYPE_UNSPECIFIED, "),
        ({"scheduleInfo": ["0 3 * * *"]}, "body.scheduleInfo must be a mapping, not list"),
        ({"workloads": {}}, "body.workloads is not a field of a Pipeline; did you mean 'workload'?"),
        ({"workload": flex(environment={"maxWorkers": "many"})}, "launchParameter.environment.maxWorkers must be a whole number"),
        ({"workload": flex(parameters={"x": ["a,b", "c"]})}, "launchParameter.parameters['x']: the entry 'a,b'"),
        (
            {"workload": flex(containerSpecGcsPath="gs://dataflow-templates/latest/Word_Count")},
            "is a classic template, which a pipeline launches with dataflowLaunchTemplateRequest",
        ),
        (
            {"workload": {"dataflowLaunchTemplateRequest": {"gcsPath": "gs://dataflow-templates/latest/flex/Kafka_to_BigQuery"}}},
            "is a Flex template, which a pipeline launches with dataflowFlexTemplateRequest",
        ),
        ({"workload": flex(containerSpecGcsPath="https://storage.googleapis.com/b/s.json")}, "did you mean 'gs://b/s.json'?"),
        ({"workload": flex(environment={"workerZone": "us-east1"})}, "environment.workerZone must be a zone, not 'us-east1'"),
        (
            {"workload": {"dataflowFlexTemplateRequest": {**LAUNCH, "location": "us-east1-b"}}},
            "dataflowFlexTemplateRequest.location must be a region, and 'us-east1-b' is a zone",
        ),
    ],
)
def test_a_pipeline_that_does_not_fit_is_refused_by_name_and_not_created(emulator: Emulator, fields: dict[str, Any], words: str) -> None:
    from airflow_dataflow_ext.task.compat import AirflowFailException

    ended = create(**fields).run()
    assert isinstance(ended.error, AirflowFailException)
    assert words in str(ended.error)
    assert [entry for entry in emulator.requests if entry.method == "pipelines.create"] == []


def test_a_pipeline_is_created_under_its_full_name(emulator: Emulator) -> None:
    task = create()
    assert task.run().state == "success"
    made = task.xcoms["return_value"]
    assert (made["name"], made["state"], made["pipelineSources"]) == (PARENT + "nightly", "STATE_ACTIVE", {"airflow": "airflow"})
    assert task.xcoms["pipeline_name"] == "nightly"
    assert task.xcoms["dataflow_pipeline_link"].endswith(f"/dataflow/pipelines/us-central1/nightly?project={PROJECT}")


def test_a_pipeline_that_is_there_stays_and_the_log_names_what_differs(
    emulator: Emulator, nightly: None, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    task = create(displayName="other")
    assert task.run().state == "success"
    assert task.xcoms["return_value"]["displayName"] == "nightly"
    assert "differs in displayName" in caplog.text + capfd.readouterr().out


def test_a_created_pipeline_whose_answer_is_lost_is_taken_for_ours(emulator: Emulator) -> None:
    emulator.faults.add("pipelines.create", lost=True)
    task = create()
    assert task.run().state == "success"
    assert emulator.requests.counts["pipelines.create"] == 1
    assert task.xcoms["return_value"]["name"] == PARENT + "nightly"


@pytest.mark.parametrize("name", ["", None, "{{ none }}", "a/b"])
def test_a_pipeline_without_a_name_is_refused_before_anything_is_sent(emulator: Emulator, name: str | None) -> None:
    ended = create(name=name)
    assert "body.name must be a pipeline's id, or projects/" in str(ended.run().error)
    assert "pipelines.create" not in emulator.requests.counts


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_run_is_waited_for_like_any_job_where_it_runs(emulator: Emulator, nightly: None, deferrable: bool) -> None:
    task = run(deferrable=deferrable)
    assert task.run().state == "success"
    job = task.xcoms["return_value"]
    assert (job["currentState"], job["location"], job["name"]) == ("JOB_STATE_DONE", "europe-west1", "nightly-1")
    assert task.xcoms["job_id"] == job["id"]
    assert f"/dataflow/jobs/europe-west1/{job['id']}?" in task.xcoms["dataflow_job_link"]


def test_a_run_that_fails_fails_the_task_with_the_services_words(emulator: Emulator, nightly: None) -> None:
    from airflow_dataflow_ext.emulator import JobMessage

    emulator.scripts.clear()
    emulator.scripts.play("*", [(0, JobMessage("Workflow failed. Causes: no bucket.", "JOB_MESSAGE_ERROR")), (0.1, "JOB_STATE_FAILED")])
    assert "no bucket" in str(run().run().error)


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("point", DEATHS)
def test_wherever_a_worker_dies_the_retry_ends_with_the_one_job(
    emulator: Emulator, nightly: None, die: Die, point: str, deferrable: bool
) -> None:
    die(point.replace("templates.launch", "pipelines.run"))
    task = run(deferrable=deferrable, retries=1)
    dies(task)
    task.retry()
    assert task.run().state == "success"
    forgotten = SDK < (1, 3) and point == "after sending templates.launch"  # no record, and nothing on a run says whose it is
    assert jobs(emulator) == ["DONE"] * (2 if forgotten else 1)
    assert task.xcoms["return_value"]["id"] in [entry["job"]["id"] for entry in emulator.jobs.all()]


def test_a_run_whose_answer_is_lost_is_one_job(emulator: Emulator, nightly: None) -> None:
    emulator.faults.add("pipelines.run", lost=True)
    assert run().run().state == "success"
    assert jobs(emulator) == ["DONE"]


def test_jobs_that_were_there_before_are_never_taken_for_ours(emulator: Emulator, nightly: None) -> None:
    first, second = run(), run()
    assert first.run().state == "success"
    emulator.faults.add("pipelines.run", lost=True)
    assert second.run().state == "success"
    assert second.xcoms["job_id"] != first.xcoms["job_id"]
    assert jobs(emulator) == ["DONE", "DONE"]


@needs_3_3
def test_a_cleared_run_stops_its_job_where_that_runs_and_runs_anew(emulator: Emulator, nightly: None) -> None:
    emulator.scripts.clear()
    emulator.scripts.play("*", [(0.0, "JOB_STATE_RUNNING")], on_cancel=((0.1, "JOB_STATE_CANCELLED"),))
    task = run(wait_until_finished=False)
    assert task.run().state == "success"
    task.clear()
    assert task.run().state == "success"
    assert jobs(emulator) == ["CANCELLED", "RUNNING"]


def test_a_pipeline_that_is_not_there_is_named_with_its_place(emulator: Emulator) -> None:
    said = str(run(pipeline_name="nowhere").run().error)
    assert "nowhere" in said
    assert "Check the pipeline's name, the project and the location" in said


def test_a_full_name_that_contradicts_the_location_is_refused(emulator: Emulator) -> None:
    ended = run(pipeline_name=PARENT + "nightly", location="europe-west1").run()
    assert "location is 'europe-west1', and the pipeline is" in str(ended.error)


def test_a_pipeline_is_deleted_once_and_for_all(emulator: Emulator, nightly: None) -> None:
    task = instance("Delete", pipeline_name="nightly")
    assert task.run().state == "success"
    assert task.run().state == "success"
    assert run().run().state == "failed"
