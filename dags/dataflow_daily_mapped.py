"""### A job for each of the last days, every night

Text files arrive under `days/<date>/`, some of them late. So each run counts the last days again, with one mapped task instance and one
job for each day. All of them wait in the triggerer. If a job fails, only its own task instance is retried and launches a new job.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, Param, get_current_context, task

from airflow_dataflow_ext.operators.dataflow import DataflowStartFlexTemplateOperator

with DAG(
    dag_id="dataflow_daily_mapped",
    doc_md=__doc__,
    schedule="30 2 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["dataflow", "example"],
    params={
        "bucket": Param(os.environ.get("DATAFLOW_BUCKET", "my-bucket"), type="string", description="Bucket for template, input and output"),
        "location": Param("us-central1", type="string", description="Region the jobs run in"),
        "days": Param(3, type="integer", minimum=1, maximum=31, description="Number of days to count, up to the day before the run"),
    },
):

    @task
    def launches() -> list[dict[str, Any]]:
        """Return a launch request for each day, the latest day first."""
        context = get_current_context()
        params = context["params"]
        bucket = f"gs://{params['bucket']}"
        days = [(context["dag_run"].run_after - timedelta(days=back)).date().isoformat() for back in range(1, params["days"] + 1)]
        return [
            {
                "launchParameter": {
                    "jobName": f"count-words-{day}",
                    "containerSpecGcsPath": f"{bucket}/templates/wordcount.json",
                    "parameters": {"input": f"{bucket}/days/{day}/*.txt", "output": f"{bucket}/daily-counts/{day}/part"},
                }
            }
            for day in days
        ]

    DataflowStartFlexTemplateOperator.partial(
        task_id="count_words",
        location="{{ params.location }}",
        deferrable=True,
        retries=2,
    ).expand(body=launches())
