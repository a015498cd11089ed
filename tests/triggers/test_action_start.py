"""Operators that act on jobs, started and ended in the triggerer: each action is carried out once, whatever dies."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from tests.airflow_task import TaskInstance, needs_3_3
from tests.operators.conftest import Log, shown
from tests.triggers.triggerer import die, start

__all__ = ["die", "shown", "start"]

pytestmark = needs_3_3

DRAINS = ((0.3, "JOB_STATE_DRAINED"),)
DEATHS = (
    "after writing entered",
    "before writing action",
    "after writing action",
    "before sending jobs.snapshot",
    "after sending jobs.snapshot",
    "before writing snapshot_id",
    "after writing return_value",
)


def stream(emulator: Emulator, name: str = "words") -> str:
    """A streaming job that runs; its id."""
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    emulator.settings.snapshot_seconds = 0.2
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING")], type="JOB_TYPE_STREAMING", on_drain=DRAINS)
    return str(DataflowHook().launch_template("gs://b/t", name)["id"])


def taking(job_id: str) -> Any:
    def make(**fields: Any) -> Any:
        from airflow.sdk import DAG

        from airflow_dataflow_ext.operators.dataflow import DataflowCreateSnapshotOperator

        with DAG("books"):
            return DataflowCreateSnapshotOperator(task_id="count", job_id=job_id, poll_sleep=0.05, **fields)

    return make


def stopping(**fields: Any) -> Any:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators.dataflow import DataflowStopJobOperator

    with DAG("books"):
        return DataflowStopJobOperator(task_id="count", job_name_prefix="words", poll_sleep=0.05, **fields)


def snapshots(emulator: Emulator) -> list[str]:
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    return [str(snapshot["id"]) for snapshot in DataflowHook().list_snapshots()]


@pytest.mark.parametrize("point", DEATHS)
def test_wherever_a_triggerer_dies_there_is_one_snapshot(emulator: Emulator, start: Any, die: Any, point: str) -> None:
    task = start(taking(stream(emulator)))
    die(point)
    task.dies()
    assert task.run() == "success"
    assert snapshots(emulator) == [task.xcoms["snapshot_id"]] == [task.xcoms["return_value"]["id"]]


def test_a_retry_takes_over_the_snapshot_and_a_clear_takes_a_new_one(emulator: Emulator, start: Any) -> None:
    task = start(taking(stream(emulator)), retries=1)
    emulator.faults.add("snapshots.get", status=403, times=1)
    assert task.run() == "failed"
    task.again()
    assert task.run() == "success"
    (first,) = snapshots(emulator)
    task.again()
    assert task.run() == "success"
    assert sorted(snapshots(emulator)) == sorted([first, task.xcoms["snapshot_id"]])
    assert task.xcoms["snapshot_id"] != first


def test_a_retry_after_a_timeout_takes_over_the_snapshot(emulator: Emulator, start: Any, die: Any) -> None:
    task = start(taking(stream(emulator)), retries=1)
    die("after sending jobs.snapshot")
    task.dies()
    TaskInstance(task.operator, xcoms=task.xcoms).fail("Trigger timeout")
    task.again()
    assert task.run() == "success"
    assert snapshots(emulator) == [task.xcoms["snapshot_id"]]


def test_what_an_earlier_try_took_is_not_told_by_the_next_that_fails(emulator: Emulator, start: Any) -> None:
    task = start(taking(stream(emulator)))
    assert task.run() == "success"
    task.again()
    emulator.faults.add("jobs.snapshot", status=403, times=1)
    assert task.run() == "failed"
    assert not {"snapshot_id", "return_value"} & set(task.xcoms)


def test_a_stop_by_prefix_that_is_taken_over_tells_of_the_jobs_that_ended_in_between(emulator: Emulator, start: Any, die: Any) -> None:
    first, second = stream(emulator, "words-1"), stream(emulator, "words-2")
    task = start(stopping)
    die("after writing action")
    task.dies()
    emulator.jobs.set_state(first, "JOB_STATE_FAILED")  # while no triggerer has the trigger
    assert task.run() == "success"
    ended = {job["id"]: job["currentState"] for job in task.xcoms["return_value"]}
    assert ended == {first: "JOB_STATE_FAILED", second: "JOB_STATE_DRAINED"}


def test_a_stop_that_is_refused_for_one_job_stops_the_others_and_says_so(emulator: Emulator, start: Any, shown: Log) -> None:
    first, second = stream(emulator, "words-1"), stream(emulator, "words-2")
    emulator.faults.add("jobs.update", status=403, job="words-1*", times=1)
    task = start(stopping)
    assert task.run() == "failed"
    assert f"1 of 2 jobs go on: job {first}" in "\n".join(shown.lines())
    states = {entry["job"]["id"]: entry["job"]["currentState"] for entry in emulator.jobs.all()}
    assert states == {first: "JOB_STATE_RUNNING", second: "JOB_STATE_DRAINED"}
