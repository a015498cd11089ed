"""### Submit a Beam pipeline, and wait for its job without a worker

`submit` uses the Beam provider's own operator: it runs `pipelines/wordcount.py` with Beam's DataflowRunner, which stages the pipeline
in the bucket and creates the job. The task's XCom `dataflow_job_id` is the id of the job, and `finished` waits for this job in the
triggerer. The pipeline needs no template, and the wait needs no worker. The same DAG file works with Dataflow and with the emulator.

The worker needs `apache-airflow-providers-apache-beam`. The pipeline reads text files under `input/` in the bucket and writes the counts
to `beam-counts/<time of the run>/`.
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
    """Runs the pipeline's program, which submits the job, until the program ends; a sensor waits for the job.

    The provider's own operator waits only at Google's endpoint, and it stops watching the program as soon as the job has an id.
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
        "bucket": Param(os.environ.get("DATAFLOW_BUCKET", "my-bucket"), type="string", description="Bucket for staging, input and output"),
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
            # Empty for Dataflow itself; the emulator's connection contains the emulator's URL.
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
