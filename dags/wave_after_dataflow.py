"""### A Dataflow job, and then a CRM Analytics recipe that reads its result

`count_words` runs a Dataflow job. `counts_are_there` fails if the job wrote nothing. `run_recipe` then runs the CRM Analytics
recipe that reads the counts, for example through a connector to Cloud Storage or BigQuery. No task holds a worker while it waits.
The log of `run_recipe` shows the recipe's progress, its nodes and their rows.
"""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import DAG, Param, task

from airflow_dataflow_ext.operators.dataflow import DataflowStartFlexTemplateOperator
from airflow_dataflow_ext.operators.wave import WaveStartDataflowOperator

COUNTS = "gs://{{ params.bucket }}/wave-counts/{{ dag_run.run_after | ts_nodash }}/part"

with DAG(
    dag_id="wave_after_dataflow",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    tags=["dataflow", "wave", "example"],
    default_args={"retries": 1},
    params={
        "bucket": Param(os.environ.get("DATAFLOW_BUCKET", "my-bucket"), type="string", description="Bucket for template, input and output"),
        "location": Param("us-central1", type="string", description="Region the Dataflow job runs in"),
        "recipe": Param("Daily recipe", type="string", description="Name, label or id (05v...) of the recipe"),
    },
):
    count_words = DataflowStartFlexTemplateOperator(
        task_id="count_words",
        location="{{ params.location }}",
        deferrable=True,
        body={
            "launchParameter": {
                "jobName": "counts-for-crm",
                "containerSpecGcsPath": "gs://{{ params.bucket }}/templates/wordcount.json",
                "parameters": {"input": "gs://{{ params.bucket }}/input/*.txt", "output": COUNTS},
            }
        },
    )

    @task
    def counts_are_there(path: str) -> int:
        """Return the number of objects under this path."""
        # Imported here, because this import would add seconds each time Airflow parses this file.
        from airflow.providers.google.cloud.hooks.gcs import GCSHook

        bucket, _, prefix = path.removeprefix("gs://").partition("/")
        files = len(GCSHook().list(bucket, prefix=prefix))
        if not files:
            raise ValueError(f"no counts under {path}")
        return files

    run_recipe = WaveStartDataflowOperator(
        task_id="run_recipe",
        recipe="{{ params.recipe }}",
        if_running="wait",
        poll_sleep=5,  # each poll counts towards the org's daily API request limit; use 30 for runs of an hour
        deferrable=True,
    )

    count_words >> counts_are_there(COUNTS) >> run_recipe
