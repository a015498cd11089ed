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


def clear_key_of(context: Context) -> int:
    """A number that a person's clear of the task changes, and a retry does not: the number of its last try, counted by Airflow.

    A clear that leaves it the same cannot be seen: one after which the DAG file has fewer retries, by just as many as tries were made.
    Nothing else that Airflow says to a task shows it without taking retries for clears: a DAG run's ``clear_number`` counts the clears of
    all its tasks, its start is new when a person queues it again, and the id of a task instance is new with every try.
    """
    return int(context["ti"].max_tries or 0)
