"""Operators for CRM Analytics: deferrable or not, whatever dies and whatever else runs, one run and the same end."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_dataflow_ext.api.jobs.phase import Phase, phase_of
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.wave.states import WAVE
from airflow_dataflow_ext.emulator import Emulator, WaveNode
from tests.airflow_task import Ended, TaskInstance, needs_3_3

if TYPE_CHECKING:
    from airflow_dataflow_ext.operators.wave import WaveLaunchOperator

QUICK = 0.02
VARIES = {"id", "url", "nodesUrl", "createdDate", "startDate", "executedDate", "endDate", "waitTime", "duration"}
WAYS = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "triggerer"])


@pytest.fixture(autouse=True)
def quick(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(budgets, "RUN_PAUSES", (0.0, QUICK))
    monkeypatch.setattr(budgets, "RUN_EVERY", QUICK)
    emulator.wave.scripts.play("*", wait=0.05, seconds=0.2)


def start(**fields: Any) -> WaveLaunchOperator:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators.wave import WaveStartDataflowOperator

    which = {} if "recipe" in fields else {"dataflow": "Sales"}
    with DAG("nightly"):
        return WaveStartDataflowOperator(**{"task_id": "run", "poll_sleep": 0.05, **which, **fields})


def sync(**fields: Any) -> WaveLaunchOperator:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators.wave import WaveRunDataSyncOperator

    with DAG("nightly"):
        return WaveRunDataSyncOperator(**{"task_id": "sync", "poll_sleep": 0.05, **fields})


def run_start(emulator: Emulator, label: str = "Sales") -> str:
    """Somebody else starts a dataflow; the run's id."""
    flow = next(flow for flow in emulator.wave.dataflows.values() if flow["label"] == label)
    reference = {"id": flow["id"], "label": label, "name": label, "namespace": None}
    return str(emulator.clock.on_loop(lambda: emulator.wave.runs.start(reference, job_type="user", prefix="03C")).id)


def seen(task: TaskInstance, ended: Ended) -> tuple[object, ...]:
    """What a user sees of the end, without what differs between any two runs."""
    job = {name: value for name, value in task.xcoms.get("return_value", {}).items() if name not in VARIES}
    for node in job.get("nodes", ()):
        node.pop("id")
    text = str(ended.error or "").replace(task.xcoms["job_id"], "ID")
    return ended.state, type(ended.error), text, job, task.store.get("launch", {}).get("phase"), set(task.xcoms)


@pytest.mark.parametrize("fail_on_warning", [False, True])
@pytest.mark.parametrize("status", [*WAVE, "Live"])
def test_every_status_ends_the_task_in_the_same_way_deferrable_or_not(emulator: Emulator, status: str, fail_on_warning: bool) -> None:
    phase = phase_of(status, WAVE)
    if phase is Phase.MOVING:
        emulator.wave.scripts.play("*", wait=0.3, seconds=0.5, during=status.title())
    else:
        emulator.wave.scripts.play("*", wait=0.3, seconds=0.4, status=status.title(), message="So it is.")
    tasks = [TaskInstance(start(deferrable=deferrable, fail_on_warning=fail_on_warning)) for deferrable in (False, True)]
    worker, triggerer = [seen(task, task.run()) for task in tasks]
    assert tasks[1].events, "the second task was to wait in the triggerer"
    assert worker == triggerer
    well = phase is not Phase.FAILED and not (status == "warning" and fail_on_warning)
    assert worker[0] == ("success" if well else "failed")
    if well:
        last = "Success" if phase is Phase.MOVING else status.title()
        assert tasks[0].xcoms["return_value"]["status"] == last
    else:
        assert f"(Sales) ended as {status.title()}: So it is." in str(worker[2])


@WAYS
def test_the_result_carries_status_duration_and_rows(emulator: Emulator, deferrable: bool) -> None:
    nodes = [WaveNode(name="Extract", rows_out=9), WaveNode(name="Augment", node_type="augment", rows_in=9, rows_out=8, rows_failed=1)]
    emulator.wave.scripts.play("*", wait=0, seconds=1.1, status="Warning", nodes=nodes)
    task = TaskInstance(start(deferrable=deferrable))
    assert task.run().state == "success"
    job = task.xcoms["return_value"]
    assert (job["id"], job["status"], job["duration"]) == (task.xcoms["job_id"], "Warning", 1)
    assert [(node["name"], node["outputRows"]) for node in job["nodes"]] == [
        ("Extract", {"processedCount": 9, "failedCount": 0}),
        ("Augment", {"processedCount": 8, "failedCount": 1}),
    ]
    assert task.xcoms["wave_data_manager_link"] == f"{emulator.url}/analytics/dataManager"


@WAYS
def test_a_failure_names_the_node_and_its_message(emulator: Emulator, deferrable: bool) -> None:
    node = WaveNode(name="Digest", node_type="sfdcDigest", status="error", message="No such object.")
    emulator.wave.scripts.play("*", wait=0, seconds=0.1, status="Failure", progress=1.0667, nodes=[node])
    ended = TaskInstance(start(deferrable=deferrable)).run()
    assert "ended as Failure: node Digest (sfdcDigest) ended as error: No such object." in str(ended.error)


@WAYS
def test_a_recipe_and_a_data_sync_run_to_their_end(emulator: Emulator, deferrable: bool) -> None:
    recipe = TaskInstance(start(recipe="Daily recipe", deferrable=deferrable))
    synced = TaskInstance(sync(connector_id=next(iter(emulator.wave.connectors)), deferrable=deferrable))
    assert [task.run().state for task in (recipe, synced)] == ["success", "success"]
    assert [task.xcoms["return_value"]["jobType"] for task in (recipe, synced)] == ["recipe_v3", "datasync"]


@WAYS
@pytest.mark.parametrize("version", [42, 45, 46, 49, 50, 55, 59, 67])
def test_each_version_of_the_api_runs_a_dataflow(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, version: int, deferrable: bool
) -> None:
    connection = json.loads(emulator.connections()["AIRFLOW_CONN_SALESFORCE_DEFAULT"])
    connection["extra"]["version"] = f"{version}.0"
    monkeypatch.setenv("AIRFLOW_CONN_SALESFORCE_DEFAULT", json.dumps(connection))
    task = TaskInstance(start(deferrable=deferrable))
    assert task.run().state == "success"
    assert ("nodes" in task.xcoms["return_value"]) == (version >= 50)
    assert [run["id"] for run in emulator.wave.all_runs()] == [task.xcoms["job_id"]]


@WAYS
@pytest.mark.parametrize("handle", ["follows", "gone", "stale"])
def test_a_run_that_is_listed_late_is_followed_by_its_handle(emulator: Emulator, handle: str, deferrable: bool) -> None:
    emulator.wave.set(list_lag=0.4, handle=handle)
    emulator.wave.scripts.play("*", wait=0.3, seconds=0.5)
    task = TaskInstance(start(deferrable=deferrable))
    assert task.run().state == "success"
    assert task.xcoms["job_id"].startswith("030")
    assert task.xcoms["return_value"]["id"] == emulator.wave.all_runs()[0]["id"]


WHILE = 4.0
"""Seconds that a run goes on: longer than a task needs to begin on a busy machine."""


@WAYS
def test_a_running_dataflow_is_waited_for(emulator: Emulator, deferrable: bool) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=WHILE)
    first = run_start(emulator)
    emulator.wave.scripts.play("*", wait=0, seconds=1)
    task = TaskInstance(start(deferrable=deferrable))
    assert task.run().state == "success"
    runs = emulator.wave.all_runs()
    assert [run["id"] for run in runs] == [first, task.xcoms["job_id"]]
    assert runs[1]["created"] - runs[0]["created"] >= WHILE
    assert bool(task.events) == deferrable


def test_execution_timeout_counts_over_all_deferrals(emulator: Emulator) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=WHILE)
    run_start(emulator)
    task = TaskInstance(start(deferrable=True, execution_timeout=timedelta(seconds=120)))
    first = task.enter()
    second = task.resume(first)
    assert (first.state, second.state, second.message.next_method) == ("deferred", "deferred", "execute_complete")
    assert first.message.trigger_timeout <= timedelta(seconds=120)
    assert second.message.trigger_timeout <= first.message.trigger_timeout - timedelta(seconds=WHILE / 2)


def test_a_task_that_has_no_time_left_starts_nothing_more(emulator: Emulator) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=WHILE)
    run_start(emulator)
    task = TaskInstance(start(deferrable=True, execution_timeout=timedelta(seconds=120)))
    deferred = task.enter()
    deferred.message.next_kwargs["began"] -= 120
    ended = task.resume(deferred)
    assert (ended.state, type(ended.error).__name__) == ("failed", "AirflowTaskTimeout")
    assert emulator.requests.counts.get("wave.jobs.start", 0) == 0


@needs_3_3
@WAYS
def test_a_running_dataflow_is_adopted_and_not_stopped(emulator: Emulator, deferrable: bool) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=WHILE)
    first = run_start(emulator)
    task = TaskInstance(start(deferrable=deferrable, if_running="adopt"))
    assert task.run().state == "success"
    assert (task.xcoms["job_id"], task.store["launch"]["foreign"]) == (first, True)
    assert len(emulator.wave.all_runs()) == 1


def test_an_adopted_run_goes_on_when_the_task_is_cleared(emulator: Emulator) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=60)
    first = run_start(emulator)
    task = TaskInstance(start(if_running="adopt", wait_until_finished=False))
    task.run()
    task.clear()
    task.run()
    assert [(run["id"], run["status"]) for run in emulator.wave.all_runs()] == [(first, "Running")]


@WAYS
def test_a_running_dataflow_can_fail_the_task(emulator: Emulator, deferrable: bool) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=60)
    first = run_start(emulator)
    ended = TaskInstance(start(deferrable=deferrable, if_running="fail")).run()
    assert f"is already running: job {first} is Running." in str(ended.error)
    assert emulator.requests.counts.get("wave.jobs.start", 0) == 0


@WAYS
@pytest.mark.parametrize("duplicate", ["Failure", "Cancelled", "refused"])
def test_a_start_that_meets_a_full_queue_ends_with_the_queues_message(emulator: Emulator, duplicate: str, deferrable: bool) -> None:
    """Others start the dataflow twice between our look at its runs and our start."""
    emulator.wave.set(duplicate=duplicate)
    emulator.wave.scripts.play("*", wait=0, seconds=60)
    emulator.faults.add("wave.jobs.start", delay=0.3)
    import threading

    others = threading.Timer(0.25, lambda: (run_start(emulator), run_start(emulator)))
    task = TaskInstance(start(deferrable=deferrable))
    start_of_others(emulator, others)
    ended = task.run()
    others.join()
    assert ended.state == "failed"
    assert "already in the queue" in str(ended.error)


def start_of_others(emulator: Emulator, others: Any) -> None:
    """Let them go once our task has looked at the list."""
    listed = emulator.requests.add

    def add(entry: Any) -> None:
        listed(entry)
        if entry.method == "wave.jobs.list" and not others.is_alive() and others.ident is None:
            others.interval = 0
            others.start()

    emulator.requests.add = add  # type: ignore[method-assign]


@WAYS
@pytest.mark.parametrize(
    "trouble",
    [{"lost": True}, {"reset": True}, {"status": 503}, {"status": 500}, {"cut": "json"}, {"cut": "length"}, {"expired": True}],
    ids=str,
)
def test_trouble_at_each_call_ends_no_task_and_starts_no_second_run(emulator: Emulator, trouble: dict[str, Any], deferrable: bool) -> None:
    emulator.wave.scripts.play("*", wait=0.05, seconds=3)
    for call in ("wave.jobs.start", "wave.jobs.list", "wave.jobs.get", "wave.jobs.nodes.list", "wave.dataflows.list"):
        emulator.faults.add(call, **trouble)
    task = TaskInstance(start(deferrable=deferrable))
    assert task.run().state == "success"
    assert [run["id"] for run in emulator.wave.all_runs()] == [task.xcoms["job_id"]]


def test_a_run_that_somebody_starts_just_before_ours_is_not_followed(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_dataflow_ext.transport.sync import SyncTransport

    send, theirs = SyncTransport.send, []

    def overtaken(self: SyncTransport, request: Any) -> Any:
        if request.method.id == "wave.jobs.start":
            theirs.append(run_start(emulator))
        return send(self, request)

    monkeypatch.setattr(SyncTransport, "send", overtaken)
    task = TaskInstance(start())
    assert task.run().state == "success"
    assert [run["id"] for run in emulator.wave.all_runs()] == [*theirs, task.xcoms["job_id"]]


@pytest.mark.parametrize("cleared", [False, True])
def test_after_a_refused_start_somebody_elses_run_is_not_taken_for_ours(emulator: Emulator, cleared: bool) -> None:
    emulator.faults.add("wave.jobs.start", status=400)
    task = TaskInstance(start(retries=2))
    assert task.run().state != "success"
    emulator.wave.scripts.play("*", wait=0, seconds=WHILE)
    theirs = run_start(emulator)
    emulator.wave.scripts.play("*", wait=0, seconds=0.2)
    if cleared:
        task.clear()
    else:
        task.retry()
    assert task.run().state == "success"
    assert [(run["id"], run["status"]) for run in emulator.wave.all_runs()] == [(theirs, "Success"), (task.xcoms["job_id"], "Success")]


@needs_3_3
@pytest.mark.parametrize("died", ["before the start", "after the start"])
def test_a_worker_that_dies_around_the_start_leaves_one_run(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, died: str) -> None:
    from airflow_dataflow_ext.transport.sync import SyncTransport

    send = SyncTransport.send

    def dying(self: SyncTransport, request: Any) -> Any:
        if request.method.id != "wave.jobs.start":
            return send(self, request)
        if died == "after the start":
            send(self, request)
        raise SystemExit("the worker is gone")

    task = TaskInstance(start(retries=2))
    with monkeypatch.context() as patch:
        patch.setattr(SyncTransport, "send", dying)
        assert task.run().state != "success"
    assert task.store["launch"]["step"] == "intended"
    task.retry()
    assert task.run().state == "success"
    assert [run["id"] for run in emulator.wave.all_runs()] == [task.xcoms["job_id"]]
    assert emulator.requests.counts["wave.jobs.start"] == 1


@needs_3_3
def test_a_retry_takes_over_the_run_of_an_earlier_try(emulator: Emulator) -> None:
    emulator.wave.scripts.play("*", wait=0.05, seconds=4)
    task = TaskInstance(start(retries=1, deferrable=True))
    assert task.enter().state == "deferred"
    task.retry()
    assert task.run().state == "success"
    assert [run["id"] for run in emulator.wave.all_runs()] == [task.xcoms["job_id"]]


def test_a_retry_after_a_failed_run_starts_another(emulator: Emulator) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=0.1, status="Failure")
    task = TaskInstance(start(retries=1))
    assert task.run().state != "success"
    emulator.wave.scripts.play("*", wait=0, seconds=0.1)
    task.retry()
    assert task.run().state == "success"
    assert [run["status"] for run in emulator.wave.all_runs()] == ["Failure", "Success"]


@needs_3_3
def test_a_cleared_task_stops_its_run_and_starts_anew(emulator: Emulator) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=60)
    task = TaskInstance(start(wait_until_finished=False))
    task.run()
    task.clear()
    task.run()
    assert [run["status"] for run in emulator.wave.all_runs()] == ["Cancelled", "Running"]


@needs_3_3
@WAYS
def test_beyond_the_allowance_the_task_ends_clearly_and_its_retry_takes_the_run_over(emulator: Emulator, deferrable: bool) -> None:
    emulator.wave.set(api_requests=6)
    emulator.wave.scripts.play("*", wait=0, seconds=4)
    task = TaskInstance(start(deferrable=deferrable, retries=1))
    ended = task.run()
    assert ended.state != "success"
    assert "API requests of the last 24 hours are used up (api-usage=6/6)" in str(ended.error)
    emulator.wave.set(api_requests=1000)
    task.retry()
    assert task.run().state == "success"
    assert [run["id"] for run in emulator.wave.all_runs()] == [task.xcoms["job_id"]]


@WAYS
def test_nodes_that_may_not_be_read_do_not_end_the_task(emulator: Emulator, deferrable: bool) -> None:
    emulator.faults.add("wave.jobs.nodes.list", status=403)
    task = TaskInstance(start(deferrable=deferrable))
    assert task.run().state == "success"
    assert "nodes" not in task.xcoms["return_value"]


@pytest.mark.parametrize("waits", [0, None, 5])
def test_a_run_is_stopped(emulator: Emulator, waits: float | None) -> None:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators.wave import WaveStopDataflowJobOperator

    emulator.wave.scripts.play("*", wait=0, seconds=60)
    job_id = run_start(emulator)
    with DAG("nightly"):
        task = TaskInstance(WaveStopDataflowJobOperator(task_id="stop", job_id=job_id[:15], cancel_timeout=waits))
    assert task.run().state == "success"
    assert [run["status"] for run in emulator.wave.all_runs()] == ["Cancelled"]
    assert task.xcoms["wave_data_manager_link"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"recipe": "r", "dataflow": "d"}, "one of dataflow and recipe"),
        ({"dataflow": None}, "one of dataflow and recipe"),
        ({"if_running": "hope"}, "if_running must be one of wait, adopt, fail"),
        ({"poll_sleep": 0}, "poll_sleep"),
    ],
)
def test_a_wrong_argument_fails_the_dag_file(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        start(**wrong)


def test_a_wrong_connector_id_fails_the_task_at_once(emulator: Emulator) -> None:
    ended = TaskInstance(sync(connector_id="nonsense", retries=3)).run()
    assert (ended.state, str(ended.error).startswith("connector_id must be a Salesforce id of 15")) == ("failed", True)


def test_no_secret_is_in_xcom_or_in_the_state_store(emulator: Emulator) -> None:
    from airflow_dataflow_ext.emulator.wave.login import PASSWORD, SECURITY_TOKEN

    task = TaskInstance(start(deferrable=True))
    deferred = task.enter()
    kept = json.dumps([task.xcoms, task.store, deferred.message.trigger_kwargs])
    assert task.resume(deferred).state == "success"
    kept += json.dumps([task.xcoms, task.store, task.events])
    sessions = list(emulator.wave.sessions._good_until)
    assert sessions
    assert not [secret for secret in (PASSWORD, SECURITY_TOKEN, *sessions) if secret in kept]
