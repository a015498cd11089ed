"""Sensors and a launch that run entirely in the triggerer, and a launch that needs a worker only to start."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task

from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator
from airflow_dataflow_ext.sensors.dataflow import DataflowJobMetricsSensor, DataflowJobStatusSensor
from airflow_dataflow_ext.task.compat import IS_3_3

HERE: dict[str, Any] = {"retries": 0, "deferrable": True, "poll_interval": 1, "start_from_trigger": True, "end_from_trigger": True}
LAUNCH: dict[str, Any] = {"template": "gs://b/t", "validate": "off", "deferrable": True, "poll_sleep": 1, "end_from_trigger": True}

if IS_3_3:
    with DAG("without_worker", schedule=None, params={"good": "", "bad": ""}):
        status = DataflowJobStatusSensor(task_id="status", job_id="{{ params.good }}", expected_statuses="JOB_STATE_DONE", **HERE)
        bad = DataflowJobStatusSensor(task_id="bad", job_id="{{ params.bad }}", expected_statuses="JOB_STATE_DONE", **HERE)
        metric = DataflowJobMetricsSensor(task_id="metric", job_id="{{ params.good }}", metric="lines", at_least=3, **HERE)

        launch = DataflowTemplatedJobStartOperator(task_id="launch", **LAUNCH)
        here = DataflowTemplatedJobStartOperator(task_id="here", start_from_trigger=True, **LAUNCH)
        after = DataflowJobStatusSensor(task_id="after", job_id=here.output["job_id"], expected_statuses="JOB_STATE_DONE", **HERE)

        @task
        def read(*jobs: Any) -> list[str]:
            return [job["currentState"] for job in jobs]

        read(status.output, launch.output, here.output, after.output)
