"""### Run a CRM Analytics dataflow every night

`run_dataflow` starts the dataflow and waits for its run without holding a worker. The task's log shows the progress, the time in the
queue and the rows of each node. If a user has already started the dataflow by hand, the task first waits until that run ends.
`report` shows how a downstream task uses its result, the run with its nodes.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG, Param, task

from airflow_dataflow_ext.operators.wave import WaveStartDataflowOperator

with DAG(
    dag_id="wave_nightly",
    doc_md=__doc__,
    schedule="0 2 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    tags=["wave", "example"],
    params={
        "dataflow": Param("Sales", type="string", description="Name, label or id (02K...) of the dataflow"),
    },
):
    run_dataflow = WaveStartDataflowOperator(
        task_id="run_dataflow",
        dataflow="{{ params.dataflow }}",
        poll_sleep=5,  # each poll counts towards the org's daily API request limit; use 30 for runs of an hour
        deferrable=True,
        retries=2,
    )

    @task
    def report(run: dict[str, Any]) -> str:
        """Describe the run. The result of the task that starts a run is the run as Salesforce describes it."""
        rows = sum(node["outputRows"]["processedCount"] for node in run["nodes"])
        return f"{run['label']} ({run['id']}) ended as {run['status']} after {run['duration']} s; its nodes wrote {rows} rows"

    report(run_dataflow.output)
