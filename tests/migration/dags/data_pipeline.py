"""A data pipeline that is created, run and deleted."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.models.dag import DAG
from airflow.providers.google.cloud.operators.dataflow import (
    DataflowCreatePipelineOperator,
    DataflowDeletePipelineOperator,
    DataflowRunPipelineOperator,
)

PROJECT = "emulated-project"
LOCATION = "us-central1"
NAME = "word-counts"
FULL_NAME = f"projects/{PROJECT}/locations/{LOCATION}/pipelines/{NAME}"
LAUNCH = {
    "containerSpecGcsPath": "gs://templates/word-count.json",
    "jobName": "word-count",
    "environment": {"tempLocation": "gs://counts/temp"},
    "parameters": {"inputFile": "gs://books/lear.txt", "output": "gs://counts/lear"},
}

with DAG("data_pipeline", schedule="@once", start_date=datetime(2024, 1, 1, tzinfo=UTC), catchup=False, tags=["dataflow"]) as dag:
    create_pipeline = DataflowCreatePipelineOperator(
        task_id="create_pipeline",
        project_id=PROJECT,
        location=LOCATION,
        body={
            "name": FULL_NAME,
            "displayName": NAME,
            "type": "PIPELINE_TYPE_BATCH",
            "workload": {"dataflowFlexTemplateRequest": {"launchParameter": LAUNCH, "projectId": PROJECT, "location": LOCATION}},
        },
    )
    run_pipeline = DataflowRunPipelineOperator(task_id="run_pipeline", pipeline_name=NAME, project_id=PROJECT)
    delete_pipeline = DataflowDeletePipelineOperator(
        task_id="delete_pipeline", pipeline_name=NAME, project_id=PROJECT, trigger_rule="all_done"
    )
    create_pipeline >> run_pipeline >> delete_pipeline
