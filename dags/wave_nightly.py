"""### Run a CRM Analytics dataflow every night

`run_dataflow` starts the dataflow and waits for its run without holding a worker; progress, time in the queue and the rows of each
node appear in the task's log. When somebody has started the dataflow by hand, the task waits for that run's end first. `report`
shows what a task downstream gets: the run with its nodes.
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
        poll_sleep=5,  # each look is one of the org's daily API requests; half a minute does for runs of an hour
        deferrable=True,
        retries=2,
    )

    @task
    def report(run: dict[str, Any]) -> str:
        """The run, as Salesforce describes it, is the result of the task that started it."""
        rows = sum(node["outputRows"]["processedCount"] for node in run["nodes"])
        return f"{run['label']} ({run['id']}) ended as {run['status']} after {run['duration']} s; its nodes wrote {rows} rows"

    report(run_dataflow.output)
