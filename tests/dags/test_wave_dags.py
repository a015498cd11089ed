"""The example DAGs for CRM Analytics run on the emulator as they stand; one of them with a real Beam job before the recipe."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_dataflow_ext.emulator import Emulator, WaveNode
from demo.bucket import Bucket, count_plainly, parse_counts

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG

DAGS = Path(__file__).parents[2] / "dags"
PIPELINES = DAGS / "pipelines"
Run = Callable[..., "DagRun"]


def load(name: str) -> DAG:
    """The DAG of a file, read as Airflow reads it."""
    from tests.bags import read

    dag = read(DAGS / f"{name}.py")[0]
    for task in dag.tasks:
        task.retries = 0  # a failure is to be seen at once
    return dag


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """Both clouds on this machine; Beam pipelines run for real."""
    images = {image: str(PIPELINES / path) for image, path in json.loads((PIPELINES / "images.json").read_text()).items()}
    with Emulator(engine="beam", images=images) as emulator:
        for name, value in emulator.connections().items():
            monkeypatch.setenv(name, value)
        yield emulator


def labels(emulator: Emulator) -> list[tuple[str, str]]:
    return [(run["label"], run["status"]) for run in emulator.wave.all_runs()]


def xcom(ended: DagRun, task_id: str) -> object:
    from airflow.models.xcom import XComModel

    found = XComModel.get_many(run_id=ended.run_id, key="return_value", task_ids=task_id, dag_ids=ended.dag_id)
    from airflow.utils.session import create_session

    with create_session() as session:
        row = session.execute(found).scalars().first()
        assert row is not None
        return XComModel.deserialize_value(row)


def test_the_nightly_dag_runs_the_dataflow_and_counts_its_rows(cloud: Emulator, run_dag: Run) -> None:
    cloud.wave.scripts.play("Sales", nodes=[WaveNode(name="A", rows_out=30), WaveNode(name="B", rows_out=12)])
    ended = run_dag(load("wave_nightly"))
    assert ended.state == "success"
    assert labels(cloud) == [("Sales", "Success")]
    assert "its nodes wrote 42 rows" in str(xcom(ended, "report"))


def test_the_cross_cloud_dag_runs_the_recipe_after_the_dataflow_job(cloud: Emulator, run_dag: Run) -> None:
    text = "one two two\n" * 3
    bucket = Bucket(cloud.gcs_url, "dag-tests")
    bucket.write("templates/wordcount.json", (PIPELINES / "wordcount.json").read_text())
    bucket.write("input/text.txt", text)
    assert run_dag(load("wave_after_dataflow"), run_conf={"bucket": "dag-tests"}).state == "success"
    assert parse_counts(bucket.lines("wave-counts/*")) == count_plainly(text)
    assert labels(cloud) == [("Daily recipe", "Success")]
    starts = [entry.method for entry in cloud.requests if entry.method in ("flexTemplates.launch", "wave.jobs.start")]
    assert starts == ["flexTemplates.launch", "wave.jobs.start"]


def test_sync_dataflow_and_recipe_run_one_after_the_other(cloud: Emulator, run_dag: Run) -> None:
    connector = next(iter(cloud.wave.connectors))
    assert run_dag(load("wave_sync_and_prepare"), run_conf={"connector_id": connector}).state == "success"
    assert labels(cloud) == [("SFDC_LOCAL", "Success"), ("Sales", "Success"), ("Daily recipe", "Success")]


def test_a_warning_stops_the_sync_dag_before_the_recipe(cloud: Emulator, run_dag: Run) -> None:
    cloud.wave.scripts.play("Sales", status="Warning", nodes=[WaveNode(name="A", rows_failed=1)])
    connector = next(iter(cloud.wave.connectors))
    assert run_dag(load("wave_sync_and_prepare"), run_conf={"connector_id": connector}).state == "failed"
    assert labels(cloud) == [("SFDC_LOCAL", "Success"), ("Sales", "Warning")]
