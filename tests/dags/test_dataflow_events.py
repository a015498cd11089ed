"""The example that is started by the ends of jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.dags.test_dags import load

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun


def test_started_by_hand_the_events_dag_finds_no_event(run_dag: Callable[..., DagRun]) -> None:
    ended = run_dag(load("dataflow_events"))
    assert ended.state == "success"
    assert [task.xcom_pull(task_ids="ended_jobs") for task in ended.get_task_instances()] == [[]]
