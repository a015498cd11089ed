"""The four sensors on one job, with the callbacks that people write for them, deferrable and not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

from airflow.models.dag import DAG
from airflow.providers.google.cloud.hooks.dataflow import DataflowJobStatus
from airflow.providers.google.cloud.operators.dataflow import DataflowStopJobOperator, DataflowTemplatedJobStartOperator
from airflow.providers.google.cloud.sensors.dataflow import (
    DataflowJobAutoScalingEventsSensor,
    DataflowJobMessagesSensor,
    DataflowJobMetricsSensor,
    DataflowJobStatusSensor,
)

DAG_ID = "dataflow_sensors"
LOCATION = "europe-west3"
JOB_ID = "{{ task_instance.xcom_pull('start_job')['id'] }}"


def check_metric_scalar_gte(metric_name: str, value: int) -> Callable:
    """Check a metric that the service has committed."""

    def callback(metrics: list[dict]) -> bool:
        for metric in metrics:
            context = metric.get("name", {}).get("context", {})
            if (context.get("original_name", "") == metric_name) and (context.get("tentative", "") == ""):
                return metric["scalar"] >= value
        return False

    return callback


def check_message(messages: list[dict]) -> bool:
    """Look for a message that comes early."""
    return any("Adding workflow start and stop steps." in message.get("messageText", "") for message in messages)


def check_autoscaling_event(autoscaling_events: list[dict]) -> bool:
    """Look for the start of the workers."""
    return any("Worker pool started." in event.get("description", {}).get("messageText", "") for event in autoscaling_events)


with DAG(DAG_ID, schedule="@once", start_date=datetime(2021, 1, 1, tzinfo=UTC), catchup=False, tags=["dataflow"]) as dag:
    start_job = DataflowTemplatedJobStartOperator(
        task_id="start_job",
        template="gs://dataflow-templates/latest/Word_Count",
        parameters={"inputFile": "gs://books/lear.txt", "output": "gs://counts/lear"},
        location=LOCATION,
        wait_until_finished=False,
    )
    tasks = [start_job]
    for deferrable in (False, True):
        end = "_def" if deferrable else ""
        tasks += [
            DataflowJobMetricsSensor(
                task_id=f"wait_for_metric{end}",
                job_id=JOB_ID,
                location=LOCATION,
                callback=check_metric_scalar_gte(metric_name="Service-cpu_num_seconds", value=1),
                fail_on_terminal_state=False,
                poll_interval=1,
                deferrable=deferrable,
            ),
            DataflowJobMessagesSensor(
                task_id=f"wait_for_message{end}",
                job_id=JOB_ID,
                location=LOCATION,
                callback=check_message,
                fail_on_terminal_state=False,
                poll_interval=1,
                deferrable=deferrable,
            ),
            DataflowJobAutoScalingEventsSensor(
                task_id=f"wait_for_autoscaling_event{end}",
                job_id=JOB_ID,
                location=LOCATION,
                callback=check_autoscaling_event,
                fail_on_terminal_state=False,
                poll_interval=1,
                deferrable=deferrable,
            ),
            DataflowJobStatusSensor(
                task_id=f"wait_for_done{end}",
                job_id=JOB_ID,
                expected_statuses={DataflowJobStatus.JOB_STATE_DONE},
                location=LOCATION,
                poll_interval=1,
                deferrable=deferrable,
            ),
        ]
    tasks.append(DataflowStopJobOperator(task_id="stop_job", location=LOCATION, job_id=JOB_ID))
    for before, after in pairwise(tasks):
        before >> after
