"""On a real Airflow: the end of a job starts a DAG, once, also when the triggerer was killed meanwhile."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import requests

from airflow_dataflow_ext.emulator.oauth import PROJECT
from demo.stack import Stack
from tests.asking import Asker

ID = "after_jobs"
DAG = """
    from airflow.sdk import DAG, Asset, AssetWatcher, get_current_context, task
    from airflow_dataflow_ext.triggers.dataflow_events import DataflowJobEventTrigger

    ended = Asset("ended", watchers=[AssetWatcher(name="jobs", trigger=DataflowJobEventTrigger(name="count-*", poll_sleep=2))])

    with DAG("after_jobs", schedule=[ended], is_paused_upon_creation=False):

        @task
        def names():
            return [event.extra["payload"]["name"] for event in get_current_context()["triggering_asset_events"][ended]]

        names()
"""


def get(stack: Stack, path: str) -> Any:
    reply = requests.get(f"{stack.api.url}/api/v2/{path}", timeout=30)
    reply.raise_for_status()
    return reply.json()


def told(stack: Stack) -> list[str]:
    """The jobs that the DAG's finished runs were told of."""
    runs = [run["dag_run_id"] for run in get(stack, f"dags/{ID}/dagRuns")["dag_runs"] if run["state"] == "success"]
    return sorted(name for run in runs for name in stack.api.xcom(ID, run, "names"))


def kept(stack: Stack) -> bool:
    """Whether the watcher has looked around, and so counts from now on."""
    counts = requests.get(f"{stack.emulator_url}/_emulator/requests", timeout=10).json()["counts"]
    return counts.get("jobs.list", 0) >= 2


def test_the_end_of_a_job_starts_a_dag_once(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "after_jobs.py").write_text(textwrap.dedent(DAG))
    with Stack(tmp_path / "home", tmp_path / "dags", emulator=("--engine", "scripted", "--no-gcs")) as stack:
        ask = Asker(stack.emulator_url, project=PROJECT)
        script = {"pattern": "*", "steps": [[0, "JOB_STATE_RUNNING"], [1, "JOB_STATE_DONE"]]}
        requests.post(f"{stack.emulator_url}/_emulator/scripts", json=script, timeout=10).raise_for_status()
        stack.wait_for_dag(ID)
        stack.wait_until("the watcher to look around", lambda: kept(stack), seconds=120)
        ask.launch("count-1")
        ask.launch("other")
        stack.wait_until("the first run", lambda: told(stack) == ["count-1"], seconds=120)
        stack.programs["triggerer"].kill()
        ask.launch("count-2")
        stack.restart("triggerer")
        stack.wait_until("the second run", lambda: told(stack) == ["count-1", "count-2"], seconds=240)
        ask.launch("count-3")
        stack.wait_until("the third run", lambda: told(stack) == ["count-1", "count-2", "count-3"], seconds=120)
