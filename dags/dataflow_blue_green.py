"""### Replace a running streaming job

`blue` starts a job. `green` launches the next version of the template with `update`: the service hands the state of the old job over to
the new one and ends the old one, without a gap in the stream. If the new version cannot start, `green` fails with the reason, and the
old job keeps running. `drain` drains the running job with this name, whichever version it is, so that this example leaves nothing running.

Both tasks launch `templates/ticks.json` in the bucket. For a real replacement, give `green` the container spec of the new version.
"""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import DAG, Param, TriggerRule

from airflow_dataflow_ext.operators.dataflow import DataflowStartFlexTemplateOperator, DataflowStopJobOperator

NAME = "ticks-{{ dag_run.run_after | ts_nodash | lower }}"
WHERE = {"location": "{{ params.location }}"}


def version(name: str, **launch: object) -> DataflowStartFlexTemplateOperator:
    """Return a task that launches one version of the template; all versions have the same job name."""
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
        "bucket": Param(os.environ.get("DATAFLOW_BUCKET", "my-bucket"), type="string", description="Bucket for template and output"),
        "location": Param("us-central1", type="string", description="Region the jobs run in"),
    },
):
    blue = version("blue")
    green = version("green", update=True, transformNameMappings={"Ticks": "Ticks"})
    drain = DataflowStopJobOperator(
        task_id="drain", **WHERE, job_name=NAME, poll_sleep=5, deferrable=True, retries=1, trigger_rule=TriggerRule.ALL_DONE
    )

    blue >> green >> drain
