"""Times the list of all jobs with many stored task instances, requested as a page requests it."""

from __future__ import annotations

import json
import os
import statistics
import time
import uuid
from typing import Any

from bench.measuring import child, table

RUNS_A_DAG, TASKS_A_RUN = 100, 5
QUERIES: dict[str, dict[str, str]] = {
    "first page": {},
    "one DAG": {"dag_id": "dag_3"},
    "failed": {"phase": "failed"},
    "nothing fits": {"text": "no such job"},
}
ROUNDS = 15
PAGES = 8


def measure_list(database: str, rows: int) -> float:
    """The 95th percentile of all pages, in milliseconds, measured in a separate process.

    :param database: SQLAlchemy URL of an empty database; by default SQLite in a temporary folder.
    :param rows: number of stored task instances.
    """
    settings = {"AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False", "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    if database:
        settings["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = database
    took: dict[str, list[float]] = child(["-m", "bench.page_list", str(rows)], settings, timeout=1200.0)
    shown = [(name, len(values), f"{statistics.median(values):.0f}", f"{_p95(values):.0f}") for name, values in took.items()]
    table(("asked", "pages", "median ms", "p95 ms"), shown)
    return round(_p95([value for values in took.values() for value in values]), 1)


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[18]


def fill(rows: int) -> None:
    """Store runs and task instances of several DAGs, each with a job's summary and facts, as the operators do."""
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.dagrun import DagRun
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunType
    from sqlalchemy import insert

    from airflow_dataflow_ext.api.jobs.facts import FACTS_KEY, SUMMARY_KEY

    per_dag = RUNS_A_DAG * TASKS_A_RUN
    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
        session.flush()
        number = 0
        for dag in range(-(-rows // per_dag)):
            dag_id = f"dag_{dag}"
            session.add(DagModel(dag_id=dag_id, bundle_name="dags-folder", fileloc="f", is_stale=False))
            session.flush()
            for _ in range(RUNS_A_DAG):
                number += 1
                run = DagRun(dag_id=dag_id, run_id=f"run_{number}", run_type=DagRunType.MANUAL, state=DagRunState.SUCCESS)
                session.add(run)
                session.flush()
                stored = [_row(run, task, key) for task in range(TASKS_A_RUN) for key in (SUMMARY_KEY, FACTS_KEY)]
                session.execute(insert(TaskInstance), [_instance(run, task) for task in range(TASKS_A_RUN)])
                session.execute(insert(TaskStateStoreModel), stored)


def _instance(run: Any, task: int) -> dict[str, Any]:
    where = {"dag_id": run.dag_id, "run_id": run.run_id, "task_id": f"task_{task}", "map_index": -1}
    state = "running" if run.id % 250 == 0 else "success"
    return {"id": uuid.uuid4(), **where, "state": state, "try_number": 1, "max_tries": 0, "pool": "default_pool", "pool_slots": 1}


def _row(run: Any, task: int, key: str) -> dict[str, Any]:
    from airflow_dataflow_ext.api.jobs.facts import SUMMARY_KEY, Summary

    summary = Summary(
        service="dataflow",
        job_id=f"2026-01-01_00_00_00-{run.id}{task}",
        name=f"nightly-words-{run.id}-{task}",
        type="batch",
        place={"project_id": "a-project", "location": "us-central1"},
        state="JOB_STATE_FAILED" if run.id % 10 == 0 else "JOB_STATE_DONE",
        phase="failed" if run.id % 10 == 0 else "succeeded",
        launched="2026-01-01T00:00:00Z",
        ended="2026-01-01T01:00:00Z",
        seen="2026-01-01T01:00:01Z",
        used={"vcpu_hours": 1.5, "memory_gb_hours": 6.0},
        cost=0.25,
    )
    facts = {"states": [["JOB_STATE_RUNNING", "2026-01-01T00:00:00Z"]] * 10, "stages": [{"id": f"F{at}"} for at in range(60)]}
    value = summary.value() if key == SUMMARY_KEY else facts
    where = {"dag_run_id": run.id, "dag_id": run.dag_id, "run_id": run.run_id, "task_id": f"task_{task}", "map_index": -1}
    return {**where, "key": key, "value": json.dumps(value)}


def ask() -> dict[str, list[float]]:
    """Milliseconds of each page, by query."""
    from airflow.api_fastapi import app as airflow_app
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    from airflow_dataflow_ext.plugin.app import build

    token = airflow_app.create_auth_manager().generate_jwt(SimpleAuthManagerUser(username="ann", role="viewer", teams=None))
    took: dict[str, list[float]] = {name: [] for name in QUERIES}
    with TestClient(build(), headers={"Authorization": f"Bearer {token}"}) as client:
        client.get("/jobs").raise_for_status()
        for _ in range(ROUNDS):
            for name, query in QUERIES.items():
                cursor = ""
                for _ in range(PAGES):
                    began = time.monotonic()
                    reply = client.get("/jobs", params={**query, "cursor": cursor})
                    took[name].append((time.monotonic() - began) * 1000)
                    reply.raise_for_status()
                    cursor = reply.json()["next"]
                    if not cursor:
                        break
    return took


def main(rows: int) -> None:
    """Fill an empty database, request pages, and print their times."""
    from airflow.utils import db

    db.initdb()
    fill(rows)
    print(json.dumps(ask()))


if __name__ == "__main__":
    import sys

    os.environ.setdefault("AIRFLOW__API_AUTH__JWT_SECRET", "x" * 64)
    main(int(sys.argv[1]))
