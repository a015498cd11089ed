"""DAGs with one launch each; the conf of the run contains the job name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator
from airflow_dataflow_ext.task.compat import IS_3_3


def launch(**fields: Any) -> None:
    DataflowTemplatedJobStartOperator(
        task_id="launch",
        job_name="{{ dag_run.conf['job'] }}",
        template="gs://dataflow-templates/latest/Word_Count",
        parameters={"inputFile": "gs://books/lear.txt", "output": "gs://counts/lear"},
        poll_sleep=1,
        **fields,
    )


with DAG("in_worker", schedule=None):
    launch()

with DAG("in_triggerer", schedule=None):
    launch(deferrable=True)

with DAG("dagrun_timeout", schedule=None, dagrun_timeout=timedelta(seconds=90)):
    launch(deferrable=True)

with DAG("execution_timeout", schedule=None):
    launch(deferrable=True, execution_timeout=timedelta(seconds=15))

HERE: dict[str, Any] = {"deferrable": True, "start_from_trigger": True, "end_from_trigger": True}

if IS_3_3:
    with DAG("from_trigger", schedule=None):
        launch(**HERE)

    with DAG("from_trigger_with_retries", schedule=None):
        launch(retries=1, retry_delay=timedelta(seconds=2), **HERE)

    with DAG("from_trigger_with_timeout", schedule=None):
        launch(execution_timeout=timedelta(seconds=15), **HERE)
