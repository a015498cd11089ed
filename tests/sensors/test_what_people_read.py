"""What a person reads of a sensor: what there is at the first look, a line when it moves, and what was seen last when it times out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.emulator import Emulator, JobMessage, Metrics, Stages
from tests.airflow_task import TaskInstance
from tests.operators.conftest import Log, shown
from tests.sensors.test_dataflow import counter, stage, task_of

__all__ = ["shown"]

RUNNING, DONE = "JOB_STATE_RUNNING", "JOB_STATE_DONE"
Launch = Callable[..., str]
BOTH = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "triggerer"])


def timed_out(name: str, deferrable: bool, **fields: Any) -> str:
    """The text of the timeout of a sensor."""
    task = task_of(name, deferrable=deferrable, timeout=0.6, **fields)
    ended = task.enter()
    if ended.state == "deferred":
        ended = task.fail("Trigger timeout")
    assert type(ended.error).__name__ == "AirflowSensorTimeout"
    return str(ended.error)


@BOTH
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"metric": "lnies", "at_least": 5}, "The job has no metric 'lnies'; did you mean lines? There is lines."),
        (
            {"metric": "lines", "at_least": 5, "metric_context": {"step": "s2"}},
            'Metric lines has no context {"step": "s2"}; did you mean {"step": "s1"}? There is {"step": "s1"}.',
        ),
        ({"metric": "lines", "at_least": 500}, "Metric lines is 99; waited for: 500."),
    ],
)
def test_a_metric_that_does_not_come_is_explained_at_once_and_in_the_timeout(
    launch: Launch, shown: Log, deferrable: bool, fields: dict[str, Any], words: str
) -> None:
    job_id = launch((0, RUNNING), (0, Metrics([counter(99)])))
    assert timed_out("DataflowJobMetricsSensor", deferrable, job_id=job_id, **fields).endswith(f"Last seen: {words}")
    assert shown.lines().count(words) == 1


@BOTH
def test_a_line_comes_when_the_value_moves_and_none_while_it_stands(launch: Launch, shown: Log, deferrable: bool) -> None:
    job_id = launch((0, RUNNING), (0, Metrics([counter(1)])), (1.0, Metrics([counter(2)])), (2.0, Metrics([counter(3)])))
    assert task_of("DataflowJobMetricsSensor", job_id=job_id, metric="lines", at_least=3, deferrable=deferrable).run().state == "success"
    moved = [line for line in shown.lines() if line.startswith("Metric lines is ")]
    assert list(dict.fromkeys(moved)) == [f"Metric lines is {number}; waited for: 3." for number in (1, 2, 3)]
    assert len(moved) == 3 + deferrable  # worker and triggerer look at the first value


@BOTH
@pytest.mark.parametrize(
    ("name", "fields", "steps", "words"),
    [
        ("DataflowJobMessagesSensor", {"callback": lambda _: False}, [JobMessage("Hm.")], "The job has 1 messages."),
        ("DataflowJobAutoScalingEventsSensor", {}, [], "The job has no autoscaling events yet."),
        ("DataflowJobMetricsSensor", {}, [], "The job has no metrics yet."),
        ("DataflowJobProgressSensor", {"at_least": 0.5}, [Stages([stage("F1", 0.2)])], "The job is 20% done; waited for: 50%."),
        ("DataflowJobProgressSensor", {"at_least": 0.5}, [], "The job shows no stages yet."),
        (
            "DataflowJobProgressSensor",
            {"at_least": 0.5, "stage": "F11"},
            [Stages([stage("F1", 0.2)])],
            "The job has no stage 'F11'; did you mean F1? There is F1.",
        ),
        ("DataflowJobStatusSensor", {"expected_statuses": DONE}, [], "is in state JOB_STATE_RUNNING"),
    ],
)
def test_a_timeout_says_what_there_was(
    launch: Launch, shown: Log, deferrable: bool, name: str, fields: dict[str, Any], steps: list[Any], words: str
) -> None:
    job_id = launch((0, RUNNING), *((0, step) for step in steps))
    assert timed_out(name, deferrable, job_id=job_id, **fields).endswith(words)
    assert sum(words in line for line in shown.lines()) == 1


@BOTH
def test_a_job_in_another_region_is_named_once_in_the_log_and_in_the_end(
    launch: Launch, shown: Log, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "LOST_AFTER", 0.5)
    job_id = launch((0, RUNNING))
    ended = task_of("DataflowJobStatusSensor", job_id=job_id, location="europe-west1", expected_statuses=DONE, deferrable=deferrable).run()
    hint = f"Job {job_id} is in us-central1: set location='us-central1'."
    assert str(ended.error).endswith(hint)
    assert str(ended.error).count("A job can be found only in its own project and location") == 1
    assert sum(hint in line for line in shown.lines(above=20)) == 1


def test_a_rescheduled_sensor_on_an_unknown_job_warns_rarely(shown: Log, emulator: Emulator) -> None:
    from airflow_dataflow_ext.sensors.base import _next_warning

    assert [_next_warning(waited) for waited in (-5.0, 0.0, 59.0, 60.0, 200.0)] == [60.0, 60.0, 60.0, 120.0, 240.0]


@BOTH
def test_an_unknown_job_is_repeated_in_the_timeout(launch: Launch, shown: Log, deferrable: bool) -> None:
    job_id = f"{launch((0, RUNNING))}9"
    text = timed_out("DataflowJobStatusSensor", deferrable, job_id=job_id, expected_statuses=DONE)
    assert "404" in text
    assert text.endswith("No location of project emulated-project lists it.")
    assert len([line for line in shown.lines(above=20) if "404" in line]) == 1


@pytest.mark.parametrize("status", [404, 503])
def test_the_timeout_of_a_rescheduled_sensor_says_what_its_last_process_saw(emulator: Emulator, shown: Log, status: int) -> None:
    emulator.faults.add("jobs.get", status=status, times=2)
    fields = {"job_id": "j-1", "expected_statuses": DONE, "mode": "reschedule", "poll_interval": 10}
    first = task_of("DataflowJobStatusSensor", timeout=60, **fields)
    assert first.enter().state == "up_for_reschedule"
    assert len(shown.lines(above=20)) == 1
    last = task_of("DataflowJobStatusSensor", timeout=20, **fields)
    last.first_poke = datetime.now(UTC) - timedelta(seconds=30)
    ended = last.enter()
    assert type(ended.error).__name__ == "AirflowSensorTimeout"
    assert f"jobs/j-1 was answered {status}" in str(ended.error).partition("Last seen: ")[2]
    assert len(shown.lines(above=20)) == 1  # the first process has warned


def test_a_deferred_sensor_that_times_out_looks_once_more(launch: Launch, shown: Log) -> None:
    job_id = launch((0, RUNNING), (0, Metrics([counter(1)])), (0.5, Metrics([counter(2)])))
    task: TaskInstance = task_of("DataflowJobMetricsSensor", job_id=job_id, metric="lines", at_least=3, deferrable=True)
    deferred = task.enter()
    assert deferred.state == "deferred"
    import time

    time.sleep(0.6)
    assert str(task.fail("Trigger timeout").error).endswith("Last seen: Metric lines is 2; waited for: 3.")
