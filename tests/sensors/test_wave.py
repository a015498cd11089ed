"""The sensor for CRM Analytics: a run by its id, or the newest run of a dataflow; deferrable or not, the same end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.emulator import Emulator
from tests.airflow_task import TaskInstance
from tests.sensors.conftest import give_up_after

if TYPE_CHECKING:
    from airflow_dataflow_ext.sensors.wave import WaveDataflowJobSensor

WAYS = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "triggerer"])


@pytest.fixture(autouse=True)
def connected(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:

    for name, value in emulator.connections().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(budgets, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(budgets, "GATHER", 0.02)
    emulator.wave.scripts.play("*", wait=0.05, seconds=0.4)


def sensor(**fields: Any) -> WaveDataflowJobSensor:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.sensors.wave import WaveDataflowJobSensor

    with DAG("nightly"):
        return WaveDataflowJobSensor(**{"task_id": "wait", "poll_interval": 0.05, "timeout": 120, **fields})


def run_start(emulator: Emulator) -> str:
    """Somebody starts the dataflow Sales; the run's id."""
    flow = next(flow for flow in emulator.wave.dataflows.values() if flow["label"] == "Sales")
    reference = {"id": flow["id"], "label": "Sales", "name": "Sales", "namespace": None}
    return str(emulator.clock.on_loop(lambda: emulator.wave.runs.start(reference, job_type="user", prefix="03C")).id)


@WAYS
@pytest.mark.parametrize(
    ("status", "fail_on_warning", "state"),
    [
        ("Success", False, "success"),
        ("Warning", False, "success"),
        ("Warning", True, "failed"),
        ("Failure", False, "failed"),
        ("Cancelled", False, "failed"),
    ],
)
def test_a_run_is_waited_for_by_its_id(emulator: Emulator, status: str, fail_on_warning: bool, state: str, deferrable: bool) -> None:
    emulator.wave.scripts.play("*", wait=0.1, seconds=2, status=status)
    job_id = run_start(emulator)
    task = TaskInstance(sensor(job_id=job_id[:15], fail_on_warning=fail_on_warning, deferrable=deferrable))
    ended = task.run()
    assert ended.state == state
    assert len(task.events) == deferrable
    if state == "success":
        assert (task.xcoms["return_value"]["id"], task.xcoms["return_value"]["status"]) == (job_id, status)
        assert task.xcoms["return_value"]["nodes"]
    else:
        assert f"Run {job_id} (Sales) ended as {status}" in str(ended.error)


@WAYS
def test_the_newest_run_of_a_dataflow_is_waited_for_also_when_it_is_not_there_yet(emulator: Emulator, deferrable: bool) -> None:
    import threading

    run_start(emulator)
    since = datetime.now(UTC) + timedelta(seconds=0.2)
    later: list[str] = []
    others = threading.Timer(0.6, lambda: later.append(run_start(emulator)))
    others.start()
    task = TaskInstance(sensor(dataflow="Sales", since=since.isoformat(), deferrable=deferrable))
    assert task.run().state == "success"
    others.join()
    assert task.xcoms["return_value"]["id"] == later[0]


@WAYS
def test_a_run_that_has_ended_since_is_enough(emulator: Emulator, deferrable: bool) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=0)
    job_id = run_start(emulator)
    task = TaskInstance(sensor(dataflow="Sales", deferrable=deferrable))
    assert task.run().state == "success"
    assert (task.xcoms["return_value"]["id"], task.events) == (job_id, [])


@WAYS
def test_a_run_that_does_not_exist_for_a_while_ends_the_wait(monkeypatch: pytest.MonkeyPatch, deferrable: bool) -> None:
    give_up_after(0.3, monkeypatch)
    ended = TaskInstance(sensor(job_id="03CEM0000000009", deferrable=deferrable)).run()
    assert (ended.state, "404 NOT_FOUND" in str(ended.error)) == ("failed", True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "one of job_id, dataflow and recipe"),
        ({"job_id": "j", "recipe": "r"}, "one of job_id, dataflow and recipe"),
        ({"job_id": "j", "poll_interval": 0}, "poll_interval"),
    ],
)
def test_a_wrong_argument_fails_the_dag_file(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        sensor(**wrong)


@pytest.mark.parametrize("since", [date(2020, 1, 2), "2020-01-02", datetime(2020, 1, 2, tzinfo=UTC), "2020-01-02T00:00:00Z"])
def test_since_may_be_a_date_a_time_or_its_text(emulator: Emulator, since: Any) -> None:
    job_id = run_start(emulator)
    task = TaskInstance(sensor(dataflow="Sales", since=since))
    assert task.run().state == "success"
    assert task.xcoms["return_value"]["id"] == job_id


@pytest.mark.parametrize(
    "wrong",
    [{"job_id": "nonsense"}, {"dataflow": "Sales", "since": "yesterday"}, {"dataflow": "Sales", "since": "7"}, {"recipe": "Nobody's"}],
)
def test_a_wrong_value_fails_the_task_at_once(wrong: dict[str, Any]) -> None:
    ended = TaskInstance(sensor(**wrong, retries=3)).run()
    assert (ended.state, next(iter(reversed(wrong.values()))) in str(ended.error)) == ("failed", True)
