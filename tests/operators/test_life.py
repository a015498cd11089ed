"""A job's life after its launch, and other ways to begin it: the same in a worker and in the triggerer."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator, JobMessage
from tests.airflow_task import Ended, TaskInstance
from tests.operators.conftest import Log

BOTH = pytest.mark.parametrize("deferrable", [False, True])
STREAM: dict[str, Any] = {"steps": [(0, "JOB_STATE_PENDING"), (0.05, "JOB_STATE_RUNNING")], "type": "JOB_TYPE_STREAMING"}
GRAPH = {"name": "words", "type": "JOB_TYPE_BATCH", "stepsLocation": "gs://b/graph"}
SOON = 0.05


def task(name: str, **fields: Any) -> TaskInstance:
    """An instance of the operator of this name."""
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators import dataflow

    with DAG("life"):
        return TaskInstance(getattr(dataflow, name)(**{"task_id": "it", **fields}))


def stream(emulator: Emulator, name: str = "words", **script: Any) -> str:
    """The id of a streaming job that runs."""
    emulator.scripts.play("*", **{**STREAM, **script})
    launched = task("DataflowTemplatedJobStartOperator", template="gs://t/x", job_name=name, append_job_name=False, poll_sleep=SOON)
    assert launched.run().state == "success"
    return str(launched.xcoms["job_id"])


def state_of(emulator: Emulator, job_id: str) -> str:
    return next(entry["job"]["currentState"] for entry in emulator.jobs.all() if entry["job"]["id"] == job_id)


def good(instance: TaskInstance) -> Any:
    """The result of a task that ends well."""
    ended = instance.run()
    assert ended.state == "success", ended.error
    return instance.xcoms.get("return_value")


@BOTH
@pytest.mark.parametrize(
    ("which", "stopped"),
    [({"job_name_prefix": "words"}, 2), ({"job_name": "words"}, 1), ({"job_id": "first"}, 1)],
)
def test_jobs_are_stopped_by_id_name_or_beginning_of_a_name(emulator: Emulator, which: Any, stopped: int, deferrable: bool) -> None:
    on_drain = {"on_drain": ((0.1, "JOB_STATE_DRAINED"),)}
    first, second, other = (stream(emulator, name, **on_drain) for name in ("words", "words-2", "other"))
    which = {"job_id": first} if "job_id" in which else which
    result = good(task("DataflowStopJobOperator", **which, poll_sleep=SOON, deferrable=deferrable))
    assert [job["currentState"] for job in result] == ["JOB_STATE_DRAINED"] * stopped
    assert [state_of(emulator, job) for job in (first, second, other)].count("JOB_STATE_RUNNING") == 3 - stopped
    assert state_of(emulator, other) == "JOB_STATE_RUNNING"


@BOTH
def test_a_job_that_ends_while_it_is_stopped_is_fine(emulator: Emulator, deferrable: bool) -> None:
    job = stream(emulator, on_cancel=((0.1, "JOB_STATE_FAILED"),))
    result = good(task("DataflowStopJobOperator", job_id=job, drain_pipeline=False, poll_sleep=SOON, deferrable=deferrable))
    assert [found["currentState"] for found in result] == ["JOB_STATE_FAILED"]


@BOTH
@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("JOB_STATE_FAILED", "ended as JOB_STATE_FAILED: The sink is full. It was to be drained; what it had read"),
        ("JOB_STATE_CANCELLED", "ended as JOB_STATE_CANCELLED. It was to be drained; what it had read"),
    ],
)
def test_a_drain_that_may_have_lost_data_is_a_warning(emulator: Emulator, shown: Log, end: str, said: str, deferrable: bool) -> None:
    job = stream(emulator, on_drain=((0.1, JobMessage("The sink is full.", "JOB_MESSAGE_ERROR")), (0.1, end)))
    result = good(task("DataflowStopJobOperator", job_id=job, poll_sleep=SOON, deferrable=deferrable))
    assert [found["currentState"] for found in result] == [end]
    (line,) = [record for record in shown.records if " ended as " in record.getMessage()]
    assert line.levelno == logging.WARNING
    assert said in line.getMessage()


@BOTH
@pytest.mark.parametrize(("kind", "drain"), [("JOB_TYPE_STREAMING", False), ("JOB_TYPE_BATCH", True)])
def test_a_cancel_that_was_asked_for_is_no_warning(emulator: Emulator, shown: Log, kind: str, drain: bool, deferrable: bool) -> None:
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING")], type=kind)
    launched = task("DataflowTemplatedJobStartOperator", template="gs://t/x", wait_until_finished=False)
    good(launched)
    good(task("DataflowStopJobOperator", job_id=launched.xcoms["job_id"], drain_pipeline=drain, poll_sleep=SOON, deferrable=deferrable))
    assert any("ended as JOB_STATE_CANCELLED." in line for line in shown.lines())
    assert not shown.lines(above=logging.INFO)


@BOTH
def test_a_job_that_is_not_ready_to_be_stopped_is_asked_again(emulator: Emulator, deferrable: bool) -> None:
    job = stream(emulator, on_drain=((0, "JOB_STATE_DRAINED"),))
    emulator.faults.add("jobs.update", status=400, message="Job is not yet ready for canceling.", times=2)
    good(task("DataflowStopJobOperator", job_id=job, poll_sleep=SOON, deferrable=deferrable))
    assert state_of(emulator, job) == "JOB_STATE_DRAINED"


@BOTH
def test_a_job_that_does_not_stop_in_time_fails_the_task(emulator: Emulator, deferrable: bool) -> None:
    job = stream(emulator, on_drain=())
    ended = task("DataflowStopJobOperator", job_id=job, stop_timeout=0.5, poll_sleep=SOON, deferrable=deferrable).run()
    assert ended.state == "failed"
    assert "JOB_STATE_DRAINING" in str(ended.error)


@BOTH
def test_nothing_to_stop_is_fine_and_an_unknown_job_is_not(emulator: Emulator, deferrable: bool) -> None:
    assert good(task("DataflowStopJobOperator", job_name_prefix="none", deferrable=deferrable)) == []
    ended = task("DataflowStopJobOperator", job_id="2026-01-01_00_00_00-1", deferrable=deferrable).run()
    assert "404" in str(ended.error)


def test_a_streaming_job_is_scaled_and_an_ended_one_archived(emulator: Emulator) -> None:
    job = stream(emulator, on_cancel=((0, "JOB_STATE_CANCELLED"),))
    scaled = good(task("DataflowUpdateJobOperator", job_id=job, min_num_workers="2", max_num_workers=10))
    assert scaled["runtimeUpdatableParams"] == {"minNumWorkers": 2, "maxNumWorkers": 10}
    too_early = task("DataflowUpdateJobOperator", job_id=job, archived=True).run()
    assert "only a job that has ended can be archived" in str(too_early.error)
    good(task("DataflowStopJobOperator", job_id=job, drain_pipeline=False, poll_sleep=SOON))
    archived = good(task("DataflowUpdateJobOperator", job_id=job, archived="true"))
    assert archived["jobMetadata"]["userDisplayProperties"] == {"archived": "true"}


@BOTH
def test_a_running_job_is_replaced(emulator: Emulator, deferrable: bool) -> None:
    old = stream(emulator)
    new = task(
        "DataflowTemplatedJobStartOperator",
        template="gs://t/y",
        job_name="words",
        update=True,
        transform_name_mapping={"a": "b"},
        poll_sleep=SOON,
        deferrable=deferrable,
    )
    job = good(new)
    assert (job["name"], job["replaceJobId"], job["currentState"]) == ("words", old, "JOB_STATE_RUNNING")
    assert state_of(emulator, old) == "JOB_STATE_UPDATED"
    assert len(new.events) == deferrable


@BOTH
@pytest.mark.parametrize(
    ("name", "fields"),
    [
        (
            "DataflowStartFlexTemplateOperator",
            {"body": {"launchParameter": {"jobName": "words", "containerSpecGcsPath": "gs://t/f", "update": True}}},
        ),
        ("DataflowStartYamlJobOperator", {"job_name": "words", "yaml_pipeline_file": "gs://b/p.yaml", "options": {"update": True}}),
    ],
)
def test_a_replacement_that_fails_leaves_the_old_job_and_says_so(emulator: Emulator, name: str, fields: Any, deferrable: bool) -> None:
    old = stream(emulator)
    emulator.scripts.play("*", [(0.1, "JOB_STATE_FAILED")], type="JOB_TYPE_STREAMING")
    emulator.objects.write("gs://t/f", b'{"image": "i"}')
    ended = task(name, **fields, poll_sleep=SOON, deferrable=deferrable).run()
    assert ended.state == "failed"
    assert f"The job that it was to replace, {old}, is in JOB_STATE_RUNNING." in str(ended.error)


@BOTH
def test_a_cleared_replacement_replaces_its_own_job(emulator: Emulator, deferrable: bool) -> None:
    stream(emulator)
    again = task(
        "DataflowTemplatedJobStartOperator", template="gs://t/y", job_name="words", update=True, poll_sleep=SOON, deferrable=deferrable
    )
    first = good(again)
    again.clear()
    second = good(again)
    assert second["replaceJobId"] == first["id"]
    assert state_of(emulator, first["id"]) == "JOB_STATE_UPDATED"


@BOTH
def test_a_yaml_pipeline_runs_without_gcloud(emulator: Emulator, deferrable: bool, tmp_path: Path) -> None:
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0.1, "JOB_STATE_DONE")])
    local = tmp_path / "pipeline.yaml"
    local.write_text("pipeline: {{ steps }}")
    for source in ({"yaml_pipeline_file": str(local)}, {"yaml_pipeline_file": "gs://b/p.yaml"}, {"yaml_pipeline": "run: {{ run_id }}"}):
        job = good(
            task(
                "DataflowStartYamlJobOperator",
                job_name="yaml-words",
                **source,
                region="europe-west1",
                jinja_variables={"steps": 3},
                options={"max-workers": 2},
                poll_sleep=SOON,
                deferrable=deferrable,
            )
        )
        assert (job["location"], job["currentState"]) == ("europe-west1", "JOB_STATE_DONE")
    sent = [entry.body["launchParameter"] for entry in emulator.requests if entry.method == "flexTemplates.launch"]
    variables = {"jinja_variables": '{"steps": 3}'}
    assert [found["parameters"] for found in sent] == [
        {"yaml_pipeline": "pipeline: {{ steps }}", **variables},
        {"yaml_pipeline_file": "gs://b/p.yaml", **variables},
        {"yaml_pipeline": "run: manual__2026-01-01", **variables},
    ]
    assert {found["environment"]["maxWorkers"] for found in sent} == {2}


@BOTH
def test_a_yaml_pipeline_replaces_a_running_job(emulator: Emulator, deferrable: bool) -> None:
    old = stream(emulator)
    new = task(
        "DataflowStartYamlJobOperator",
        job_name="words",
        yaml_pipeline_file="gs://b/p.yaml",
        options={"update": True, "transform-name-mappings": "a=b"},
        poll_sleep=SOON,
        deferrable=deferrable,
    )
    job = good(new)
    assert (job["name"], job["replaceJobId"], job["currentState"]) == ("words", old, "JOB_STATE_RUNNING")
    assert state_of(emulator, old) == "JOB_STATE_UPDATED"
    assert len(new.events) == deferrable


def test_a_yaml_file_that_is_not_there_is_named(emulator: Emulator) -> None:
    ended = task("DataflowStartYamlJobOperator", job_name="x", yaml_pipeline_file="/nowhere/p.yaml").run()
    assert "yaml_pipeline_file '/nowhere/p.yaml' cannot be read on this worker" in str(ended.error)


@BOTH
def test_a_job_is_created_from_its_graph_once(emulator: Emulator, deferrable: bool) -> None:
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0.1, "JOB_STATE_DONE")])
    emulator.faults.add("jobs.create", lost=True)
    created = task("DataflowCreateJobOperator", job=GRAPH, append_job_name=False, poll_sleep=SOON, deferrable=deferrable)
    assert good(created)["currentState"] == "JOB_STATE_DONE"
    assert len(emulator.jobs) == 1


def test_text_of_a_graph_that_is_wrapped_as_literal_stays_as_it_is(emulator: Emulator) -> None:
    from airflow.sdk import literal
    from airflow.serialization.serialized_objects import BaseSerialization

    step = {"kind": "ParallelDo", "name": "s1", "properties": {"user_name": "{{ run_id }}"}}
    graph = {"name": "words", "type": "JOB_TYPE_BATCH", "labels": {"for": "{{ 'night' }}"}, "steps": literal([step])}
    created = task("DataflowCreateJobOperator", job=graph, wait_until_finished=False)
    BaseSerialization.serialize(created.task)  # the DAG file can be stored
    good(created)
    sent = next(entry.body for entry in emulator.requests if entry.method == "jobs.create")
    assert sent["labels"]["for"] == "night"
    assert sent["steps"] == [step]


def test_a_created_job_is_not_mistaken_for_another_callers(emulator: Emulator) -> None:
    stream(emulator)
    ended = task("DataflowCreateJobOperator", task_id="other", job=GRAPH, append_job_name=False, poll_sleep=SOON).run()
    assert "is active in us-central1 under the name 'words' and is not of this launch" in str(ended.error)
    assert "airflow-task-id=it" in str(ended.error)


@BOTH
def test_a_snapshot_is_taken_started_from_and_deleted(emulator: Emulator, deferrable: bool) -> None:
    emulator.settings.snapshot_seconds = 0.2
    job = stream(emulator)
    taken = task(
        "DataflowCreateSnapshotOperator",
        job_id=job,
        ttl=timedelta(days=1),
        description="before {{ run_id }}",
        poll_sleep=SOON,
        deferrable=deferrable,
    )
    snapshot = good(taken)
    assert (snapshot["state"], snapshot["ttl"], snapshot["sourceJobId"]) == ("READY", "86400s", job)
    assert snapshot["description"].startswith("before manual__2026-01-01 (airflow ")
    assert taken.xcoms["snapshot_id"] == snapshot["id"]

    created = task(
        "DataflowCreateJobOperator", job={**GRAPH, "name": "from-snapshot"}, snapshot_id=snapshot["id"], wait_until_finished=False
    )
    assert good(created)["name"].startswith("from-snapshot-")
    for _ in range(2):  # gone already is fine
        good(task("DataflowDeleteSnapshotOperator", snapshot_id=snapshot["id"]))


@BOTH
def test_a_retry_takes_over_the_snapshot_and_a_clear_takes_a_new_one(emulator: Emulator, deferrable: bool) -> None:
    emulator.settings.snapshot_seconds = 0.2
    taken = task("DataflowCreateSnapshotOperator", job_id=stream(emulator), poll_sleep=SOON, deferrable=deferrable)
    emulator.faults.add("jobs.snapshot", lost=True)
    first = good(taken)
    taken.retry()
    assert good(taken)["id"] == first["id"]
    taken.clear()
    assert good(taken)["id"] != first["id"]
    assert emulator.requests.counts["jobs.snapshot"] == 2


@pytest.mark.parametrize(
    ("ttl", "sent"),
    [
        (timedelta(days=30), "2592000s"),
        (2592000, "2592000s"),
        (1234567.25, "1234567.25s"),
        (600, "600s"),
        (1e-5, "0.00001s"),
        ("1.5s", "1.5s"),
        ("60", "60s"),
    ],
)
def test_a_snapshots_ttl_is_in_decimal_seconds(ttl: Any, sent: str) -> None:
    assert task("DataflowCreateSnapshotOperator", job_id="a", ttl=ttl).task.ttl == sent


@pytest.mark.parametrize("ttl", ["2.592e+06s", "-1s", "0.0s", "infs", "1.0123456789s", "1_000s", 0, -5.0, float("inf"), float("nan")])
def test_a_ttl_that_the_service_would_not_read_is_refused(ttl: Any) -> None:
    with pytest.raises(ValueError, match="ttl must"):
        task("DataflowCreateSnapshotOperator", job_id="a", ttl=ttl)


WRONG: dict[str, Any] = {
    "DataflowStopJobOperator": {"job_id": "a", "job_name_prefix": "b"},
    "DataflowUpdateJobOperator": {"job_id": "a"},
    "DataflowCreateSnapshotOperator": {"job_id": "a", "ttl": "a week"},
    "DataflowStartYamlJobOperator": {"job_name": "a"},
    "DataflowTemplatedJobStartOperator": {"template": "gs://t/x", "validate": "maybe"},
}


@pytest.mark.parametrize("name", WRONG)
def test_an_argument_that_can_be_judged_early_fails_the_dag_file(name: str) -> None:
    with pytest.raises(ValueError, match=r"give one of|nothing is to be changed|ttl must|validate must"):
        task(name, **WRONG[name])


def metadata(emulator: Emulator) -> None:
    """Give the classic template of the tests the metadata of Word_Count."""
    import json

    from tests.api.dataflow.test_template_check import WORDS, raw

    emulator.objects.write("gs://t/x_metadata", json.dumps(raw(WORDS)["metadata"]).encode())


@pytest.mark.parametrize(
    ("validate", "words"),
    [("metadata", "outptu: the template has no such parameter; did you mean output?"), ("service", "outptu: Unrecognized parameter")],
)
def test_wrong_parameters_end_the_task_for_good_before_anything_is_launched(emulator: Emulator, validate: str, words: str) -> None:
    from airflow_dataflow_ext.task.compat import AirflowFailException

    metadata(emulator)
    parameters = {"inputFile": "gs://b/in", "outptu": "gs://b/out"}
    ended = task("DataflowTemplatedJobStartOperator", template="gs://t/x", parameters=parameters, validate=validate, retries=3).run()
    assert isinstance(ended.error, AirflowFailException)
    assert words in str(ended.error)
    assert len(emulator.jobs) == 0


def test_a_retry_that_takes_a_job_over_checks_nothing(emulator: Emulator) -> None:
    stream(emulator)
    taken = task("DataflowTemplatedJobStartOperator", template="gs://t/x", job_name="more", poll_sleep=SOON, retries=1)
    good(taken)
    metadata(emulator)  # of a newer version of the template, which the launch would not fit
    taken.retry()
    good(taken)


@BOTH
def test_a_finished_job_says_what_it_used(emulator: Emulator, deferrable: bool) -> None:
    from airflow_dataflow_ext.emulator.engines.timeline import Metrics, service_metric

    used = Metrics([service_metric("TotalVcpuTime", "Service-cpu_num_seconds", 7200)])
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0.05, used), (0.1, "JOB_STATE_DONE")])
    prices = {"vcpu_hours": 0.05, "shuffle_gb": 0.011}
    job = good(task("DataflowTemplatedJobStartOperator", template="gs://t/x", poll_sleep=SOON, prices=prices, deferrable=deferrable))
    assert job["resources"] == {"vcpu_hours": 2.0}
    assert job["estimatedCost"] == {"amount": pytest.approx(0.1), "without": ["shuffle_gb"]}


def test_cancel_on_kill_off_lets_the_job_go_on(emulator: Emulator) -> None:
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (60, "JOB_STATE_DONE")])
    waiting = task("DataflowTemplatedJobStartOperator", template="gs://t/x", deferrable=True, cancel_on_kill=False)
    deferred: Ended = waiting.enter()
    assert waiting.trigger(deferred).stop_on_kill is False
    waiting.task.on_kill()
    assert state_of(emulator, waiting.xcoms["job_id"]) == "JOB_STATE_RUNNING"
