"""Deferrable or not: every state of a job has the same result, XCom and exception."""

from __future__ import annotations

import pytest

from airflow_dataflow_ext.api.dataflow.states import DATAFLOW, TERMINAL
from airflow_dataflow_ext.emulator import Emulator
from tests.airflow_task import Ended, TaskInstance
from tests.operators.launches import classic, flex, instance

ENDS_WELL = {"JOB_STATE_DONE", "JOB_STATE_DRAINED", "JOB_STATE_UPDATED"}
VARIES = {"id", "createTime", "startTime", "currentStateTime", "stageStates"}


def play(emulator: Emulator, state: str, **facts: object) -> None:
    """Jobs run through the state; one in which no job stays ends as DONE."""
    rest = [] if state in TERMINAL else [(0.3, "JOB_STATE_DONE")]
    emulator.scripts.play("*", [(0.0, "JOB_STATE_RUNNING"), (0.1, state), *rest], **facts)


def both_ways(make: object, **fields: object) -> list[tuple[TaskInstance, Ended]]:
    runs = [instance(make, deferrable=deferrable, **fields) for deferrable in (False, True)]
    return [(run, run.run()) for run in runs]


def seen(run: TaskInstance, ended: Ended) -> tuple[object, ...]:
    """What a user sees of the end, without what differs between any two jobs."""
    job = {name: value for name, value in run.xcoms.get("return_value", {}).items() if name not in VARIES}
    text = str(ended.error or "").replace(run.xcoms["job_id"], "ID")
    return ended.state, type(ended.error), text, job, run.store.get("launch", {}).get("phase")


@pytest.mark.parametrize("state", sorted(DATAFLOW))
def test_every_state_ends_the_task_in_the_same_way_deferrable_or_not(emulator: Emulator, state: str) -> None:
    play(emulator, state)
    worker, triggerer = both_ways(flex)
    assert triggerer[0].events, "the second task was to wait in the triggerer"
    assert seen(*worker) == seen(*triggerer)
    well = state in ENDS_WELL or state not in TERMINAL
    assert worker[1].state == ("success" if well else "failed")
    if well:
        assert worker[0].xcoms["return_value"]["currentState"] == (state if state in TERMINAL else "JOB_STATE_DONE")


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_an_expected_terminal_state_is_the_only_good_end(emulator: Emulator, state: str) -> None:
    play(emulator, state)
    worker, triggerer = both_ways(classic, expected_terminal_state="JOB_STATE_CANCELLED")
    assert seen(*worker) == seen(*triggerer)
    assert worker[1].state == ("success" if state == "JOB_STATE_CANCELLED" else "failed")


@pytest.mark.parametrize(("to_the_end", "last"), [(None, "JOB_STATE_RUNNING"), (True, "JOB_STATE_DRAINED")])
def test_a_streaming_job_is_waited_for_until_it_runs_or_to_its_end(emulator: Emulator, to_the_end: bool | None, last: str) -> None:
    steps = [(0, "JOB_STATE_PENDING"), (0.1, "JOB_STATE_RUNNING"), (0.5, "JOB_STATE_DRAINED")]
    emulator.scripts.play("*", steps, type="JOB_TYPE_STREAMING")
    worker, triggerer = both_ways(flex, wait_until_finished=to_the_end)
    assert seen(*worker) == seen(*triggerer)
    assert worker[0].xcoms["return_value"]["currentState"] == last


@pytest.mark.parametrize("deferrable", [False, True])
def test_without_waiting_the_task_ends_with_the_launch(emulator: Emulator, deferrable: bool) -> None:
    task = instance(wait_until_finished=False, deferrable=deferrable)
    assert task.run().state == "success"
    assert task.xcoms["return_value"]["id"] == task.xcoms["job_id"]
    assert not task.events
