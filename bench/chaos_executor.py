"""A LocalExecutor whose workers start with everything imported, so that hundreds of task processes fit into some minutes."""

from __future__ import annotations

import importlib
import os

from airflow.executors.local_executor import LocalExecutor

NEEDED = {
    "ours": tuple(
        f"airflow_dataflow_ext.{kind}.{service}" for kind in ("operators", "hooks", "triggers") for service in ("dataflow", "wave")
    ),
    "stock": ("airflow.providers.google.cloud.operators.dataflow", "googleapiclient.discovery"),
}
FOR_EVERY_TASK = ("airflow.sdk.execution_time.task_runner", "airflow.dag_processing.bundles.manager", "airflow.dag_processing.dagbag")


class WarmLocalExecutor(LocalExecutor):
    """Its workers are forked from a process that has read what their tasks will need."""

    def start(self) -> None:
        for name in (*FOR_EVERY_TASK, *NEEDED[os.environ["CHAOS_PROVIDER"]]):
            importlib.import_module(name)
        super().start()
