"""Airflow for tests: its environment, one database for each session, and a function that runs a DAG in this process."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG


def _environment() -> None:
    """Set Airflow's environment variables; this must happen before any test module imports Airflow, which reads them at import."""
    home = Path(tempfile.mkdtemp(prefix="airflow-tests-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    (home / "dags").mkdir()
    for name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
        del os.environ[name]
    os.environ.update(
        {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),  # empty, because each run of a DAG parses the whole folder
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        }
    )


_environment()


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """An empty Airflow database, created once for each session, which takes some seconds."""
    from airflow.utils import db

    db.initdb()


@pytest.fixture(scope="session")
def run_dag(airflow_db: None) -> Callable[..., DagRun]:
    """A function that runs a DAG in this process, including triggers; its keywords are those of ``DAG.test``.

    The first run of a session takes about ten seconds longer than the others.
    """
    from tests.bags import store

    def run(dag: DAG, **how: Any) -> DagRun:
        store(dag)
        return dag.test(**how)

    return run
