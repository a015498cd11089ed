"""### Replace a running streaming job

`blue` starts a job. `green` launches the next version of its template with `update`: the service hands the state of the old job to
the new one and ends the old one, without a gap in the stream. If the new version cannot start, `green` fails, says why, and the old
job goes on. The last task drains what runs under the name, whichever version it is, so that this example leaves nothing behind.

The bucket holds `templates/ticks.json`; for a real replacement, `green` names the new version's container spec.
"""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import DAG, Param, TriggerRule

from airflow_dataflow_ext.operators.dataflow import DataflowStartFlexTemplateOperator, DataflowStopJobOperator

NAME = "ticks-{{ dag_run.run_after | ts_nodash | lower }}"
WHERE = {"location": "{{ params.location }}"}


def version(name: str, **launch: object) -> DataflowStartFlexTemplateOperator:
    """A task that launches one version of the template under the name that all versions share."""
    parameter = {
        "jobName": NAME,
        "containerSpecGcsPath": "gs://{{ params.bucket }}/templates/ticks.json",
        "parameters": {"output": f"gs://{{{{ params.bucket }}}}/blue-green/{{{{ dag_run.run_after | ts_nodash }}}}/{name}"},
        **launch,
    }
    body = {"launchParameter": parameter}
    return DataflowStartFlexTemplateOperator(task_id=name, **WHERE, body=body, append_job_name=False, deferrable=True, retries=1)


with DAG(
    dag_id="dataflow_blue_green",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    tags=["dataflow", "example", "streaming"],
    params={
        "bucket": Param(os.environ.get("DATAFLOW_BUCKET", "my-bucket"), type="string", description="Bucket for template and results"),
        "location": Param("us-central1", type="string", description="Region the jobs run in"),
    },
):
    blue = version("blue")
    green = version("green", update=True, transformNameMappings={"Ticks": "Ticks"})
    drain = DataflowStopJobOperator(
        task_id="drain", **WHERE, job_name=NAME, poll_sleep=5, deferrable=True, retries=1, trigger_rule=TriggerRule.ALL_DONE
    )

    blue >> green >> drain
