"""### A form for a template

*Trigger* shows a form with a field for each parameter of the template, with its label, help text, default value and a suitable widget.
The form refuses a value that the template would refuse. The launch leaves out the fields that you leave empty.

The form is made from `pipelines/wordcount.json`. For another template, save its metadata beside the DAG file:
`python -m airflow_dataflow_ext.template fetch gs://dataflow-templates/latest/Word_Count > word_count.json`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pendulum
from airflow.sdk import DAG, Param

from airflow_dataflow_ext.operators.dataflow import DataflowStartFlexTemplateOperator
from airflow_dataflow_ext.template import TemplateValues, template_params

METADATA = Path(__file__).parent / "pipelines" / "wordcount.json"
BUCKET = os.environ.get("DATAFLOW_BUCKET", "my-bucket")

with DAG(
    dag_id="dataflow_template_form",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    tags=["dataflow", "example"],
    params={
        **template_params(METADATA, defaults={"input": f"gs://{BUCKET}/input/*.txt", "output": f"gs://{BUCKET}/form-counts/part"}),
        "template": Param(f"gs://{BUCKET}/templates/wordcount.json", type="string", description="The template's container spec"),
        "location": Param("us-central1", type="string", description="Region the job runs in"),
    },
):
    DataflowStartFlexTemplateOperator(
        task_id="count_words",
        location="{{ params.location }}",
        deferrable=True,
        retries=1,
        body={
            "launchParameter": {
                "jobName": "form-counts",
                "containerSpecGcsPath": "{{ params.template }}",
                "parameters": TemplateValues(METADATA),
            }
        },
    )
