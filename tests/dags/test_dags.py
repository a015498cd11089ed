"""Tests of the example DAGs: cheap to read, explained to a reader of the UI, and each runs on the emulator as it stands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from demo.bucket import Bucket, count_plainly, parse_counts

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG

DAGS = Path(__file__).parents[2] / "dags"
PIPELINES = DAGS / "pipelines"
FILES = sorted(DAGS.glob("*.py"))
HEAVY = (
    "requests",
    "google.auth",
    "aiohttp",
    "simple_salesforce",
    "airflow.providers.google.common.hooks.base_google",
    "airflow_dataflow_ext.hooks.dataflow",
    "airflow_dataflow_ext.hooks.wave",
)
TEXT = "import this\nThe end is import\nof the text\n" * 5

# Prints, for each DAG file, which modules it brought on top of airflow.sdk.
READ = """
import json, runpy, sys
import airflow.sdk, pendulum
print(airflow.sdk.DAG, airflow.sdk.BaseOperator, airflow.sdk.BaseOperatorLink, airflow.sdk.Param, airflow.sdk.task, file=sys.stderr)
found = {}
for path in sys.argv[1:]:
    before = set(sys.modules)
    runpy.run_path(path)
    found[path] = sorted(set(sys.modules) - before)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def readings() -> dict[str, list[str]]:
    done = subprocess.run([sys.executable, "-c", READ, *map(str, FILES)], capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def load(name: str) -> DAG:
    """The DAG of a file, read as Airflow reads it."""
    from tests.bags import read

    (dag,) = read(DAGS / f"{name}.py")
    assert dag.dag_id == name
    return dag


LIGHT = [path for path in FILES if path.stem != "dataflow_beam_python"]  # the Beam provider's operators bring their hooks


@pytest.mark.parametrize("path", LIGHT, ids=lambda path: path.stem)
def test_reading_a_dag_file_loads_nothing_heavy(path: Path, readings: dict[str, list[str]]) -> None:
    assert set(HEAVY) & set(readings[str(path)]) == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_explains_itself_in_the_ui(path: Path) -> None:
    dag = load(path.stem)
    assert dag.doc_md is not None
    assert dag.doc_md.startswith("### ")
    assert len(dag.doc_md.split()) > 25
    assert all(dag.params.get_param(name).description for name in dag.params)


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    """A bucket of an emulator that runs pipelines for real; the environment's connection leads to the emulator."""
    images = json.loads((PIPELINES / "images.json").read_text())
    paths = {image: str(PIPELINES / path) for image, path in images.items()}
    with pytest.MonkeyPatch.context() as patch, Emulator(engine="beam", images=paths) as emulator:
        for name, value in emulator.connections().items():
            patch.setenv(name, value)
        made = Bucket(emulator.gcs_url, "dag-tests")
        made.write("templates/wordcount.json", (PIPELINES / "wordcount.json").read_text())
        made.write("input/text.txt", TEXT)
        yield made


Run = Callable[..., "DagRun"]


def run(run_dag: Run, name: str, bucket: Bucket, **conf: Any) -> DagRun:
    ended = run_dag(load(name), run_conf={"bucket": bucket.name, **conf})
    assert ended.state == "success"
    assert {task.try_number for task in ended.get_task_instances()} == {1}
    return ended


def test_the_flex_template_dag_counts_words(bucket: Bucket, run_dag: Run) -> None:
    run(run_dag, "dataflow_flex_template", bucket)
    assert parse_counts(bucket.lines("counts/*")) == count_plainly(TEXT)


def test_the_classic_template_dag_counts_words(bucket: Bucket, run_dag: Run) -> None:
    run(run_dag, "dataflow_classic_template", bucket)
    counts = parse_counts(bucket.lines("classic-counts/*"))
    assert (counts["import"], counts["The"]) == (10, 5)


def test_the_yaml_dag_finds_lines(bucket: Bucket, run_dag: Run) -> None:
    run(run_dag, "dataflow_yaml", bucket, word="end")
    assert bucket.lines("lines/*") == ["The end is import"] * 5


def test_the_daily_dag_counts_each_day(bucket: Bucket, run_dag: Run) -> None:
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=1), today]  # today is yesterday, if midnight passes before the run
    for day in days:
        bucket.write(f"days/{day}/text.txt", f"{day:%A} " * day.day)
    run(run_dag, "dataflow_daily_mapped", bucket, days=1)
    counted = parse_counts(bucket.lines("daily-counts/*"))
    assert counted in [{f"{day:%A}".lower(): day.day} for day in days]


def test_the_chain_dag_keeps_frequent_words(bucket: Bucket, run_dag: Run) -> None:
    run(run_dag, "dataflow_chain", bucket, often=10)
    assert sorted(bucket.lines("chain/*/frequent*")) == ["import: 10", "the: 10"]
