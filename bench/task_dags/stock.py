"""A launch with the stock Google provider's operator; only its endpoint is changed."""

from __future__ import annotations

import os
from typing import Any

from airflow.providers.google.cloud.operators.dataflow import DataflowTemplatedJobStartOperator
from airflow.sdk import DAG
from google.api_core.client_options import ClientOptions


class LaunchOperator(DataflowTemplatedJobStartOperator):
    """Connects to the benchmark's emulator."""

    def execute(self, context: Any) -> Any:
        self.hook.get_client_options = lambda *_, **__: ClientOptions(api_endpoint=os.environ["BENCH_ENDPOINT"])
        return super().execute(context)


with DAG("stock", schedule=None):
    LaunchOperator(task_id="task", template="gs://b/t", job_name="bench", location="us-central1", poll_sleep=1)
