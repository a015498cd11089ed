"""What the page about versions promises, by the Airflow that these tests run on."""

from __future__ import annotations

import asyncio
import re
import time
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.google.oauth import PROJECT
from tests.airflow_task import SDK, TaskInstance
from tests.asking import LOCATION, Asker
from tests.operators.conftest import connected
from tests.operators.launches import classic
from tests.triggers.test_every_way import ROWS, classes
from tests.triggers.test_kill import TI, airflow

__all__ = ["airflow", "connected"]

IS_3_3 = SDK >= (1, 3)


@pytest.mark.parametrize("option", ["end_from_trigger", "start_from_trigger"])
@pytest.mark.parametrize("name", ROWS)
def test_an_option_that_needs_airflow_3_3_is_refused_by_name_before_it(emulator: Emulator, name: str, option: str) -> None:
    arguments = {**ROWS[name].fields, **ROWS[name].good(emulator), "end_from_trigger": True, option: True, "deferrable": True}
    if IS_3_3:
        assert classes()[name](task_id="count", **arguments)
        return
    with pytest.raises(InvalidInputError, match=rf"{re.escape(option)}.* Airflow 3\.3"):
        classes()[name](task_id="count", **arguments)


@pytest.mark.parametrize("option", [{"when_full": "wait"}, {"fallback_locations": ["us-east1"]}], ids=lambda option: next(iter(option)))
def test_launching_again_for_want_of_room_needs_airflow_3_3(option: dict[str, Any]) -> None:
    if IS_3_3:
        assert classic(**option)
        return
    with pytest.raises(InvalidInputError, match=rf"{next(iter(option))} needs Airflow 3\.3"):
        classic(**option)


def test_an_option_that_is_off_needs_nothing() -> None:
    assert classic(end_from_trigger=False, start_from_trigger=False, deferrable=True)


def until_asked(emulator: Emulator) -> None:
    """Return once somebody has asked about jobs."""
    while not any(entry.method in ("jobs.get", "jobs.list") for entry in emulator.requests):
        time.sleep(0.05)


def cancelled(emulator: Emulator) -> str:
    """The state of the job after Airflow has cancelled the wait for it."""
    from airflow_dataflow_ext.triggers.dataflow import DataflowJobTrigger

    ask = Asker(emulator.url, project=PROJECT)
    emulator.scripts.play("*", [(0.0, "JOB_STATE_RUNNING")], on_cancel=((0.0, "JOB_STATE_CANCELLED"),))
    job = ask.launch("wc")
    watch = JobWatch(job=JobRef(place=Place(project_id=PROJECT, location=LOCATION), id=job["id"]), policy=WaitPolicy(poll_sleep=0.05))
    trigger = DataflowJobTrigger(watch=watch.serialize(), stop_on_kill=True, conn_id="google_cloud_default")
    trigger.task_instance = SimpleNamespace(**TI)

    async def wait_and_cancel() -> None:
        waiting = asyncio.ensure_future(anext(aiter(trigger.run())))
        await asyncio.to_thread(until_asked, emulator)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    emulator.requests.clear()
    asyncio.run(wait_and_cancel())
    return str(ask.state(job)).removeprefix("JOB_STATE_")


def test_a_wait_that_is_cancelled_stops_the_job_of_a_task_that_a_person_ended(emulator: Emulator, airflow: dict[str, Any]) -> None:
    airflow["state"] = "failed"
    assert cancelled(emulator) == ("RUNNING" if IS_3_3 else "CANCELLED")  # from 3.3 on Airflow calls on_kill besides


@pytest.mark.parametrize("state", ["deferred", "unknown"])
def test_a_wait_that_is_cancelled_leaves_the_job_of_a_task_that_still_waits(
    emulator: Emulator, airflow: dict[str, Any], state: str
) -> None:
    airflow["state"] = state
    assert cancelled(emulator) == "RUNNING"


def test_a_retry_of_a_run_follows_it_or_starts_another_after_its_end(emulator: Emulator) -> None:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators.wave import WaveStartDataflowOperator

    emulator.wave.scripts.play("*", wait=0.05, seconds=2)
    with DAG("crm"):
        task = TaskInstance(WaveStartDataflowOperator(task_id="run", dataflow="Sales", poll_sleep=0.1, retries=1, deferrable=True))
    assert task.enter().state == "deferred"  # and its worker is gone
    task.retry()
    assert task.run().state == "success"
    runs = emulator.wave.all_runs()
    assert [run["status"] for run in runs] == ["Success"] * (1 if IS_3_3 else 2)
    assert runs[-1]["id"] == task.xcoms["job_id"]


def test_events_without_a_store_count_from_now_on(emulator: Emulator) -> None:
    from airflow_dataflow_ext.triggers.dataflow_events import DataflowJobEventTrigger

    ask = Asker(emulator.url, project=PROJECT)
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0, "JOB_STATE_DONE")])
    ask.launch("before")

    async def first() -> Any:
        event = asyncio.ensure_future(anext(aiter(DataflowJobEventTrigger(poll_sleep=0.1).run())))
        await asyncio.to_thread(until_asked, emulator)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(ask.launch, "after")
        return (await event).payload["name"]

    emulator.requests.clear()
    assert asyncio.run(first()) == "after"
