"""The DAG that the chaos program runs, with many launches of each operator. They wait on workers or in the triggerer, or start in it.

The environment variable CHAOS_GROUPS contains the launches.
"""

from __future__ import annotations

import os
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from airflow.sdk import DAG

from bench.chaos_subjects import AT_ONCE, SUBJECTS, WAYS, Group, load, name_of

PROVIDER = os.environ.get("CHAOS_PROVIDER", "ours")

if PROVIDER == "stock":
    from airflow.providers.google.cloud.operators.dataflow import DataflowTemplatedJobStartOperator
    from google.api_core.client_options import ClientOptions

    class LaunchOperator(DataflowTemplatedJobStartOperator):
        """The stock operator; only its endpoint is changed."""

        def execute(self, context: Any) -> Any:
            self.hook.get_client_options = lambda *_, **__: ClientOptions(api_endpoint=os.environ["CHAOS_ENDPOINT"])
            return super().execute(context)


def operator_at(path: str) -> Any:
    """The operator class at an import path, or the stock operator if the program runs with ``--provider stock``."""
    module, _, name = path.rpartition(".")
    return LaunchOperator if PROVIDER == "stock" else getattr(import_module(module), name)


EDITED = Path(os.environ.get("CHAOS_RETRIES", "none"))
"""The file in which the program changes the retries of this DAG during the run."""
RETRIES = int(EDITED.read_text()) if EDITED.is_file() else 10
RETRIED = {"retries": RETRIES, "retry_delay": timedelta(seconds=1), "max_retry_delay": timedelta(seconds=5)}


def launch(group: Group) -> None:
    """Add one mapped task."""
    if PROVIDER == "floor":
        pause = import_module("bench.waiting_floor").PauseOperator
        pause.partial(task_id=group.task_id, **RETRIED, seconds=float(os.environ["CHAOS_SECONDS"])).expand(number=list(group.numbers))
        return
    subject = SUBJECTS[group.subject]
    argument, value = subject.each
    operator_at(subject.operator).partial(task_id=group.task_id, **RETRIED, **subject.fields, **WAYS[group.way]).expand(
        **{argument: [value(name_of(number)) for number in group.numbers]}
    )


def launch_here(group: Group) -> Any:
    """Add one task that starts and ends in the triggerer."""
    subject = SUBJECTS[group.subject]
    argument, value = subject.each
    return operator_at(subject.operator)(
        task_id=group.task_id, **RETRIED, **subject.fields, **WAYS["here"], **{argument: value(name_of(group.numbers[0]))}
    )


# The queue from the executor to its workers holds about forty tasks. If all workers have been killed, the scheduler blocks for ever when
# it adds one more, so there must never be that many.
with DAG("chaos", schedule=None, max_active_tasks=16) as dag:
    groups = load(os.environ.get("CHAOS_GROUPS", "[]"))
    for group in groups:
        if group.way != "here":
            launch(group)
    tasks = [launch_here(group) for group in groups if group.way == "here"]
    for task, later in zip(tasks, tasks[AT_ONCE:], strict=False):
        task >> later
