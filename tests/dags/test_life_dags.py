"""The example DAGs of a streaming job's life and of the trigger form, each run on the emulator as it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from demo.bucket import Bucket, count_plainly, parse_counts
from tests.dags.test_dags import PIPELINES, TEXT, Run, load

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun


@pytest.fixture(scope="module")
def cloud() -> Iterator[tuple[Emulator, Bucket]]:
    """An emulator that runs pipelines for real, and a bucket of it."""
    images = json.loads((PIPELINES / "images.json").read_text())
    paths = {image: str(PIPELINES / path) for image, path in images.items()}
    with pytest.MonkeyPatch.context() as patch, Emulator(engine="beam", images=paths) as emulator:
        for name, value in emulator.connections().items():
            patch.setenv(name, value)
        bucket = Bucket(emulator.gcs_url, "life-tests")
        for template in ("wordcount", "ticks"):
            bucket.write(f"templates/{template}.json", (PIPELINES / f"{template}.json").read_text())
        bucket.write("input/text.txt", TEXT)
        yield emulator, bucket


def run(run_dag: Run, name: str, bucket: Bucket, **conf: Any) -> DagRun:
    ended = run_dag(load(name), run_conf={"bucket": bucket.name, **conf}, logical_date=datetime.now(UTC))
    assert ended.state == "success"
    return ended


def states(emulator: Emulator, name: str) -> list[str]:
    return [entry["job"]["currentState"] for entry in emulator.jobs.all() if entry["job"]["name"].startswith(name)]


def test_the_life_dag_scales_snapshots_and_drains_its_job(cloud: tuple[Emulator, Bucket], run_dag: Run) -> None:
    emulator, bucket = cloud
    run(run_dag, "dataflow_streaming_life", bucket, workers=5)
    jobs = [entry["job"] for entry in emulator.jobs.all()]
    assert [(job["currentState"], job["runtimeUpdatableParams"]["maxNumWorkers"]) for job in jobs] == [("JOB_STATE_DRAINED", 5)]
    assert [line.partition(":")[0] for line in bucket.lines("ticks/*")][:1] == ["ticks"]


def test_the_blue_green_dag_replaces_its_job(cloud: tuple[Emulator, Bucket], run_dag: Run) -> None:
    emulator, bucket = cloud
    before = len(emulator.jobs)
    run(run_dag, "dataflow_blue_green", bucket)
    assert [entry["job"]["currentState"] for entry in emulator.jobs.all()][before:] == ["JOB_STATE_UPDATED", "JOB_STATE_DRAINED"]


def test_the_form_dag_launches_what_its_form_says(cloud: tuple[Emulator, Bucket], run_dag: Run) -> None:
    emulator, bucket = cloud
    gs = f"gs://{bucket.name}"
    form = {"template": f"{gs}/templates/wordcount.json", "input": f"{gs}/input/*.txt", "output": f"{gs}/form/part", "min_count": None}
    run(run_dag, "dataflow_template_form", bucket, **form)
    assert parse_counts(bucket.lines("form/*")) == count_plainly(TEXT)
    sent = next(entry for entry in reversed(list(emulator.requests)) if entry.method == "flexTemplates.launch")
    assert sent.body["launchParameter"]["parameters"] == {"input": form["input"], "output": form["output"]}
