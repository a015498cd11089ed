"""### A DAG that starts when a job ends

The triggerer looks for jobs whose name begins with `count-words` and that have succeeded, no matter what launched them. Each such job
becomes an event of the asset `counted_words`. This DAG is scheduled on that asset, so a run handles one such job, or several at once.
Each job is reported once, even if the triggerer was down when it ended. A run that you trigger by hand has no event, and its log says so.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Asset, AssetWatcher, get_current_context, task

from airflow_dataflow_ext.triggers.dataflow_events import DataflowJobEventTrigger

counted = Asset(
    "counted_words",
    watchers=[AssetWatcher(name="count_words_ended", trigger=DataflowJobEventTrigger(name="count-words*", states=["JOB_STATE_DONE"]))],
)

with DAG(dag_id="dataflow_events", doc_md=__doc__, schedule=[counted], tags=["dataflow", "example"]):

    @task
    def ended_jobs() -> list[str]:
        """Log the jobs whose end started this run, and return their names."""
        events = get_current_context()["triggering_asset_events"]
        jobs: list[dict[str, Any]] = [event.extra["payload"] for event in events.get(counted, ())]
        for job in jobs:
            print(f"{job['name']} ({job['id']}) ended as {job['currentState']}")  # noqa: T201  (for the task's log)
        if not jobs:
            print("No job started this run.")  # noqa: T201
        return [job["name"] for job in jobs]

    ended_jobs()
