"""A Beam YAML pipeline from a bucket, deferrable and not."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.models.dag import DAG
from airflow.providers.google.cloud.operators.dataflow import DataflowStartYamlJobOperator

DAG_ID = "dataflow_yaml_job"
PIPELINE = "gs://yaml-pipelines/customers.yaml"
BQ_VARIABLES = {"project": "emulated-project", "table": "customers", "output": "gs://yaml-pipelines/out"}

with DAG(DAG_ID, schedule="@once", start_date=datetime(2024, 1, 1, tzinfo=UTC), catchup=False, tags=["dataflow", "yaml"]) as dag:
    start_dataflow_yaml_job = DataflowStartYamlJobOperator(
        task_id="start_dataflow_yaml_job",
        job_name="yaml-job",
        yaml_pipeline_file=PIPELINE,
        append_job_name=True,
        deferrable=False,
        region="europe-west2",
        project_id="emulated-project",
        jinja_variables=BQ_VARIABLES,
    )
    start_dataflow_yaml_job_def = DataflowStartYamlJobOperator(
        task_id="start_dataflow_yaml_job_def",
        job_name="yaml-job-def",
        yaml_pipeline_file=PIPELINE,
        append_job_name=True,
        deferrable=True,
        region="europe-west2",
        project_id="emulated-project",
        jinja_variables=BQ_VARIABLES,
        options={"log-http": True},
        expected_terminal_state="JOB_STATE_DONE",
    )
    start_dataflow_yaml_job >> start_dataflow_yaml_job_def
