"""On a real Airflow: the end of a job starts a DAG, once, also when the triggerer was killed meanwhile."""

from __future__ import annotations

import time

from demo.stack import Stack
from tests.airflow_task import needs_3_3
from tests.stack.cloud import Cloud

ID = "after_jobs"


def said(stack: Stack) -> list[str]:
    """The jobs that the DAG's finished runs were said of."""
    runs = [run for run in stack.api.runs(ID) if stack.api.run_state(ID, run) == "success"]
    return sorted(name for run in runs for name in stack.api.xcom(ID, run, "names"))


@needs_3_3
def test_the_end_of_a_job_starts_a_dag_once(stack: Stack, cloud: Cloud) -> None:
    cloud.script("count-*", [0, "JOB_STATE_RUNNING"], [1, "JOB_STATE_DONE"])
    cloud.script("other", [0, "JOB_STATE_RUNNING"], [1, "JOB_STATE_DONE"])
    stack.wait_for_dag(ID)
    asked = len(cloud.asked("jobs.list"))
    # What ended before the watcher first looked around is not said.
    stack.wait_until("the watcher to look around", lambda: len(cloud.asked("jobs.list")) >= asked + 2)
    cloud.launch("count-1")
    cloud.launch("other")
    stack.wait_until("the first run", lambda: said(stack) == ["count-1"])
    time.sleep(10)  # until the triggerer has noted that it said; killed before, it would tell again
    stack.programs["triggerer"].kill()
    cloud.launch("count-2")
    stack.restart("triggerer")
    stack.wait_until("the second run", lambda: said(stack) == ["count-1", "count-2"])
    cloud.launch("count-3")
    stack.wait_until("the third run", lambda: said(stack) == ["count-1", "count-2", "count-3"])
