"""Tasks that launch jobs, for several tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.airflow_task import TaskInstance

if TYPE_CHECKING:
    from airflow_dataflow_ext.operators.dataflow_launch import DataflowLaunchOperator

TEMPLATE = "gs://dataflow-templates/latest/Word_Count"
PARAMETERS = {"inputFile": "gs://books/lear.txt", "output": "gs://counts/lear"}
SPEC = {"image": "eu.gcr.io/p/words:1", "sdkInfo": {"language": "PYTHON"}, "metadata": {"name": "words", "parameters": []}}


def classic(**fields: Any) -> DataflowLaunchOperator:
    """A task that launches a classic template."""
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator

    with DAG("books"):
        return DataflowTemplatedJobStartOperator(
            **{"task_id": "count", "template": TEMPLATE, "parameters": PARAMETERS, "poll_sleep": 0.05, **fields}
        )


def flex(**fields: Any) -> DataflowLaunchOperator:
    """A task that launches a Flex template."""
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators.dataflow import DataflowStartFlexTemplateOperator

    body = {"launchParameter": {"jobName": "count", "containerSpec": SPEC, "parameters": {}}}
    with DAG("books"):
        return DataflowStartFlexTemplateOperator(**{"task_id": "count", "body": body, "poll_sleep": 0.05, **fields})


def instance(make: Any = classic, **fields: Any) -> TaskInstance:
    """A task instance of such a task."""
    return TaskInstance(make(**fields))
