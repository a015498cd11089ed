"""### Fresh data in CRM Analytics: data sync, dataflow, recipe

`sync_data` brings the connector's objects into the org, `run_dataflow` builds a dataset from them, and `run_recipe` prepares it for
the dashboards. Here a run that ends with warnings fails its task: some rows failed, so the dashboards would lack them.
"""

from __future__ import annotations

import os

import pendulum
from airflow.sdk import DAG, Param

from airflow_dataflow_ext.operators.wave import WaveRunDataSyncOperator, WaveStartDataflowOperator

# Each poll counts towards the org's daily API request limit; use 30 seconds for runs of an hour.
LOOKS = {"deferrable": True, "poll_sleep": 5}

with DAG(
    dag_id="wave_sync_and_prepare",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    tags=["wave", "example"],
    default_args={"retries": 1},
    params={
        "connector_id": Param(os.environ.get("WAVE_CONNECTOR_ID", ""), type="string", description="Id of the data connector to sync"),
        "dataflow": Param("Sales", type="string", description="Name, label or id (02K...) of the dataflow"),
        "recipe": Param("Daily recipe", type="string", description="Name, label or id (05v...) of the recipe"),
    },
):
    sync_data = WaveRunDataSyncOperator(task_id="sync_data", connector_id="{{ params.connector_id }}", **LOOKS)
    run_dataflow = WaveStartDataflowOperator(task_id="run_dataflow", dataflow="{{ params.dataflow }}", fail_on_warning=True, **LOOKS)
    run_recipe = WaveStartDataflowOperator(task_id="run_recipe", recipe="{{ params.recipe }}", fail_on_warning=True, **LOOKS)

    sync_data >> run_dataflow >> run_recipe
