"""What the page of a job is said, of tasks that really ran and jobs of the emulator."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from tests.plugin.auth import ALL
from tests.plugin.conftest import Browser, Ran
from tests.plugin.job_scripts import DESCRIPTION, RUNNING

Run = Callable[..., Ran]
ENDLESS: dict[str, Any] = {"type": "JOB_TYPE_BATCH"}
STREAM: dict[str, Any] = {"type": "JOB_TYPE_STREAMING", "on_cancel": [(0, "JOB_STATE_CANCELLED")], "on_drain": [(0, "JOB_STATE_DRAINED")]}


def script(emulator: Emulator, steps: list[Any] = RUNNING, **facts: Any) -> None:
    from airflow_dataflow_ext.emulator.engines.scripted import Script

    listed = {name: [list(step) for step in facts.pop(name)] for name in ("on_cancel", "on_drain") if name in facts}
    emulator.scripts.add(Script.from_json({"pattern": "*", "steps": [list(step) for step in steps], **listed, **facts}))


def test_the_head_says_state_type_and_whose_the_job_is(emulator: Emulator, ran: Run, see: Browser) -> None:
    script(emulator, **ENDLESS)
    said = see.see(ran())
    assert (said["now"]["source"], said["now"]["state"], said["now"]["type"]) == ("live", "JOB_STATE_RUNNING", "batch")
    assert (said["job"]["service"], said["job"]["followed"]) == ("dataflow", False)
    assert said["link"].startswith(f"{emulator.url}/dataflow/jobs/us-central1/")
    assert [entry["number"] for entry in said["task"]["tries"]] == [said["task"]["try"]]


def test_the_axis_has_stages_and_workers_with_their_reasons(emulator: Emulator, ran: Run, see: Browser) -> None:
    script(emulator, **ENDLESS)
    said = see.see(ran())
    assert [(stage["id"], stage["state"], stage["progress"]) for stage in said["stages"]] == [("F1", "running", 0.4)]
    assert [(event["current"], event["target"], event["reason"]) for event in said["autoscaling"]] == [(1, 3, "Worker pool started.")]


def test_the_graph_links_transforms_and_says_their_stages(emulator: Emulator, ran: Run, see: Browser) -> None:
    script(emulator, **ENDLESS)
    graph = see.see(ran(), "/graph")
    assert [(node["name"], node["stage"]) for node in graph["nodes"]] == [("Read/Impulse", "F1"), ("Read/Split", "F1"), ("Write", "F2")]
    assert graph["edges"] == [{"from": "s1", "to": "s2"}, {"from": "s2", "to": "s3"}]


def test_messages_come_from_the_level_on_that_is_asked_for(emulator: Emulator, ran: Run, see: Browser) -> None:
    script(emulator, **ENDLESS)
    job = ran()
    assert [entry["text"] for entry in see.see(job, "/messages")["messages"]] == ["Starting 1 workers in us-central1-a..."]
    assert "debug" in {entry["level"] for entry in see.see(job, "/messages", level="debug")["messages"]}


def test_metrics_say_elements_and_wall_time_without_tentative_copies(emulator: Emulator, ran: Run, see: Browser) -> None:
    script(emulator, **ENDLESS)
    said = see.see(ran(), "/metrics")
    assert (said["elements"], said["wall_time"]) == ({"Read/Split-out0": 1000}, {"s2": 250})
    assert [row["name"] for row in said["rows"]] == ["ElementCount", "ExecutionTime_ProcessElement"]


def test_the_workers_of_a_stage_are_shown(emulator: Emulator, ran: Run, see: Browser) -> None:
    script(emulator, **ENDLESS)
    assert len(see.see(ran(), "/workers", stage="F1")["workers"]) == 1


def test_a_failed_job_says_why(emulator: Emulator, ran: Run, see: Browser) -> None:
    script(emulator, [(0, {"message": "Workflow failed: no such table", "importance": "JOB_MESSAGE_ERROR"}), (0, "JOB_STATE_FAILED")])
    why = see.see(ran(), "/why")
    assert [entry["text"] for entry in why["errors"]] == ["Workflow failed: no such table"]
    assert why["logs"] == ""  # the emulator has no Logs Explorer


def test_a_task_without_a_job_says_so(run_dag: Callable[..., Any], emulator: Emulator, see: Browser) -> None:
    from airflow.sdk import DAG, task

    with DAG("plain", schedule=None) as dag:
        task(lambda: 1, task_id="add")()
    said = see.see(Ran("plain", run_dag(dag).run_id, "add"))
    assert (said["job"], said["now"]["source"], said["may"]["act"]) == (None, "none", [])


def test_a_mapped_task_has_its_own_job(emulator: Emulator, run_dag: Callable[..., Any], see: Browser) -> None:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator

    script(emulator, **ENDLESS)
    with DAG("mapped", schedule=None) as dag:
        DataflowTemplatedJobStartOperator.partial(task_id="launch", template="gs://b/t", validate="off", wait_until_finished=False).expand(
            job_name=["first", "second"]
        )
    run = run_dag(dag).run_id
    names = [see.see(Ran("mapped", run, "launch", index))["now"]["name"] for index in (0, 1)]
    assert [name.rpartition("-")[0] for name in names] == ["first", "second"]


def test_a_wave_run_is_shown_by_the_same_page(emulator: Emulator, ran: Run, see: Browser) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=60)
    job = ran("waves", "WaveStartDataflowOperator", dataflow="Sales", poll_sleep=0.2)
    said = see.see(job)
    assert (said["job"]["service"], said["now"]["state"], said["may"]["act"]) == ("wave", "Running", ["stop"])
    graph = see.see(job, "/graph")
    names = {node["id"]: node["name"] for node in graph["nodes"]}
    assert list(names.values()) == ["Extract_Account", "Extract_Opportunity", "Augment_Account", "Register_Sales"]
    assert {(names[edge["from"]], names[edge["to"]]) for edge in graph["edges"]} == {
        ("Extract_Account", "Augment_Account"),
        ("Extract_Opportunity", "Augment_Account"),
        ("Augment_Account", "Register_Sales"),
    }
    assert [node["phase"] for node in graph["nodes"]] == ["moving", "pending", "pending", "pending"]


@pytest.mark.parametrize(("action", "end"), [("cancel", "JOB_STATE_CANCELLED"), ("drain", "JOB_STATE_DRAINED")])
def test_a_streaming_job_is_stopped_by_the_button(emulator: Emulator, ran: Run, see: Browser, action: str, end: str) -> None:
    script(emulator, **STREAM)
    job = ran()
    assert see.see(job)["may"]["act"] == ["cancel", "drain", "snapshot"]
    assert see.act(job, action).status_code == 200
    said = see.see(job)
    assert (said["now"]["state"], said["may"]["act"]) == (end, [])


def test_a_snapshot_is_taken(emulator: Emulator, ran: Run, see: Browser) -> None:
    script(emulator, **STREAM)
    reply = see.act(ran(), "snapshot")
    assert reply.json()["done"].startswith("Snapshot ")


def test_a_run_is_stopped(emulator: Emulator, ran: Run, see: Browser) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=60)
    job = ran("waves", "WaveStartDataflowOperator", dataflow="Sales", poll_sleep=0.2)
    assert see.act(job, "stop").status_code == 200
    assert see.see(job)["now"]["state"] == "Cancelled"


def test_an_action_stands_in_the_audit_log(emulator: Emulator, ran: Run, see: Browser) -> None:
    from airflow.models import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    script(emulator, **STREAM)
    job = ran()
    see.act(job, "cancel")
    with create_session() as session:
        entry = session.scalar(select(Log).where(Log.event == "dataflow_ext_cancel", Log.run_id == job.run_id))
        assert entry is not None
        assert (entry.owner, entry.dag_id, entry.task_id) == (ALL, job.dag_id, "launch")


def test_an_ended_job_takes_no_action(emulator: Emulator, ran: Run, see: Browser) -> None:
    script(emulator, [(0, "JOB_STATE_DONE")])
    reply = see.act(ran(), "cancel")
    assert reply.status_code == 409
    assert "JOB_STATE_DONE takes no cancel" in reply.json()["detail"]


def store(job: Ran, **values: Any) -> None:
    """Put something else into the task's state store, as one could who may edit it."""
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        for key, value in values.items():
            where = TaskStateStoreModel.run_id == job.run_id, TaskStateStoreModel.dag_id == job.dag_id, TaskStateStoreModel.key == key
            session.execute(update(TaskStateStoreModel).where(*where).values(value=json.dumps(value)))


def stored(job: Ran, key: str) -> Any:
    from airflow_dataflow_ext.plugin.find import TaskKey, find

    found = find(TaskKey(job.dag_id, job.run_id, job.task_id, job.map_index))
    assert found is not None
    return found.stored.get(key)


def test_somebody_elses_job_is_neither_shown_nor_stopped(emulator: Emulator, ran: Run, see: Browser) -> None:
    script(emulator, **STREAM)
    mine, theirs = ran(), ran("other")
    record = dict(stored(mine, "launch"))
    store(mine, launch={**record, "job_id": stored(theirs, "launch")["job_id"]})
    said = see.see(mine)
    assert said["now"]["source"] != "live"
    assert "label" in said["now"]["trouble"]
    assert see.act(mine, "cancel").status_code == 409
    assert see.see(theirs)["now"]["state"] == "JOB_STATE_RUNNING"
    assert see.see(mine, "/messages")["messages"] == see.see(mine, "/graph")["nodes"] == []


def test_live_calls_can_be_forbidden(emulator: Emulator, ran: Run, see: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    script(emulator, **ENDLESS)
    job = ran()
    asked = len(emulator.requests.of("jobs.get"))
    monkeypatch.setenv("AIRFLOW__AIRFLOW_DATAFLOW_EXT__UI_LIVE", "False")
    assert "switched off" in see.see(job)["now"]["trouble"]
    assert see.see(job, "/why")["logs"].startswith("https://console.cloud.google.com/logs/query;query=resource.type%3D%22dataflow_step%22")
    assert len(emulator.requests.of("jobs.get")) == asked


def test_without_credentials_the_page_says_what_is_wrong(
    emulator: Emulator, ran: Run, see: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ran()
    monkeypatch.delenv("AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT")
    said = see.see(job)
    assert said["now"]["source"] != "live"
    assert "google_cloud_default" in said["now"]["trouble"]


def test_twenty_tabs_are_one_call(emulator: Emulator, ran: Run, see: Browser) -> None:
    script(emulator, **ENDLESS)
    job = ran()
    see.see(job)
    once = Calls(emulator)
    for _ in range(20):
        see.see(job)
    assert Calls(emulator).total == once.total


class Calls:
    """How many calls the emulator has seen."""

    def __init__(self, emulator: Emulator) -> None:
        self.total = sum(emulator.requests.counts.values())


SECRETS = ("hunter2-in-parameters", "hunter2-in-conf", "hunter2-in-form", "hunter2-in-display")


def test_no_reply_holds_a_secret(emulator: Emulator, ran: Run, see: Browser) -> None:
    from airflow.sdk import Param

    secret: Mapping[str, Any] = {"displayData": [{"key": "db_password", "strValue": SECRETS[3]}]}
    described = {**DESCRIPTION["pipelineDescription"], **secret}
    said = [(0, {"message": f"cannot log in with {text}", "importance": "JOB_MESSAGE_ERROR"}) for text in SECRETS]
    script(emulator, [*RUNNING, (0, {"describe": {"pipelineDescription": described}}), *said], **STREAM)
    job = ran(
        "secretive",
        params={"form": Param("", type="string", format="password")},
        conf={"api_key": SECRETS[1], "form": SECRETS[2]},
        parameters={"password": SECRETS[0], "key": "{{ params.form }}", "name": "x"},
        environment={"additionalUserLabels": {"secret": SECRETS[0]}},
    )
    key = json.loads(emulator.connections()["AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT"])["extra"]
    texts = [json.dumps(see.see(job, what, **query)) for what, query in PANELS] + [see.get("/jobs").text, see.act(job, "snapshot").text]
    assert "cannot log in with ***" in "".join(texts)
    assert [text for text in texts for secret in SECRETS if secret in text] == []
    assert "private_key" not in "".join(texts)
    assert key


PANELS: list[tuple[str, dict[str, str]]] = [
    ("", {}),
    ("/graph", {}),
    ("/metrics", {}),
    ("/workers", {"stage": "F1"}),
    ("/earlier", {}),
    ("/messages", {"level": "debug"}),
    ("/why", {}),
]


def test_what_a_task_kept_is_shown_when_the_service_has_forgotten_the_job(emulator: Emulator, ran: Run, see: Browser) -> None:
    scaled = (0, {"autoscaling": "Worker pool started.", "current": 1, "target": 3})
    done = (0.3, {"stages": [{"stageId": "F1", "state": "EXECUTION_STATE_SUCCEEDED"}]})
    script(emulator, [(0, "JOB_STATE_RUNNING"), scaled, done, (0.3, {"metrics": VCPU}), (0.4, "JOB_STATE_DONE")])
    job = ran("kept", wait_until_finished=None, prices={"vcpu_hours": 0.5})
    emulator.wipe()
    said = see.see(job)
    assert (said["now"]["source"], said["now"]["state"], said["now"]["phase"]) == ("stored", "JOB_STATE_DONE", "succeeded")
    assert "NOT_FOUND" in said["now"]["trouble"]
    assert [state for state, _ in said["states"]][-1] == "JOB_STATE_DONE"
    assert [stage["id"] for stage in said["stages"]] == ["F1"]
    assert [event["target"] for event in said["autoscaling"]] == [3]
    assert see.see(job, "/metrics")["cost"]["amount"] == 1.0


VCPU = [{"name": {"origin": "dataflow/v1b3", "name": "TotalVcpuTime", "context": {}}, "scalar": 7200}]
