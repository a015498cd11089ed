"""What task processes need, and a LocalExecutor whose workers start with all of it, so that hundreds of them fit into some minutes."""

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
    """What a task process of the run needs."""
    return tuple(name for name in (*FOR_EVERY_TASK, *NEEDED[provider]) if find_spec(name))


class WarmLocalExecutor(LocalExecutor):
    """Its workers are forked from a process that has read what their tasks will need."""

    def start(self) -> None:
        for name in modules(os.environ["CHAOS_PROVIDER"]):
            importlib.import_module(name)
        super().start()
