"""### The life of a streaming job

`launch` starts the job and succeeds as soon as the job runs. `scale` changes the range of its workers, `snapshot` saves its state, and
`drain` ends it after it has processed what it has read. `forget` deletes the snapshot, so that this example leaves nothing behind.
Every task can be retried safely: none of them does its work twice.

The bucket needs `templates/ticks.json`, the template's container spec. The job writes its results to `ticks/<time of the run>/`.
"""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import DAG, Param

from airflow_dataflow_ext.operators.dataflow import (
    DataflowCreateSnapshotOperator,
    DataflowDeleteSnapshotOperator,
    DataflowStartFlexTemplateOperator,
    DataflowStopJobOperator,
    DataflowUpdateJobOperator,
)

JOB = "{{ ti.xcom_pull('launch', key='job_id') }}"
WHERE = {"location": "{{ params.location }}"}

with DAG(
    dag_id="dataflow_streaming_life",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    tags=["dataflow", "example", "streaming"],
    params={
        "bucket": Param(os.environ.get("DATAFLOW_BUCKET", "my-bucket"), type="string", description="Bucket for template and output"),
        "location": Param("us-central1", type="string", description="Region the job runs in"),
        "workers": Param(3, type="integer", minimum=1, maximum=1000, description="Largest number of workers for the job"),
    },
):
    launch = DataflowStartFlexTemplateOperator(
        task_id="launch",
        **WHERE,
        deferrable=True,
        retries=1,
        body={
            "launchParameter": {
                "jobName": "ticks",
                "containerSpecGcsPath": "gs://{{ params.bucket }}/templates/ticks.json",
                "parameters": {"output": "gs://{{ params.bucket }}/ticks/{{ dag_run.run_after | ts_nodash }}/part"},
                "environment": {"enableStreamingEngine": True},
            }
        },
    )
    scale = DataflowUpdateJobOperator(task_id="scale", **WHERE, job_id=JOB, min_num_workers=1, max_num_workers="{{ params.workers }}")
    snapshot = DataflowCreateSnapshotOperator(
        task_id="snapshot", **WHERE, job_id=JOB, description="run {{ run_id }}", poll_sleep=5, deferrable=True, retries=1
    )
    drain = DataflowStopJobOperator(task_id="drain", **WHERE, job_id=JOB, poll_sleep=5, deferrable=True, retries=1)
    forget = DataflowDeleteSnapshotOperator(
        task_id="forget", **WHERE, snapshot_id="{{ ti.xcom_pull('snapshot', key='snapshot_id') }}", retries=1
    )

    launch >> scale >> snapshot >> drain >> forget
