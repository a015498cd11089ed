"""Fixtures for sensors: jobs to wait for, and helpers that run a sensor on a worker and in the triggerer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.emulator import Emulator
from tests.airflow_task import Ended, TaskInstance
from tests.operators.conftest import QUICK, connected

__all__ = ["QUICK", "connected"]

Both = Callable[..., list[tuple[TaskInstance, Ended]]]


@pytest.fixture
def launch(emulator: Emulator, connected: None) -> Callable[..., str]:
    """A function that starts a job with the given steps, and returns its id."""

    def launch(*steps: Any, **facts: Any) -> str:
        from airflow_dataflow_ext.hooks.dataflow import DataflowHook
        from airflow_dataflow_ext.sensors import dataflow  # noqa: F401  (takes seconds, in which the job would proceed)

        emulator.scripts.play("*", steps, **facts)
        return str(DataflowHook().launch_template("gs://b/t", "wc")["id"])

    return launch


def run_both(make: Callable[..., Any], **fields: Any) -> list[tuple[TaskInstance, Ended]]:
    """Run the same sensor on a worker and in the triggerer."""
    from airflow.sdk import DAG

    runs = []
    for deferrable in (False, True):
        with DAG("waits"):
            sensor = make(**{"task_id": "wait", "poll_interval": 0.05, "deferrable": deferrable, "timeout": 120, **fields})
        run = TaskInstance(sensor)
        runs.append((run, run.run()))
    return runs


def same_result(both: list[tuple[TaskInstance, Ended]]) -> Any:
    """Check that both runs succeeded with the same result, and return it."""
    (worker, ended), (triggerer, ended_there) = both
    assert (ended.state, ended_there.state) == ("success", "success"), (ended.error, ended_there.error)
    assert worker.xcoms["return_value"] == triggerer.xcoms["return_value"]
    return worker.xcoms["return_value"]


def same_failure(both: list[tuple[TaskInstance, Ended]]) -> str:
    """Check that both runs failed with the same error, and return its text."""
    (_, ended), (_, ended_there) = both
    assert (ended.state, ended_there.state) == ("failed", "failed")
    assert (type(ended.error), str(ended.error)) == (type(ended_there.error), str(ended_there.error))
    return str(ended.error)


def give_up_after(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up after this many seconds on a job that the service does not know."""
    monkeypatch.setattr(budgets, "LOST_AFTER", seconds)
