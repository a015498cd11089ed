"""What a person does to a task, on a real Airflow: how many jobs there are in the end, and in which states."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from airflow_dataflow_ext.task.compat import IS_3_3
from demo.processes import Program
from demo.stack import Stack, free_port
from tests.airflow_task import needs_3_3
from tests.stack.cloud import Cloud

TASK = "launch"
ACTS = {
    "clear-running": "in_worker",
    "fail-running": "in_worker",
    "clear-success": "in_worker",
    "clear-failure": "in_worker",
    "clear-deferred": "in_triggerer",
    "fail-deferred": "in_triggerer",
    "pass-deferred": "in_triggerer",
    "move-trigger": "in_triggerer",
    "run-timeout": "dagrun_timeout",
    "task-timeout": "execution_timeout",
    "here-cleared": "from_trigger",
    "here-fail": "from_trigger",
    "here-pass": "from_trigger",
    "here-clear-success": "from_trigger",
    "here-clear-failure": "from_trigger",
    "here-move": "from_trigger",
    "here-retry": "from_trigger_with_retries",
    "here-timeout": "from_trigger_with_timeout",
}
ENDLESS = [[0, "JOB_STATE_RUNNING"]]
GOOD, BAD = [[0, "JOB_STATE_DONE"]], [[1, "JOB_STATE_FAILED"]]
ENDS = {"clear-success": GOOD, "here-clear-success": GOOD, "clear-failure": BAD, "here-clear-failure": BAD, "here-retry": BAD}


class Act:
    """One run of a DAG with one launch, and its jobs."""

    def __init__(self, stack: Stack, cloud: Cloud, name: str) -> None:
        self.stack = stack
        self.cloud = cloud
        self.name = name
        self.dag = ACTS[name]
        self.script(*ENDS.get(name, ENDLESS))
        self.run = stack.api.trigger(self.dag, {"job": name})

    def script(self, *steps: Any) -> None:
        """What the next job does."""
        self.cloud.script(f"{self.name}-*", *steps, on_cancel=[[0.5, "JOB_STATE_CANCELLED"]])

    @property
    def task(self) -> str:
        """The state of the task."""
        return str(self._row["state"])

    @property
    def triggerer(self) -> int | None:
        """The id of the triggerer that the task waits in."""
        return self._row["trigger"] and self._row["trigger"]["triggerer_id"]

    @property
    def log(self) -> str:
        return "\n".join(self.stack.api.log(self.dag, self.run, TASK))

    @property
    def jobs(self) -> list[str]:
        """The states of the jobs, the oldest first."""
        return [job["currentState"].removeprefix("JOB_STATE_") for job in self.cloud.jobs(self.name)]

    @property
    def _row(self) -> dict[str, Any]:
        return self.stack.api.tasks(self.dag, self.run)[0]

    def end_job(self) -> None:
        """The last job ends well."""
        self.cloud.end(self.cloud.jobs(self.name)[-1]["id"], "JOB_STATE_DONE")

    def wait(self, task: str, *jobs: str) -> None:
        """Wait until the task and its jobs are in these states; what they are instead is said when they never are."""
        deadline = time.monotonic() + 300
        while (seen := (self.task, self.jobs)) != (task, [*jobs]):
            self.stack.check()
            assert time.monotonic() < deadline, f"{self.name}: {seen} and not {(task, [*jobs])}"
            time.sleep(0.5)

    def wait_in_triggerer(self) -> None:
        """Wait until a triggerer has looked at the running job: before that, Airflow tells nobody that a task was killed."""
        self.wait("deferred", "RUNNING")
        self.stack.wait_until(f"a triggerer to look at {self.name}", lambda: "is in state JOB_STATE_RUNNING" in self.log)

    def clear(self) -> None:
        self.stack.api.clear(self.dag, self.run, TASK)

    def mark(self, state: str) -> None:
        self.stack.api.mark(self.dag, self.run, TASK, state)


def ways(*names: str) -> list[Any]:
    """Acts as parameters; a task that starts in the triggerer needs Airflow 3.3."""
    return [pytest.param(name, marks=needs_3_3) if name.startswith("here") else name for name in names]


@pytest.fixture(scope="module")
def acts(stack: Stack, cloud: Cloud) -> dict[str, Act]:
    """All runs, started together."""
    possible = [name for name in ACTS if IS_3_3 or not name.startswith("here")]
    for dag in {ACTS[name] for name in possible}:
        stack.wait_for_dag(dag)
    return {name: Act(stack, cloud, name) for name in possible}


@pytest.mark.parametrize("name", ways("clear-deferred", "here-cleared"))
def test_a_clear_while_deferred_stops_the_job_and_launches_another(acts: dict[str, Act], name: str) -> None:
    act = acts[name]
    act.wait_in_triggerer()
    act.script([0, "JOB_STATE_RUNNING"], [8, "JOB_STATE_DONE"])
    act.clear()
    act.wait("success", "CANCELLED", "DONE")


@pytest.mark.parametrize("name", ways("fail-deferred", "here-fail"))
def test_a_task_marked_failed_while_deferred_stops_its_job(acts: dict[str, Act], name: str) -> None:
    act = acts[name]
    act.wait_in_triggerer()
    act.mark("failed")
    act.wait("failed", "CANCELLED")


@pytest.mark.parametrize("name", ways("pass-deferred", "here-pass"))
def test_a_task_marked_success_while_deferred_stops_its_job(acts: dict[str, Act], name: str) -> None:
    act = acts[name]
    act.wait_in_triggerer()
    act.mark("success")
    act.wait("success", "CANCELLED")


@pytest.mark.parametrize("name", ways("clear-success", "here-clear-success"))
def test_a_clear_after_success_launches_another_job(acts: dict[str, Act], name: str) -> None:
    act = acts[name]
    act.wait("success", "DONE")
    act.clear()
    act.wait("success", "DONE", "DONE")


@pytest.mark.parametrize("name", ways("clear-failure", "here-clear-failure"))
def test_a_clear_after_failure_launches_another_job(acts: dict[str, Act], name: str) -> None:
    act = acts[name]
    act.wait("failed", "FAILED")
    act.script([0, "JOB_STATE_DONE"])
    act.clear()
    act.wait("success", "FAILED", "DONE")


def test_a_clear_while_running_stops_the_job_and_launches_another(acts: dict[str, Act]) -> None:
    act = acts["clear-running"]
    act.wait("running", "RUNNING")
    act.script([0, "JOB_STATE_RUNNING"], [2, "JOB_STATE_DONE"])
    act.clear()
    act.wait("success", "CANCELLED", "DONE")


def test_a_task_marked_failed_while_running_stops_its_job(acts: dict[str, Act]) -> None:
    act = acts["fail-running"]
    act.wait("running", "RUNNING")
    act.mark("failed")
    act.wait("failed", "CANCELLED")


@pytest.mark.parametrize("name", ways("task-timeout", "here-timeout"))
def test_execution_timeout_while_deferred_stops_the_job(acts: dict[str, Act], name: str) -> None:
    acts[name].wait("failed", "CANCELLED")


@needs_3_3
def test_a_retry_in_the_triggerer_launches_another_job_after_one_that_failed(acts: dict[str, Act]) -> None:
    act = acts["here-retry"]
    act.wait("failed", "FAILED", "FAILED")


def test_dagrun_timeout_while_deferred_stops_the_job(acts: dict[str, Act]) -> None:
    acts["run-timeout"].wait("skipped", "CANCELLED")


def test_a_trigger_that_moves_to_another_triggerer_leaves_the_job(acts: dict[str, Act], stack: Stack) -> None:
    moving = [act for name, act in acts.items() if name in ("move-trigger", "here-move")]
    for act in moving:
        act.wait_in_triggerer()
    first = stack.programs["triggerer"]
    before = moving[0].triggerer

    def elsewhere(act: Act) -> bool:
        return act.triggerer not in (None, before)

    def let_go(act: Act) -> bool:
        return "only its trigger moved" in act.log or act.triggerer == before  # on a busy machine it may have moved back by now

    with second_triggerer(stack, first):
        with stopped(first.pid):  # as if its machine had lost touch for a while
            stack.wait_until("the triggers to move", lambda: all(map(elsewhere, moving)))
        stack.wait_until("the first triggerer to let go", lambda: all(map(let_go, moving)))
        for act in moving:
            act.wait("deferred", "RUNNING")
            act.end_job()
            act.wait("success", "DONE")


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def second_triggerer(stack: Stack, first: Program) -> Iterator[None]:
    env = {**first.env, "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port())}
    second = Program("second triggerer", first.command, env=env, log=first.log.with_name("triggerer-2.log"))
    stack.programs[second.name] = second  # it ends with the stack, if not before
    second.start()
    yield
    second.kill()
    del stack.programs[second.name]
