"""The DAG that the chaos program runs: many launches of one template, half of them waiting in the triggerer.

The program says by environment which operators launch and how many there are.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

PROVIDER = os.environ.get("CHAOS_PROVIDER", "ours")
IN_WORKERS, IN_TRIGGERER = int(os.environ.get("CHAOS_IN_WORKERS", "0")), int(os.environ.get("CHAOS_IN_TRIGGERER", "0"))

if PROVIDER == "stock":
    from airflow.providers.google.cloud.operators.dataflow import DataflowTemplatedJobStartOperator
    from google.api_core.client_options import ClientOptions

    class LaunchOperator(DataflowTemplatedJobStartOperator):
        """The stock operator, whose only change is where it connects to."""

        def execute(self, context: Any) -> Any:
            self.hook.get_client_options = lambda *_, **__: ClientOptions(api_endpoint=os.environ["CHAOS_ENDPOINT"])
            return super().execute(context)

else:
    from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator as LaunchOperator


def launches(task_id: str, first: int, count: int, **fields: Any) -> None:
    """One mapped task of so many launches; their jobs are named ``chaos-NNN``."""
    if count:
        LaunchOperator.partial(
            task_id=task_id,
            template="gs://dataflow-templates/latest/Word_Count",
            parameters={"inputFile": "gs://books/lear.txt", "output": "gs://counts/lear"},
            environment={"tempLocation": "gs://counts/temp"},
            location="us-central1",
            gcp_conn_id="chaos",
            poll_sleep=2,
            retries=10,
            retry_delay=timedelta(seconds=1),
            max_retry_delay=timedelta(seconds=5),
            **fields,
        ).expand(job_name=[f"chaos-{number:03}" for number in range(first, first + count)])


# The executor's queue to its workers holds some forty tasks. When all workers have been killed, the scheduler would wait for ever to
# put one more into it, so there must never be that many.
with DAG("chaos", schedule=None, max_active_tasks=16):
    launches("in_workers", 0, IN_WORKERS)
    launches("in_triggerer", IN_WORKERS, IN_TRIGGERER, deferrable=True)
