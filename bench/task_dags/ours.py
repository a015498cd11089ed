"""A launch with this package's operator."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator

with DAG("ours", schedule=None):
    DataflowTemplatedJobStartOperator(
        task_id="task", template="gs://b/t", job_name="bench", location="us-central1", poll_sleep=1, validate="off"
    )
