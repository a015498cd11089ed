"""### One job after another, with a check of the bucket in between

`count_words` counts the words of all text files. `counts_are_there` reads the bucket and fails if the job wrote nothing.
`frequent_words` then reads the counts and keeps the words that occur often.
"""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import DAG, Param, task

from airflow_dataflow_ext.operators.dataflow import DataflowStartFlexTemplateOperator

FOLDER = "gs://{{ params.bucket }}/chain/{{ dag_run.run_after | ts_nodash }}"
FREQUENT_WORDS = f"""
pipeline:
  type: chain
  transforms:
    - type: ReadFromText
      config:
        path: {FOLDER}/counts*
    - type: Filter
      config:
        language: python
        keep: "int(line.rpartition(': ')[2]) >= {{{{ params.often }}}}"
    - type: WriteToText
      config:
        path: {FOLDER}/frequent
"""

with DAG(
    dag_id="dataflow_chain",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    tags=["dataflow", "example"],
    default_args={"retries": 1},
    params={
        "bucket": Param(os.environ.get("DATAFLOW_BUCKET", "my-bucket"), type="string", description="Bucket for template, input and output"),
        "location": Param("us-central1", type="string", description="Region the jobs run in"),
        "often": Param(100, type="integer", minimum=1, description="How often a word must occur to be kept"),
    },
):
    count_words = DataflowStartFlexTemplateOperator(
        task_id="count_words",
        location="{{ params.location }}",
        deferrable=True,
        body={
            "launchParameter": {
                "jobName": "chain-count-words",
                "containerSpecGcsPath": "gs://{{ params.bucket }}/templates/wordcount.json",
                "parameters": {"input": "gs://{{ params.bucket }}/input/*.txt", "output": f"{FOLDER}/counts"},
            }
        },
    )

    @task
    def counts_are_there(path: str) -> int:
        """Return the total size in bytes of the objects under this path."""
        # Imported here, because this import would add seconds each time Airflow parses this file.
        from airflow.providers.google.cloud.hooks.gcs import GCSHook

        hook = GCSHook()
        bucket, _, prefix = path.removeprefix("gs://").partition("/")
        size = sum(hook.get_size(bucket, name) for name in hook.list(bucket, prefix=prefix))
        if not size:
            raise ValueError(f"no counts under {path}")
        return size

    frequent_words = DataflowStartFlexTemplateOperator(
        task_id="frequent_words",
        location="{{ params.location }}",
        deferrable=True,
        body={
            "launchParameter": {
                "jobName": "chain-frequent-words",
                "containerSpecGcsPath": "gs://dataflow-templates-{{ params.location }}/latest/flex/Yaml_Template",
                "parameters": {"yaml_pipeline": FREQUENT_WORDS},
            }
        },
    )

    count_words >> counts_are_there(f"{FOLDER}/counts") >> frequent_words
