"""### Count the words of a text with a Flex template

`count_words` launches the template and waits for its job without holding a worker: while the job runs, the task is *deferred*, and
the job's messages appear in the task's log. `report` shows how a downstream task uses its result.

The bucket needs `templates/wordcount.json` (the template's container spec) and text files under `input/`. The job writes the counts to
`counts/<time of the run>/`.
"""

from __future__ import annotations

import os
from typing import Any

import pendulum
from airflow.sdk import DAG, Param, task

from airflow_dataflow_ext.operators.dataflow import DataflowStartFlexTemplateOperator

with DAG(
    dag_id="dataflow_flex_template",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    tags=["dataflow", "example"],
    params={
        "bucket": Param(os.environ.get("DATAFLOW_BUCKET", "my-bucket"), type="string", description="Bucket for template, input and output"),
        "location": Param("us-central1", type="string", description="Region the job runs in"),
        "min_count": Param(1, type="integer", minimum=1, description="Leave out words that occur less often"),
    },
):
    count_words = DataflowStartFlexTemplateOperator(
        task_id="count_words",
        location="{{ params.location }}",
        deferrable=True,
        retries=1,
        body={
            "launchParameter": {
                "jobName": "count-words",
                "containerSpecGcsPath": "gs://{{ params.bucket }}/templates/wordcount.json",
                "parameters": {
                    "input": "gs://{{ params.bucket }}/input/*.txt",
                    "output": "gs://{{ params.bucket }}/counts/{{ dag_run.run_after | ts_nodash }}/part",
                    "min_count": "{{ params.min_count }}",
                },
            }
        },
    )

    @task
    def report(job: dict[str, Any]) -> str:
        """Describe the job. The result of a launching task is the `Job` resource that the service returns."""
        return f"{job['name']} ({job['id']}) ended in {job['currentState']}"

    report(count_words.output)
