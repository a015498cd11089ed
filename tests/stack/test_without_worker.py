"""On a real Airflow: a sensor that starts and ends in the triggerer never has a worker process."""

from __future__ import annotations

import textwrap
from pathlib import Path

import requests

from airflow_dataflow_ext.emulator.oauth import PROJECT
from demo.stack import Stack
from tests.asking import Asker

ID = "without_worker"
DAG = """
    from airflow.sdk import DAG, task
    from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator
    from airflow_dataflow_ext.sensors.dataflow import DataflowJobMetricsSensor, DataflowJobStatusSensor

    HERE = {"retries": 0, "deferrable": True, "poll_interval": 1, "start_from_trigger": True, "end_from_trigger": True}

    with DAG("without_worker", params={"good": "", "bad": ""}):
        status = DataflowJobStatusSensor(task_id="status", job_id="{{ params.good }}", expected_statuses="JOB_STATE_DONE", **HERE)
        bad = DataflowJobStatusSensor(task_id="bad", job_id="{{ params.bad }}", expected_statuses="JOB_STATE_DONE", **HERE)
        metric = DataflowJobMetricsSensor(task_id="metric", job_id="{{ params.good }}", metric="lines", at_least=3, **HERE)

        launch = DataflowTemplatedJobStartOperator(
            task_id="launch", template="gs://b/t", validate="off", deferrable=True, poll_sleep=1, end_from_trigger=True
        )

        @task
        def read(*jobs):
            return [job["currentState"] for job in jobs]

        read(status.output, launch.output)
"""


def test_a_sensor_starts_and_ends_without_a_worker(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "without_worker.py").write_text(textwrap.dedent(DAG))
    with Stack(tmp_path / "home", tmp_path / "dags", emulator=("--engine", "scripted", "--no-gcs")) as stack:
        jobs = {name: launch(stack, name, end) for name, end in (("good", "JOB_STATE_DONE"), ("bad", "JOB_STATE_CANCELLED"))}
        stack.wait_for_dag(ID)
        run = stack.api.trigger(ID, jobs)
        stack.wait_until("the run to end", lambda: stack.api.run_state(ID, run) in ("success", "failed"), seconds=240)
        rows = {row["task_id"]: row for row in stack.api.tasks(ID, run)}
        assert {name for name, row in rows.items() if row["state"] == "success"} == {"status", "metric", "launch", "read"}
        assert rows["bad"]["state"] == "failed"
        assert sorted({name for name, row in rows.items() if row["pid"] or row["hostname"]}) == ["launch", "read"]
        assert stack.api.xcom(ID, run, "read") == ["JOB_STATE_DONE"] * 2
        assert stack.api.xcom(ID, run, "metric")["scalar"] == 5
        assert any("ended as JOB_STATE_CANCELLED" in line for line in stack.api.log(ID, run, "bad"))


def launch(stack: Stack, name: str, end: str) -> str:
    """Launch a job that runs for a while; its id."""
    metrics = {"metrics": [{"name": {"origin": "user", "name": "lines"}, "scalar": 5}]}
    script = {"pattern": name, "steps": [[0, "JOB_STATE_RUNNING"], [5, metrics], [60, end]]}
    requests.post(f"{stack.emulator_url}/_emulator/scripts", json=script, timeout=10).raise_for_status()
    return str(Asker(stack.emulator_url, project=PROJECT).launch(name)["id"])
