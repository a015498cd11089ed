"""Tasks for the pictures of the docs: a batch job, one that can fail, a CRM Analytics dataflow, and a streaming job in a separate DAG."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from airflow_dataflow_ext.operators.dataflow import DataflowStartFlexTemplateOperator
from airflow_dataflow_ext.operators.wave import WaveStartDataflowOperator

BUCKET = os.environ.get("DATAFLOW_BUCKET", "my-bucket")
PRICES = {"vcpu_hours": 0.056, "memory_gb_hours": 0.003557, "billable_shuffle_gb": 0.011}
WAIT: dict[str, Any] = {"deferrable": True, "poll_sleep": 2}


def launch(task_id: str, job_name: str, source: str, **fields: Any) -> DataflowStartFlexTemplateOperator:
    """A task that launches the word count for a folder of the bucket."""
    parameters = {
        "input": f"gs://{BUCKET}/{source}/*.txt",
        "output": f"gs://{BUCKET}/{job_name}/{{{{ dag_run.run_after | ds_nodash }}}}/part",
    }
    body = {"jobName": job_name, "containerSpecGcsPath": f"gs://{BUCKET}/templates/wordcount.json", "parameters": parameters}
    return DataflowStartFlexTemplateOperator(task_id=task_id, location="us-central1", body={"launchParameter": body}, **{**WAIT, **fields})


with DAG("nightly_books", schedule=None, tags=["books"]):
    counted = launch("count_words", "book-words", "books", prices=PRICES)
    priced = launch("price_books", "price-books", "prices", retries=1, retry_delay=timedelta(seconds=1))
    shown = WaveStartDataflowOperator(task_id="refresh_sales", dataflow="Sales", **WAIT)

with DAG("shop_visits", schedule=None, tags=["books"]):
    launch("count_visits", "count-visits", "visits", wait_until_finished=True)
