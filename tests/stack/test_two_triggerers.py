"""On PostgreSQL and Celery with two of everything: triggerers share waits, and what one of them held moves when it dies.

Run by ``make test ARGS='-m celery tests/stack'``; it needs PostgreSQL and Redis.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.celery_stack import CeleryStack
from bench.chaos_stack import NOTICED_FAST, NOTICED_FAST_TOO
from bench.services import NotInstalledError
from tests.stack.cloud import Cloud
from tests.stack.test_events import ID, said

pytestmark = pytest.mark.celery

WAITS, CAPACITY = 8, 6
DAG = "in_triggerer"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CeleryStack]:
    """No triggerer has room for all waits, so each must take some."""
    env = {**NOTICED_FAST, **NOTICED_FAST_TOO, "CHAOS_PROVIDER": "ours", "AIRFLOW__TRIGGERER__CAPACITY": str(CAPACITY)}
    arguments = ("--engine", "scripted", "--no-gcs")
    dags = Path(__file__).parent / "dags"
    try:
        made = CeleryStack(tmp_path_factory.mktemp("celery"), dags, parallelism=3, env=env, emulator=arguments, progress=print)
    except NotInstalledError as error:
        pytest.skip(str(error))
    with made as running:
        yield running


@pytest.fixture(scope="module")
def cloud(stack: CeleryStack) -> Cloud:
    return Cloud(stack)


def holders(stack: CeleryStack, runs: list[str]) -> Counter[int]:
    """How many of the runs' tasks each triggerer holds."""
    rows = [row for run in runs for row in stack.api.tasks(DAG, run)]
    return Counter(
        row["trigger"]["triggerer_id"] for row in rows if row["state"] == "deferred" and (row["trigger"] or {}).get("triggerer_id")
    )


def test_waits_are_shared_and_those_of_a_killed_triggerer_move(stack: CeleryStack, cloud: Cloud) -> None:
    cloud.script("shared-*", [0, "JOB_STATE_RUNNING"])
    stack.wait_for_dag(DAG)
    runs = [stack.api.trigger(DAG, {"job": f"shared-{number}"}) for number in range(WAITS)]
    stack.wait_until("all to wait", lambda: holders(stack, runs).total() == WAITS)
    before = holders(stack, runs)
    assert len(before) == 2
    assert max(before.values()) <= CAPACITY
    with stack.changing:
        stack.programs["triggerer-1"].kill()
    stack.programs["triggerer-1"].start()
    stack.wait_until("its waits to move", lambda: (now := holders(stack, runs)).total() == WAITS and set(now) != set(before))
    for job in cloud.jobs("shared-"):
        cloud.end(job["id"], "JOB_STATE_DONE")
    stack.wait_until("the runs to end", lambda: all(stack.api.run_state(DAG, run) == "success" for run in runs))
    assert [job["currentState"] for job in cloud.jobs("shared-")] == ["JOB_STATE_DONE"] * WAITS


def test_each_end_of_a_job_starts_a_dag_once_whichever_triggerer_dies(stack: CeleryStack, cloud: Cloud) -> None:
    cloud.script("count-*", [0, "JOB_STATE_RUNNING"], [1, "JOB_STATE_DONE"])
    stack.wait_for_dag(ID)
    asked = len(cloud.asked("jobs.list"))
    stack.wait_until("the watcher to look around", lambda: len(cloud.asked("jobs.list")) >= asked + 2)
    for number in (1, 2):
        cloud.launch(f"count-{number}")
        stack.wait_until(f"run {number}", lambda: len(said(stack)) >= 2 * number - 1)  # noqa: B023  (called at once)
        looks = len(cloud.asked("jobs.list"))
        # Killed within five seconds of an event, a triggerer repeats it.
        stack.wait_until("the watcher to note it", lambda: len(cloud.asked("jobs.list")) >= looks + 5)  # noqa: B023
        with stack.changing:
            stack.programs[f"triggerer-{number}"].kill()
        cloud.launch(f"count-{number}-meanwhile")
        stack.programs[f"triggerer-{number}"].start()
        stack.wait_until("the one meanwhile", lambda: len(said(stack)) >= 2 * number)  # noqa: B023
    assert said(stack) == ["count-1", "count-1-meanwhile", "count-2", "count-2-meanwhile"]
