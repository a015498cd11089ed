"""Tasks for the pages: one for each kind of job, and one without a job."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator
from airflow_dataflow_ext.operators.wave import WaveStartDataflowOperator

SOON: dict[str, Any] = {"template": "gs://b/t", "validate": "off", "deferrable": True, "poll_sleep": 1}

with DAG("pages", schedule=None, params={"pass": Param("", type="string", format="password")}):
    DataflowTemplatedJobStartOperator(task_id="batch", job_name="page-batch", prices={"vcpu_hours": 0.5}, **SOON)
    DataflowTemplatedJobStartOperator(task_id="broken", job_name="page-broken", **SOON)
    DataflowTemplatedJobStartOperator(task_id="stream", job_name="page-stream", wait_until_finished=True, cancel_on_kill=False, **SOON)
    DataflowTemplatedJobStartOperator.partial(task_id="each", **SOON).expand(job_name=["page-first", "page-second"])
    WaveStartDataflowOperator(task_id="run", dataflow="Sales", deferrable=True, poll_sleep=1)

    @task
    def plain() -> int:
        return 1

    plain()
