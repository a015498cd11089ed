"""One logical launch starts one job: through deaths at each step, retries, clears, kills and timeouts of a task."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.methods import Template
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.google.oauth import PROJECT
from tests.airflow_task import TaskInstance, needs_3_3
from tests.asking import Asker
from tests.operators.dying import DEATHS, Die, dies
from tests.operators.launches import classic, flex, instance

QUICK_JOB = [(0.0, "JOB_STATE_RUNNING"), (0.3, "JOB_STATE_DONE")]
FAILED_JOB = [(0.0, "JOB_STATE_RUNNING"), (0.1, "JOB_STATE_FAILED")]
ENDLESS_JOB = [(0.0, "JOB_STATE_RUNNING")]
CANCELS_AT_ONCE = ((0.1, "JOB_STATE_CANCELLED"),)
RECORD = {"version": 1, "step": "launched", "generation": 0, "clear_key": 0, "job_name": "count-0a1b", "since": 1e9, "job_id": "job-17"}


@pytest.fixture
def terminable() -> Iterator[None]:
    """The task runner takes the signal over, and leaves it so."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def states(emulator: Emulator) -> list[str]:
    return [entry["job"]["currentState"].removeprefix("JOB_STATE_") for entry in emulator.jobs.all()]


def names(emulator: Emulator) -> list[str]:
    return [entry["job"]["name"] for entry in emulator.jobs.all()]


def order(emulator: Emulator) -> list[str]:
    """The calls that change something, in their order."""
    return [entry.method for entry in emulator.requests if entry.method in ("templates.launch", "jobs.update")]


@pytest.mark.parametrize("make", [classic, flex])
@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("point", DEATHS)
def test_wherever_a_worker_dies_the_retry_ends_with_the_one_job(
    emulator: Emulator, die: Die, point: str, deferrable: bool, make: Any
) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    die(point.replace("templates", "flexTemplates") if make is flex else point)
    task = instance(make, deferrable=deferrable, retries=1)
    dies(task)
    task.retry()
    assert task.run().state == "success"
    assert states(emulator) == ["DONE"]
    assert task.xcoms["return_value"]["id"] == task.store.get("launch", task.xcoms)["job_id"] == emulator.jobs.all()[0]["job"]["id"]


@pytest.mark.parametrize("deaths", [(DEATHS[2], DEATHS[3], DEATHS[4]), (DEATHS[3], DEATHS[4], "after sending jobs.list")])
def test_several_deaths_and_lost_answers_leave_one_job(emulator: Emulator, die: Die, deaths: tuple[str, ...]) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    emulator.faults.add("templates.launch", lost=True)
    task = instance(retries=3)
    for point in deaths:
        die(point)
        dies(task)
        task.retry()
    assert task.run().state == "success"
    assert states(emulator) == ["DONE"]


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("edited", [0, 1, 5])
def test_retries_that_the_dag_file_changes_meanwhile_leave_the_job_to_the_retry(
    emulator: Emulator, die: Die, edited: int, deferrable: bool
) -> None:
    emulator.scripts.play("*", [(0.0, "JOB_STATE_RUNNING"), (1.0, "JOB_STATE_DONE")])
    die("after writing launched")
    task = instance(retries=3, deferrable=deferrable)
    task.max_tries = 3  # with which the run began, and Airflow goes on
    dies(task)
    task.task.retries = edited
    task.retry()
    assert task.run().state == "success"
    assert (states(emulator), order(emulator)) == (["DONE"], ["templates.launch"])


def test_a_retry_takes_over_a_job_that_moves(emulator: Emulator, die: Die) -> None:
    emulator.scripts.play("*", [(0.0, "JOB_STATE_RUNNING"), (1.0, "JOB_STATE_DONE")])
    die("after sending jobs.get")
    task = instance(retries=1)
    dies(task)
    assert states(emulator) == ["RUNNING"]
    task.retry()
    assert task.run().state == "success"
    assert states(emulator) == ["DONE"]


def test_a_retry_takes_the_result_of_a_job_that_ended_meanwhile(emulator: Emulator, die: Die) -> None:
    emulator.scripts.play("*", ENDLESS_JOB)
    die("after sending jobs.get")
    task = instance(retries=1)
    dies(task)
    emulator.jobs.set_state(emulator.jobs.all()[0]["job"]["id"], "JOB_STATE_DONE")
    task.retry()
    assert task.run().state == "success"
    assert task.xcoms["return_value"]["currentState"] == "JOB_STATE_DONE"
    assert order(emulator) == ["templates.launch"]


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("point", [None, "before writing settled", "after writing settled"])
def test_a_retry_after_a_failed_job_launches_the_next_one(emulator: Emulator, die: Die, point: str | None, deferrable: bool) -> None:
    emulator.scripts.play("*", FAILED_JOB)
    if point:
        die(point)
    task = instance(retries=1, deferrable=deferrable)
    assert task.run().state != "success"
    emulator.scripts.play("*", QUICK_JOB)
    task.retry()
    assert task.run().state == "success"
    assert states(emulator) == ["FAILED", "DONE"]
    assert len(set(names(emulator))) == 2


def test_without_reattach_a_retry_stops_the_job_and_launches_anew(emulator: Emulator, die: Die) -> None:
    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=CANCELS_AT_ONCE)
    die("after sending jobs.get")
    task = instance(retries=1, reattach=False)
    dies(task)
    emulator.scripts.play("*", QUICK_JOB)
    task.retry()
    assert task.run().state == "success"
    assert states(emulator) == ["CANCELLED", "DONE"]
    assert order(emulator) == ["templates.launch", "jobs.update", "templates.launch"]


@pytest.mark.parametrize("point", ["after sending templates.launch", "after writing launched", "after sending jobs.get"])
def test_a_clear_while_a_worker_is_at_it_stops_the_job_before_a_new_one(emulator: Emulator, die: Die, point: str) -> None:
    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=CANCELS_AT_ONCE)
    die(point)
    task = instance(retries=1)
    dies(task)
    emulator.scripts.play("*", QUICK_JOB)
    task.clear()
    assert task.run().state == "success"
    assert states(emulator) == ["CANCELLED", "DONE"]
    assert order(emulator) == ["templates.launch", "jobs.update", "templates.launch"]


def test_a_clear_before_the_post_launches_one_job(emulator: Emulator, die: Die) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    die("before sending templates.launch")
    task = instance(retries=1)
    dies(task)
    task.clear()
    assert task.run().state == "success"
    assert states(emulator) == ["DONE"]


def test_a_clear_while_deferred_stops_the_job_before_a_new_one(emulator: Emulator) -> None:
    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=CANCELS_AT_ONCE)
    task = instance(deferrable=True)
    assert task.enter().state == "deferred"
    emulator.scripts.play("*", QUICK_JOB)
    task.clear()
    assert task.run().state == "success"
    assert states(emulator) == ["CANCELLED", "DONE"]
    assert order(emulator) == ["templates.launch", "jobs.update", "templates.launch"]


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize(("steps", "first"), [(QUICK_JOB, "DONE"), (FAILED_JOB, "FAILED")])
def test_a_clear_after_the_end_launches_a_new_job(emulator: Emulator, steps: Any, first: str, deferrable: bool) -> None:
    emulator.scripts.play("*", steps)
    task = instance(deferrable=deferrable, retries=2)
    task.run()
    emulator.scripts.play("*", QUICK_JOB)
    task.clear()
    assert task.run().state == "success"
    assert states(emulator) == [first, "DONE"]
    assert task.xcoms["return_value"]["id"] == emulator.jobs.all()[1]["job"]["id"]


def test_a_retry_after_a_clear_takes_over_the_job_of_after_the_clear(emulator: Emulator, die: Die) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    task = instance(retries=1)
    task.run()
    task.clear()
    die("after sending templates.launch")
    dies(task)
    task.retry()
    assert task.run().state == "success"
    assert states(emulator) == ["DONE", "DONE"]


def test_a_name_that_the_user_keeps_is_found_by_its_labels(emulator: Emulator, die: Die) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    die("after sending templates.launch")
    task = instance(append_job_name=False, job_name="nightly", retries=1)
    dies(task)
    task.retry()
    assert task.run().state == "success"
    assert (names(emulator), states(emulator)) == (["nightly"], ["DONE"])
    assert emulator.jobs.all()[0]["job"]["labels"]["airflow-task-id"] == "count"


@pytest.mark.parametrize(("labels", "said"), [({}, "not launched by this package"), ({"airflow-dag-id": "songs"}, "airflow-dag-id=songs")])
def test_somebody_elses_job_of_that_name_is_named_and_left_alone(
    emulator: Emulator, labels: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(budgets, "LABELS_WITHIN", 0.1)
    monkeypatch.setattr(budgets, "LABELS_EVERY", 0.05)
    emulator.scripts.play("*", ENDLESS_JOB)
    body = {"jobName": "nightly", "environment": {"additionalUserLabels": labels}}
    twin = Asker(emulator.url, project=PROJECT)(Template.launch, body, gcsPath="gs://b/t")["job"]
    ended = instance(append_job_name=False, job_name="nightly").run()
    assert ended.state == "failed"
    assert twin["id"] in str(ended.error)
    assert said in str(ended.error)
    assert states(emulator) == ["RUNNING"]


def test_mapped_tasks_and_other_runs_keep_launches_of_their_own(emulator: Emulator, die: Die) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    tasks = [TaskInstance(classic(retries=1), map_index=index) for index in range(3)]
    tasks.append(TaskInstance(classic(retries=1), map_index=0, run_id="manual__2026-01-02"))
    for task in tasks:
        die("after sending templates.launch")
        dies(task)
        task.retry()
    assert [task.run().state for task in tasks] == ["success"] * 4
    assert len(set(names(emulator))) == len(states(emulator)) == 4
    assert [task.xcoms["return_value"]["id"] for task in tasks] == [entry["job"]["id"] for entry in emulator.jobs.all()]


@needs_3_3
@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("{'step': ", "of unknown id"),
        ({"step": "launched", "job_id": "job-17", "job_name": "count-0a1b"}, "job-17 named count-0a1b"),
        ({**RECORD, "version": 99}, "version 99"),
        ({**RECORD, "step": "prepared"}, "prepared"),
        ({**RECORD, "generation": "1"}, "generation"),
    ],
)
def test_a_record_that_cannot_be_read_ends_the_task_for_good_and_launches_nothing(emulator: Emulator, record: Any, said: str) -> None:
    from airflow_dataflow_ext.task.compat import AirflowFailException

    task = instance(retries=2)
    task.store["launch"] = record
    ended = task.run()
    assert isinstance(ended.error, AirflowFailException)
    assert said in str(ended.error)
    assert "state store" in str(ended.error)
    assert (states(emulator), task.store["launch"]) == ([], record)


@pytest.mark.parametrize("point", ["after sending templates.launch", "before sending jobs.get"])
def test_execution_timeout_stops_the_job_that_a_worker_waits_for(emulator: Emulator, die: Die, point: str) -> None:
    from airflow_dataflow_ext.task.compat import AirflowTaskTimeout

    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=CANCELS_AT_ONCE)
    die(point, AirflowTaskTimeout)  # what the alarm raises, wherever the task is
    ended = instance(execution_timeout=timedelta(minutes=10)).run()
    assert isinstance(ended.error, AirflowTaskTimeout)
    assert states(emulator) == ["CANCELLED"]


def test_execution_timeout_goes_with_the_deferral_and_stops_the_job(emulator: Emulator) -> None:
    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=CANCELS_AT_ONCE)
    task = instance(deferrable=True, execution_timeout=timedelta(minutes=10))
    deferred = task.enter()
    assert timedelta(minutes=9) < deferred.message.trigger_timeout <= timedelta(minutes=10)
    ended = task.time_out()
    assert type(ended.error).__name__ == "TaskDeferralTimeout"
    assert states(emulator) == ["CANCELLED"]


def terminate_once_there_is_a_job(task: TaskInstance, state: str, then: Callable[[], object] = bool) -> threading.Thread:
    """Airflow's supervisor ends a task's process: its task has the state, and it gets a signal; ``then`` is done a second later."""

    def terminate() -> None:
        while "job_id" not in task.xcoms:
            pause.wait(0.02)
        pause.wait(0.3)
        task.state = state
        os.kill(os.getpid(), signal.SIGTERM)
        pause.wait(1.0)
        then()

    pause = threading.Event()
    thread = threading.Thread(target=terminate)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("state", "job"),
    [("failed", "CANCELLED"), ("success", "CANCELLED"), ("skipped", "CANCELLED"), ("removed", "CANCELLED"), ("running", "DONE")],
)
def test_a_job_ends_with_a_task_that_a_user_ends_and_not_with_a_machine(emulator: Emulator, terminable: None, state: str, job: str) -> None:
    emulator.scripts.play("*", [(0.0, "JOB_STATE_RUNNING"), (2.0, "JOB_STATE_DONE")], on_cancel=CANCELS_AT_ONCE)
    task = instance()
    terminating = terminate_once_there_is_a_job(task, state)
    task.run()
    terminating.join()
    assert states(emulator) == [job]


def test_a_kill_in_the_middle_of_a_question_to_airflow_stops_the_job_once_that_is_answered(
    emulator: Emulator, terminable: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    asked, busy = RuntimeTaskInstance.get_task_states, threading.Event()
    monkeypatch.setattr(budgets, "ASK_AIRFLOW_WITHIN", 0.1)
    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(lambda **what: busy.wait() and asked(**what)))
    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=CANCELS_AT_ONCE)
    task = instance()
    terminating = terminate_once_there_is_a_job(task, "failed", then=busy.set)
    assert "JOB_STATE_CANCELLED" in str(task.run().error)
    terminating.join()
    assert states(emulator) == ["CANCELLED"]


def test_a_worker_that_is_shut_down_leaves_its_job_to_the_retry(emulator: Emulator, terminable: None, die: Die) -> None:
    emulator.scripts.play("*", [(0.0, "JOB_STATE_RUNNING"), (4.0, "JOB_STATE_DONE")])
    task = instance(retries=1)
    terminating = terminate_once_there_is_a_job(task, "running", then=lambda: die("before sending jobs.get"))
    dies(task)
    terminating.join()
    task.retry()
    assert task.run().state == "success"
    assert states(emulator) == ["DONE"]


@needs_3_3
@pytest.mark.parametrize("deferrable", [False, True])
def test_a_retry_under_dag_test_takes_over_too(emulator: Emulator, die: Die, run_dag: Callable[..., Any], deferrable: bool) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    die("after sending templates.launch")
    operator = classic(deferrable=deferrable, retries=1, retry_delay=timedelta(seconds=0))
    run = run_dag(operator.dag)
    assert (run.state, [task.try_number for task in run.get_task_instances()]) == ("success", [2])
    assert states(emulator) == ["DONE"]
    assert run_dag(operator.dag).state == "success"
    assert states(emulator) == ["DONE", "DONE"]
