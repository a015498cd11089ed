"""The identity of a task's launch, taken from the task's context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity

if TYPE_CHECKING:
    from airflow.sdk import Context


def identity_of(context: Context) -> LaunchIdentity:
    """The identity of this task's launch."""
    ti = context["ti"]
    map_index = ti.map_index if ti.map_index is not None else -1
    return LaunchIdentity(dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id, map_index=map_index)


def clear_key_of(context: Context) -> int:
    """A number that changes when a person clears the task, but not on a retry: Airflow's ``max_tries``, the number of the last try.

    One clear goes unnoticed: if the DAG file then has fewer retries, by exactly the number of tries made, the number stays the same.
    Everything else in a task's context that changes on a clear also changes otherwise: a DAG run's ``clear_number`` counts the clears of
    all its tasks, its start changes when a person queues it again, and the id of a task instance changes with every try.
    """
    return int(context["ti"].max_tries or 0)
