"""Classic and Flex templates, deferrable and not, and tasks that create their bucket and delete it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from airflow.models.dag import DAG
from airflow.providers.google.cloud.operators.dataflow import (
    DataflowStartFlexTemplateOperator,
    DataflowStopJobOperator,
    DataflowTemplatedJobStartOperator,
)
from airflow.providers.google.cloud.operators.gcs import GCSCreateBucketOperator, GCSDeleteBucketOperator
from airflow.providers.google.cloud.transfers.local_to_gcs import LocalFilesystemToGCSOperator

DAG_ID = "dataflow_template"
LOCATION = "europe-west3"
BUCKET_NAME = f"bucket_{DAG_ID}"
FILE_NAME = "kinglear.txt"
GCS_TMP = f"gs://{BUCKET_NAME}/temp/"
GCS_STAGING = f"gs://{BUCKET_NAME}/staging/"
GCS_OUTPUT = f"gs://{BUCKET_NAME}/output"
default_args = {"dataflow_default_options": {"tempLocation": GCS_TMP, "stagingLocation": GCS_STAGING}}
BODY = {
    "launchParameter": {
        "jobName": "test-flex-template",
        "parameters": {
            "inputFileSpec": f"gs://{BUCKET_NAME}/{FILE_NAME}",
            "outputBucket": f"gs://{BUCKET_NAME}/output/",
            "outputFileFormat": "avro",
            "inputFileFormat": "csv",
            "schema": f"gs://{BUCKET_NAME}/schema.json",
        },
        "environment": {},
        "containerSpecGcsPath": "gs://dataflow-templates/latest/flex/File_Format_Conversion",
    }
}

with DAG(
    DAG_ID, default_args=default_args, schedule="@once", start_date=datetime(2021, 1, 1, tzinfo=UTC), catchup=False, tags=["dataflow"]
) as dag:
    create_bucket = GCSCreateBucketOperator(task_id="create_bucket", bucket_name=BUCKET_NAME)
    upload_file = LocalFilesystemToGCSOperator(task_id="upload_file", src=str(Path(__file__)), dst=FILE_NAME, bucket=BUCKET_NAME)

    start_template_job = DataflowTemplatedJobStartOperator(
        task_id="start_template_job",
        project_id="emulated-project",
        template="gs://dataflow-templates/latest/Word_Count",
        parameters={"inputFile": f"gs://{BUCKET_NAME}/{FILE_NAME}", "output": GCS_OUTPUT},
        location=LOCATION,
        wait_until_finished=True,
        poll_sleep=1,
    )
    start_template_job_deferrable = DataflowTemplatedJobStartOperator(
        task_id="start_template_job_deferrable",
        project_id="emulated-project",
        template="gs://dataflow-templates/latest/Word_Count",
        parameters={"inputFile": f"gs://{BUCKET_NAME}/{FILE_NAME}", "output": GCS_OUTPUT},
        location=LOCATION,
        deferrable=True,
        expected_terminal_state="JOB_STATE_DONE",
        cancel_on_kill=False,
    )
    start_flex_template_job = DataflowStartFlexTemplateOperator(
        task_id="start_flex_template_job",
        project_id="emulated-project",
        body=BODY,
        location=LOCATION,
        append_job_name=False,
        wait_until_finished=True,
    )
    start_flex_template_job_deferrable = DataflowStartFlexTemplateOperator(
        task_id="start_flex_template_job_deferrable",
        project_id="emulated-project",
        body=BODY,
        location=LOCATION,
        append_job_name=False,
        deferrable=True,
    )
    stop_template_job = DataflowStopJobOperator(task_id="stop_template_job", location=LOCATION, job_name_prefix="start-template-job")
    delete_bucket = GCSDeleteBucketOperator(task_id="delete_bucket", bucket_name=BUCKET_NAME)

    (
        create_bucket
        >> upload_file
        >> start_template_job
        >> start_template_job_deferrable
        >> start_flex_template_job
        >> start_flex_template_job_deferrable
        >> stop_template_job
        >> delete_bucket
    )
