"""The modules that task processes import, and a LocalExecutor that imports them before it forks its workers, so that tasks start fast."""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec

from airflow.executors.local_executor import LocalExecutor

NEEDED = {
    "ours": tuple(
        f"airflow_dataflow_ext.{kind}.{service}" for kind in ("operators", "hooks", "triggers") for service in ("dataflow", "wave")
    ),
    "floor": ("bench.waiting_floor",),
    "stock": ("airflow.providers.google.cloud.operators.dataflow", "googleapiclient.discovery"),
}
FOR_EVERY_TASK = (
    "airflow.sdk.execution_time.task_runner",
    "airflow.dag_processing.bundles.manager",
    "airflow.dag_processing.dagbag",  # from Airflow 3.2 on
    "airflow.models.dagbag",
)


def modules(provider: str) -> tuple[str, ...]:
    """The names of the modules that a task process of the run imports."""
    return tuple(name for name in (*FOR_EVERY_TASK, *NEEDED[provider]) if find_spec(name))


class WarmLocalExecutor(LocalExecutor):
    """Imports the modules of the tasks before it forks its workers."""

    def start(self) -> None:
        for name in modules(os.environ["CHAOS_PROVIDER"]):
            importlib.import_module(name)
        super().start()
