"""A kill of a trigger stops its job when a user asked for it, and not when the trigger merely moved or the job is none of its own."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.states import STREAMING
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.google.oauth import PROJECT
from tests.airflow_task import needs_3_3
from tests.asking import LOCATION, Asker

TI = {"dag_id": "books", "task_id": "count", "run_id": "manual__2026-01-01", "map_index": -1, "try_number": 2}
ENDLESS = [(0.0, "JOB_STATE_RUNNING")]


@pytest.fixture(autouse=True)
def connected(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in emulator.connections().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Airflow answers a trigger: the task's state."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    known: dict[str, Any] = {"state": "deferred", "key": "count"}

    def states(**asked: Any) -> Any:
        assert asked == {"dag_id": "books", "task_ids": ["count"], "run_ids": [TI["run_id"]], "map_index": TI["map_index"]}
        return {TI["run_id"]: {known["key"]: known["state"]}} if known["state"] != "unknown" else {}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", states)
    return known


def killed(emulator: Emulator, *, drain: bool = False, impatient: bool = False, **fields: Any) -> str:
    """The state of the job after its trigger was killed, made as Airflow makes it from what it stored.

    :param impatient: the kill is cancelled again and again while it goes on, as by a triggerer in each of its rounds.
    """
    from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
    from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
    from airflow_dataflow_ext.triggers.dataflow import DataflowJobTrigger

    ask = Asker(emulator.url, project=PROJECT)
    job = ask.launch("wc")
    at = JobRef(place=Place(project_id=PROJECT, location=LOCATION), id=job["id"])
    watch = JobWatch(job=at, policy=WaitPolicy(poll_sleep=0.05, drain=drain)).serialize()
    trigger = DataflowJobTrigger(**{"watch": watch, "stop_on_kill": True, "conn_id": "google_cloud_default", **fields})
    trigger = DataflowJobTrigger(**trigger.serialize()[1])
    trigger.task_instance = SimpleNamespace(**TI)
    asyncio.run(impatiently(trigger) if impatient else trigger.on_kill())
    return str(ask.state(job)).removeprefix("JOB_STATE_")


async def impatiently(trigger: Any) -> None:
    """Kill as :class:`~airflow.jobs.triggerer_job_runner.TriggerRunner` does: whatever has not let go is cancelled once more."""
    killing = asyncio.create_task(asyncio.wait_for(trigger.on_kill(), 30.0))
    while not killing.done():
        await asyncio.sleep(0.1)
        killing.cancel()
    await asyncio.sleep(2.0)  # the triggerer lives on


@pytest.mark.parametrize("state", ["failed", "success", "skipped", "scheduled", "queued", "running", "restarting", "removed", None])
def test_a_task_that_is_no_longer_deferred_was_ended_by_a_user(emulator: Emulator, airflow: dict[str, Any], state: str | None) -> None:
    emulator.scripts.play("*", ENDLESS, on_cancel=((0.1, "JOB_STATE_CANCELLED"),))
    airflow["state"] = state
    assert killed(emulator) == "CANCELLED"


@pytest.mark.parametrize("key", ["count", "count_3"])
def test_a_trigger_that_moved_to_another_triggerer_leaves_the_job(emulator: Emulator, airflow: dict[str, Any], key: str) -> None:
    emulator.scripts.play("*", ENDLESS)
    airflow["key"] = key  # a mapped task's
    assert killed(emulator) == "RUNNING"


def test_an_unclear_answer_is_nobodys_kill(emulator: Emulator, airflow: dict[str, Any]) -> None:
    emulator.scripts.play("*", ENDLESS)
    airflow["state"] = "unknown"  # Airflow does not know the task
    assert killed(emulator) == "RUNNING"


def test_cleaned_xcoms_are_nobodys_kill(emulator: Emulator, airflow: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.execution_time.xcom import XCom

    def gone(**_: Any) -> Any:
        raise AssertionError("no XCom says who is behind a kill")

    monkeypatch.setattr(XCom, "get_one", gone)
    emulator.scripts.play("*", ENDLESS)
    assert killed(emulator) == "RUNNING"


def test_a_streaming_job_is_drained_if_that_was_asked_for(emulator: Emulator, airflow: dict[str, Any]) -> None:
    emulator.scripts.play("*", ENDLESS, type=STREAMING, on_drain=((0.1, "JOB_STATE_DRAINED"),))
    airflow["state"] = "failed"
    assert killed(emulator, drain=True) == "DRAINED"


def test_a_job_that_is_not_to_be_stopped_goes_on(emulator: Emulator, airflow: dict[str, Any]) -> None:
    emulator.scripts.play("*", ENDLESS)
    airflow["state"] = "failed"
    assert killed(emulator, stop_on_kill=False) == "RUNNING"


def test_a_job_is_stopped_though_its_service_is_slower_than_a_round_of_the_triggerer(emulator: Emulator, airflow: dict[str, Any]) -> None:
    """Until a trigger has ended, Airflow cancels it again each second, and with it the kill."""
    emulator.scripts.play("*", ENDLESS, on_cancel=((0.1, "JOB_STATE_CANCELLED"),))
    emulator.faults.add("jobs.update", delay=0.5)
    airflow["state"] = "failed"
    assert killed(emulator, impatient=True) == "CANCELLED"


def test_a_kill_waits_no_longer_than_airflow_allows(emulator: Emulator, airflow: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(budgets, "KILL_STOP_WITHIN", 0.5)
    emulator.scripts.play("*", ENDLESS, on_cancel=((60.0, "JOB_STATE_CANCELLED"),))
    airflow["state"] = "failed"
    assert killed(emulator) == "CANCELLING"


@needs_3_3
def test_the_time_for_a_kill_is_within_airflows(airflow: dict[str, Any]) -> None:
    from airflow.sdk import conf

    assert conf.getfloat("triggerer", "on_kill_timeout") > budgets.KILL_STOP_WITHIN
