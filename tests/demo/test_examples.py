"""Every example DAG, started on the demo's own Airflow as a person starts it: nothing is filled in, nothing is changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.examples import DAGS, DemoStack

EXAMPLES = sorted(path.stem for path in DAGS.glob("*.py"))
TEXT = "import this\nThe end is import\nof the text\n" * 50
WITHIN = 1500
"""Seconds for all of them together, on a busy machine; some two minutes otherwise."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoStack]:
    home = Path(os.environ.get("STACK_HOME") or tmp_path_factory.mktemp("demo"))
    with DemoStack(home, text=TEXT, progress=print) as running:
        yield running


@pytest.fixture(scope="module")
def runs(demo: DemoStack) -> dict[str, str]:
    """A run of each example, started together, by its DAG; all have ended."""
    for dag in EXAMPLES:
        demo.wait_for_dag(dag)
    started = {dag: demo.api.trigger(dag) for dag in EXAMPLES}

    def ended() -> bool:
        return all(demo.api.run_state(dag, run) in ("success", "failed") for dag, run in started.items())

    demo.wait_until("the examples to end", ended, seconds=WITHIN)
    return started


@pytest.mark.parametrize("dag", EXAMPLES)
def test_an_example_runs_with_its_parameters_as_they_stand(demo: DemoStack, runs: dict[str, str], dag: str) -> None:
    tasks = demo.api.tasks(dag, runs[dag])
    bad = {task["task_id"]: demo.api.log(dag, runs[dag], task["task_id"])[-20:] for task in tasks if task["state"] != "success"}
    assert bad == {}
    assert demo.api.run_state(dag, runs[dag]) == "success"


def test_the_end_of_a_job_starts_the_example_that_waits_for_one(demo: DemoStack, runs: dict[str, str]) -> None:
    demo.wait_until("a run that a job started", lambda: set(demo.api.runs("dataflow_events")) > {runs["dataflow_events"]})


def test_an_example_leaves_no_job_running(demo: DemoStack, runs: dict[str, str]) -> None:
    states = {job["currentState"] for job in demo.service.jobs()}
    assert states <= {"JOB_STATE_DONE", "JOB_STATE_DRAINED", "JOB_STATE_UPDATED"}
