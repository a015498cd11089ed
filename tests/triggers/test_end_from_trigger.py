"""A trigger that ends its task: the same result and the same failure as a worker would give, and plain events without a task."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.emulator import Emulator, Metrics
from airflow_dataflow_ext.emulator.google.oauth import PROJECT
from tests.airflow_task import needs_3_3
from tests.asking import LOCATION, Asker
from tests.operators.conftest import connected
from tests.operators.launches import classic

pytestmark = needs_3_3

__all__ = ["connected"]

TI = {"dag_id": "books", "task_id": "count", "run_id": "manual__2026-01-01", "map_index": 3, "try_number": 1}
VCPU = {"name": {"origin": "dataflow/v1b3", "name": "TotalVcpuTime"}, "scalar": 7200}


@pytest.fixture
def xcoms(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is written."""
    from airflow.sdk.execution_time.xcom import XCom

    written: dict[str, Any] = {}
    monkeypatch.setattr(XCom, "set", lambda **given: written.update(given))
    return written


def trigger_of(kind: str, job_id: str) -> Any:
    from airflow_dataflow_ext.api.dataflow.conditions import MetricReached
    from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
    from airflow_dataflow_ext.api.dataflow.usage import Spending
    from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
    from airflow_dataflow_ext.triggers import dataflow, dataflow_waits

    at = {"job_id": job_id, "poll_sleep": 0.05, "end_from_trigger": True}
    if kind == "status":
        return dataflow_waits.DataflowJobStatusTrigger(expected_statuses=["JOB_STATE_DONE"], **at)
    if kind == "condition":
        condition = MetricReached(metric="TotalVcpuTime", at_least=1).serialize()
        return dataflow_waits.DataflowConditionTrigger(condition=condition, fail_on_terminal_state=True, **at)
    job = JobRef(place=Place(project_id=PROJECT, location=LOCATION), id=job_id)
    watch = JobWatch(job=job, policy=WaitPolicy(poll_sleep=0.05, spending=Spending(prices={"vcpu_hours": 0.5}))).serialize()
    return dataflow.DataflowJobTrigger(watch=watch, end_from_trigger=True, conn_id="google_cloud_default")


def event_of(emulator: Emulator, kind: str, end: str, *, metrics: bool = True, task: bool = True, skips: bool = False) -> Any:
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0.1, Metrics([VCPU] if metrics else [])), (0.3, end)])
    trigger = trigger_of(kind, Asker(emulator.url, project=PROJECT).launch()["id"])
    trigger.skips = skips
    trigger.task_instance = SimpleNamespace(**TI) if task else None

    async def first() -> Any:
        return await anext(trigger.run())

    return asyncio.run(first())


@pytest.mark.parametrize("kind", ["status", "condition", "launch"])
def test_the_result_is_written_and_the_task_succeeds(emulator: Emulator, xcoms: dict[str, Any], kind: str) -> None:
    from airflow.triggers.base import TaskSuccessEvent

    assert isinstance(event_of(emulator, kind, "JOB_STATE_DONE"), TaskSuccessEvent)
    result = xcoms.pop("value")
    assert xcoms == {"key": "return_value", **{name: value for name, value in TI.items() if name != "try_number"}}
    if kind == "condition":
        assert result["scalar"] == 7200
    else:
        assert result["currentState"] == "JOB_STATE_DONE"
    if kind == "launch":
        assert (result["resources"], result["estimatedCost"]["amount"]) == ({"vcpu_hours": 2.0}, 1.0)


@pytest.mark.parametrize("kind", ["status", "condition", "launch"])
def test_a_bad_end_fails_the_task_with_its_reason_in_the_log(
    emulator: Emulator, xcoms: dict[str, Any], kind: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.triggers.base import TaskFailedEvent

    from airflow_dataflow_ext.triggers.base import WaitTrigger

    monkeypatch.setattr(WaitTrigger, "log", logging.getLogger("trigger"))
    event = event_of(emulator, kind, "JOB_STATE_CANCELLED", metrics=False)
    assert isinstance(event, TaskFailedEvent)
    assert xcoms.get("key") != "return_value"
    assert "JOB_STATE_CANCELLED" in caplog.text


@pytest.mark.parametrize("kind", ["status", "condition"])
def test_a_bad_end_skips_the_task_where_its_sensor_would(emulator: Emulator, xcoms: dict[str, Any], kind: str) -> None:
    from airflow.triggers.base import TaskSkippedEvent

    assert isinstance(event_of(emulator, kind, "JOB_STATE_CANCELLED", metrics=False, skips=True), TaskSkippedEvent)
    assert xcoms == {}
    again = trigger_of(kind, "j")
    assert type(again)(**{**again.serialize()[1], "skips": True}).serialize()[1]["skips"] is True


@pytest.mark.parametrize("kind", ["status", "condition", "launch"])
def test_without_a_task_instance_the_event_is_a_plain_one(emulator: Emulator, kind: str) -> None:
    from airflow.triggers.base import TriggerEvent

    assert type(event_of(emulator, kind, "JOB_STATE_DONE", task=False)) is TriggerEvent


@pytest.mark.parametrize("kind", ["status", "condition", "launch"])
def test_an_event_that_ends_the_task_leaves_at_once(
    emulator: Emulator, xcoms: dict[str, Any], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.triggers.base import TaskSuccessEvent

    from airflow_dataflow_ext.api.rest import budgets

    monkeypatch.setattr(budgets, "FIRST_EVENT_AFTER", 3600.0)
    assert isinstance(event_of(emulator, kind, "JOB_STATE_DONE"), TaskSuccessEvent)


def test_an_event_that_leads_back_to_a_worker_does_not_overtake_airflow(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_dataflow_ext.api.rest import budgets

    monkeypatch.setattr(budgets, "FIRST_EVENT_AFTER", 3600.0)
    emulator.scripts.play("*", [(0, "JOB_STATE_DONE")])
    trigger = trigger_of("status", Asker(emulator.url, project=PROJECT).launch()["id"])
    trigger.end_from_trigger, trigger.task_instance = False, SimpleNamespace(**TI)

    async def until_it_waits() -> list[float]:
        waits: list[float] = []
        sleep = asyncio.sleep

        async def recorded(seconds: float, *rest: Any) -> None:
            waits.append(seconds)
            await sleep(0 if seconds > 60 else seconds)

        monkeypatch.setattr(asyncio, "sleep", recorded)
        await anext(trigger.run())
        return [seconds for seconds in waits if seconds > 60]

    (waited,) = asyncio.run(until_it_waits())
    assert waited > 3000


def test_an_operator_that_waits_on_its_worker_cannot_end_elsewhere() -> None:
    with pytest.raises(InvalidInputError, match="needs deferrable=True"):
        classic(end_from_trigger=True, deferrable=False)
