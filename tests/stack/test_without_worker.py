"""On a real Airflow: what starts and ends in the triggerer never has a worker process."""

from __future__ import annotations

from demo.stack import Stack
from tests.airflow_task import needs_3_3
from tests.stack.cloud import Cloud

ID = "without_worker"
METRICS = {"metrics": [{"name": {"origin": "user", "name": "lines"}, "scalar": 5}]}


@needs_3_3
def test_sensors_and_launches_start_and_end_without_a_worker(stack: Stack, cloud: Cloud) -> None:
    cloud.script("waited-*", [0, "JOB_STATE_RUNNING"], [0, METRICS])
    jobs = {name: cloud.launch(f"waited-{name}") for name in ("good", "bad")}
    stack.wait_for_dag(ID)
    run = stack.api.trigger(ID, jobs)

    def states() -> dict[str, str]:
        return {row["task_id"]: row["state"] for row in stack.api.tasks(ID, run)}

    waits = {"status": "deferred", "bad": "deferred", "metric": "success"}
    stack.wait_until("the sensors to wait, and one to see its metric", lambda: waits.items() <= states().items())
    cloud.end(jobs["good"], "JOB_STATE_DONE")
    cloud.end(jobs["bad"], "JOB_STATE_CANCELLED")
    stack.wait_until("the run to end", lambda: stack.api.run_state(ID, run) in ("success", "failed"))
    rows = {row["task_id"]: row for row in stack.api.tasks(ID, run)}
    assert {name for name, row in rows.items() if row["state"] == "success"} == {"status", "metric", "launch", "here", "after", "read"}
    assert rows["bad"]["state"] == "failed"
    assert sorted({name for name, row in rows.items() if row["pid"] or row["hostname"]}) == ["launch", "read"]
    assert stack.api.xcom(ID, run, "read") == ["JOB_STATE_DONE"] * 4
    assert stack.api.xcom(ID, run, "here", "job_id") == stack.api.xcom(ID, run, "after")["id"]
    assert stack.api.xcom(ID, run, "here", "job_id") in stack.api.xcom(ID, run, "here", "dataflow_job_link")
    assert stack.api.xcom(ID, run, "metric")["scalar"] == 5
    assert any("ended as JOB_STATE_CANCELLED" in line for line in stack.api.log(ID, run, "bad"))
