"""Whose launch a task's launch is, from what Airflow says of the task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity

if TYPE_CHECKING:
    from airflow.sdk import Context


def identity_of(context: Context) -> LaunchIdentity:
    """What identifies this task's launch."""
    ti = context["ti"]
    map_index = ti.map_index if ti.map_index is not None else -1
    return LaunchIdentity(dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id, map_index=map_index)


def clears_of(context: Context, retries: int | None) -> int:
    """How far a person's clears have moved the task's last try; a retry does not move it."""
    return int(context["ti"].max_tries or 0) - int(retries or 0)
