"""A DAG that runs when a job named ``count-...`` ends; its task returns the jobs that started the run."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Asset, AssetWatcher, get_current_context, task

from airflow_dataflow_ext.triggers.dataflow_events import DataflowJobEventTrigger

ended = Asset("ended", watchers=[AssetWatcher(name="jobs", trigger=DataflowJobEventTrigger(name="count-*", poll_sleep=2))])

with DAG("after_jobs", schedule=[ended], is_paused_upon_creation=False):

    @task
    def names() -> list[Any]:
        return [event.extra["payload"]["name"] for event in get_current_context()["triggering_asset_events"][ended]]

    names()
