"""Sensors against the emulator, and a job for each of them to wait at."""

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
    """Starts a job that plays these steps; its id."""

    def launch(*steps: Any, **facts: Any) -> str:
        from airflow_dataflow_ext.hooks.dataflow import DataflowHook
        from airflow_dataflow_ext.sensors import dataflow  # noqa: F401  (takes seconds, in which the job would go on)

        emulator.scripts.play("*", steps, **facts)
        return str(DataflowHook().launch_template("gs://b/t", "wc")["id"])

    return launch


def run_both(make: Callable[..., Any], **fields: Any) -> list[tuple[TaskInstance, Ended]]:
    """The same sensor on a worker and in the triggerer, each to its end."""
    from airflow.sdk import DAG

    runs = []
    for deferrable in (False, True):
        with DAG("waits"):
            sensor = make(**{"task_id": "wait", "poll_interval": 0.05, "deferrable": deferrable, "timeout": 120, **fields})
        run = TaskInstance(sensor)
        runs.append((run, run.run()))
    return runs


def same_result(both: list[tuple[TaskInstance, Ended]]) -> Any:
    """What both gave; that both succeeded, and gave the same, is checked here."""
    (worker, ended), (triggerer, ended_there) = both
    assert (ended.state, ended_there.state) == ("success", "success"), (ended.error, ended_there.error)
    assert worker.xcoms["return_value"] == triggerer.xcoms["return_value"]
    return worker.xcoms["return_value"]


def same_failure(both: list[tuple[TaskInstance, Ended]]) -> str:
    """Why both failed; that both did, for the same reason, is checked here."""
    (_, ended), (_, ended_there) = both
    assert (ended.state, ended_there.state) == ("failed", "failed")
    assert (type(ended.error), str(ended.error)) == (type(ended_there.error), str(ended_there.error))
    return str(ended.error)


def give_up_after(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that the service does not know is given up so soon."""
    monkeypatch.setattr(budgets, "LOST_AFTER", seconds)
