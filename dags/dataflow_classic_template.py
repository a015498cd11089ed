"""### Count the words of a text with a classic template

`count_words` launches `Word_Count`, one of the templates that Google provides, and waits for its job in the task itself. This is the
simplest way, but the task holds a worker slot until the job ends.
"""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import DAG, Param

from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator

with DAG(
    dag_id="dataflow_classic_template",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    tags=["dataflow", "example"],
    params={
        "bucket": Param(os.environ.get("DATAFLOW_BUCKET", "my-bucket"), type="string", description="Bucket for input and output"),
        "location": Param("us-central1", type="string", description="Region the job runs in"),
    },
):
    DataflowTemplatedJobStartOperator(
        task_id="count_words",
        template="gs://dataflow-templates/latest/Word_Count",
        job_name="count-words-classic",
        location="{{ params.location }}",
        parameters={
            "inputFile": "gs://{{ params.bucket }}/input/*.txt",
            "output": "gs://{{ params.bucket }}/classic-counts/{{ dag_run.run_after | ts_nodash }}/part",
        },
        environment={"tempLocation": "gs://{{ params.bucket }}/temp"},
        poll_sleep=5,
        wait_until_finished=True,
    )
