"""Runs of CRM Analytics that are started, followed and ended in the triggerer: one launch starts one run, whatever dies."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.emulator import Emulator
from tests.airflow_task import needs_3_3
from tests.triggers.triggerer import die, start

__all__ = ["die", "start"]

pytestmark = needs_3_3

DEATHS = (
    "after writing entered",
    "after writing intended",
    "before sending wave.jobs.start",
    "after sending wave.jobs.start",
    "before writing launched",
    "after writing launched",
    "after writing job_id",
    "after writing return_value",
)


@pytest.fixture(autouse=True)
def quick(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "RUN_PAUSES", (0.0, 0.02))
    monkeypatch.setattr(budgets, "RUN_EVERY", 0.02)
    emulator.wave.scripts.play("*", wait=0.05, seconds=0.3)


def running(**fields: Any) -> Any:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators.wave import WaveStartDataflowOperator

    with DAG("books"):
        return WaveStartDataflowOperator(task_id="count", dataflow="Sales", poll_sleep=0.05, **fields)


def statuses(emulator: Emulator) -> list[str]:
    return [run["status"] for run in emulator.wave.all_runs()]


@pytest.mark.parametrize("point", DEATHS)
def test_wherever_a_triggerer_dies_the_next_one_ends_with_the_one_run(emulator: Emulator, start: Any, die: Any, point: str) -> None:
    task = start(running)
    die(point)
    task.dies()
    assert task.run() == "success"
    assert statuses(emulator) == ["Success"]
    assert task.xcoms["return_value"]["id"] == emulator.wave.all_runs()[0]["id"]
    assert task.xcoms["wave_data_manager_link"]


def test_a_run_that_is_in_the_way_is_waited_for(emulator: Emulator, start: Any) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=1)
    dataflow = next(flow for flow in emulator.wave.dataflows.values() if flow["label"] == "Sales")
    emulator.clock.on_loop(lambda: emulator.wave.runs.start(dict(dataflow), job_type="user", prefix="03C"))
    task = start(running)
    assert task.run() == "success"
    first, second = emulator.wave.all_runs()
    assert second["created"] - first["created"] >= 1
    assert task.xcoms["return_value"]["id"] == second["id"]


def test_a_clear_stops_the_run_and_starts_another(emulator: Emulator, start: Any, die: Any) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=60)
    task = start(running)
    die("after writing launched")
    task.dies()
    emulator.wave.scripts.play("*", wait=0, seconds=0.2)
    task.again()
    assert task.run() == "success"
    assert statuses(emulator) == ["Cancelled", "Success"]


def test_with_cleaned_xcoms_a_run_that_moves_is_waited_for_and_never_doubled(emulator: Emulator, start: Any, die: Any) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=1.5)
    task = start(running)
    die("after writing launched")
    task.dies()
    task.xcoms.clear()
    task.again()
    assert task.run() == "success"
    first, second = emulator.wave.all_runs()
    assert second["created"] - first["created"] >= 1.5
    assert statuses(emulator) == ["Success", "Success"]


@pytest.mark.parametrize(("state", "status"), [("failed", "Cancelled"), ("deferred", "Running")])
def test_a_kill_stops_the_run_when_a_user_asked_for_it(
    emulator: Emulator, start: Any, die: Any, monkeypatch: pytest.MonkeyPatch, state: str, status: str
) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=60)
    monkeypatch.setattr(budgets, "NEXT_TRY_PAUSES", (0.0,))
    task = start(running)
    die("after writing launched")
    task.dies()
    task.state = state
    asyncio.run(task.trigger().on_kill())
    assert statuses(emulator) == [status]
