"""### Submit a Beam pipeline, and wait for its job without a worker

`submit` is the Beam provider's own operator: it runs `pipelines/wordcount.py` with Beam's DataflowRunner, which stages the pipeline into
the bucket and creates the job. Its XCom `dataflow_job_id` names the job, and `finished` waits for it in the triggerer. So a pipeline's
author needs no template, and waiting needs no worker. The same file runs on Dataflow and on the emulator.

The worker needs `apache-airflow-providers-apache-beam`. The bucket holds texts under `input/`; the counts go to
`beam-counts/<time of the run>/`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pendulum
from airflow.providers.apache.beam.operators.beam import BeamRunPythonPipelineOperator
from airflow.sdk import DAG, Param

from airflow_dataflow_ext.sensors.dataflow import DataflowJobStatusSensor

PIPELINE = Path(__file__).parent / "pipelines" / "wordcount.py"


class SubmitPythonPipelineOperator(BeamRunPythonPipelineOperator):
    """Runs the pipeline's program to its end, which submits the job, and leaves the wait to a sensor.

    The provider's own wait knows no endpoint but Google's, and it leaves the program alone as soon as the job has an id.
    """

    def _set_dataflow(self, *args: Any, **kwargs: Any) -> Any:
        name, options, on_line, _ = super()._set_dataflow(*args, **kwargs)
        self.dataflow_hook.wait_for_done = lambda **_: None
        return name, options, on_line, None


with DAG(
    dag_id="dataflow_beam_python",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    tags=["dataflow", "example"],
    params={
        "bucket": Param(os.environ.get("DATAFLOW_BUCKET", "my-bucket"), type="string", description="Bucket for staging, texts and counts"),
        "location": Param("us-central1", type="string", description="Region the job runs in"),
    },
):
    submit = SubmitPythonPipelineOperator(
        task_id="submit",
        runner="DataflowRunner",
        py_file=str(PIPELINE),
        py_interpreter=sys.executable,
        dataflow_config={"job_name": "beam-count-words", "location": "{{ params.location }}", "wait_until_finished": False},
        pipeline_options={
            "input": "gs://{{ params.bucket }}/input/*.txt",
            "output": "gs://{{ params.bucket }}/beam-counts/{{ dag_run.run_after | ts_nodash }}/part",
            "temp_location": "gs://{{ params.bucket }}/temp",
            # Empty on Dataflow itself; the emulator's connection names the emulator.
            "dataflow_endpoint": "{{ conn.google_cloud_default.extra_dejson.get('dataflow_endpoint', '') }}",
            "no_wait_until_finish": True,
        },
    )

    finished = DataflowJobStatusSensor(
        task_id="finished",
        job_id="{{ ti.xcom_pull('submit', key='dataflow_job_id') }}",
        location="{{ params.location }}",
        expected_statuses="JOB_STATE_DONE",
        deferrable=True,
    )

    submit >> finished
