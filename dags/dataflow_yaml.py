"""### Run a Beam YAML pipeline

The pipeline is written in the DAG file itself. It runs on Google's `Yaml_Template`, which is an ordinary Flex template, so the worker
needs neither Beam nor the `gcloud` command. Airflow renders the bucket and the word into the pipeline before the launch.
"""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import DAG, Param

from airflow_dataflow_ext.operators.dataflow import DataflowStartFlexTemplateOperator

PIPELINE = """
pipeline:
  type: chain
  transforms:
    - type: ReadFromText
      config:
        path: gs://{{ params.bucket }}/input/*.txt
    - type: Filter
      config:
        language: python
        keep: "'{{ params.word }}' in line"
    - type: WriteToText
      config:
        path: gs://{{ params.bucket }}/lines/{{ dag_run.run_after | ts_nodash }}/part
"""

with DAG(
    dag_id="dataflow_yaml",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    tags=["dataflow", "example"],
    params={
        "bucket": Param(os.environ.get("DATAFLOW_BUCKET", "my-bucket"), type="string", description="Bucket for input and output"),
        "location": Param("us-central1", type="string", description="Region the job runs in"),
        "word": Param("import", type="string", pattern="^[a-z]+$", description="Keep the lines that contain this word"),
    },
):
    DataflowStartFlexTemplateOperator(
        task_id="find_lines",
        location="{{ params.location }}",
        deferrable=True,
        retries=1,
        body={
            "launchParameter": {
                "jobName": "find-lines",
                "containerSpecGcsPath": "gs://dataflow-templates-{{ params.location }}/latest/flex/Yaml_Template",
                "parameters": {"yaml_pipeline": PIPELINE},
            }
        },
    )
