"""Helpers that parse a DAG file and store a DAG as Airflow does, in each version of Airflow."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from airflow.dag_processing.bundles.manager import DagBundlesManager

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.sdk import DAG
else:
    try:
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    except ImportError:  # Airflow 3.1
        from airflow.models.dagbag import DagBag, sync_bag_to_db


def read(file: Path) -> list[DAG]:
    """The DAGs of a file; fails if Airflow would show an import error."""
    bag = DagBag(dag_folder=os.devnull, collect_dags=False)
    dags: list[Any] = bag.process_file(str(file))
    assert bag.import_errors == {}
    return dags


def store(dag: DAG) -> None:
    """Store the DAG in Airflow's database."""
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(dag_folder=os.devnull, collect_dags=False)
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)
