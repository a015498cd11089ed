"""What the log of an operator says: what was asked, where, and what came of it."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator, JobMessage
from tests.operators.conftest import Log
from tests.operators.launches import instance
from tests.operators.test_life import BOTH, SOON, good, stream, task

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


def test_a_change_of_a_job_says_what_was_asked_and_what_came_of_it(emulator: Emulator, shown: Log) -> None:
    job = stream(emulator)
    shown.records.clear()
    good(task("DataflowUpdateJobOperator", job_id=job, min_num_workers=2, max_num_workers=10))
    at = f"job {job} in emulated-project/us-central1"
    assert shown.lines() == [
        f"Changing {at}: min_num_workers=2, max_num_workers=10",
        f"The service has accepted the change of {at}, which is in JOB_STATE_RUNNING.",
    ]


@BOTH
def test_a_snapshot_says_that_it_is_ready(emulator: Emulator, shown: Log, deferrable: bool) -> None:
    emulator.settings.snapshot_seconds = 0.2
    taken = task("DataflowCreateSnapshotOperator", job_id=stream(emulator), poll_sleep=SOON, deferrable=deferrable)
    snapshot = good(taken)["id"]
    first, last = [line for line in shown.lines() if line.startswith("Snapshot")]
    assert first.startswith(f"Snapshot {snapshot} of job ")
    assert first.endswith(" has begun.")
    assert " is in READY: a job can start from it (" in last


def test_a_deleted_snapshot_is_said_to_be_deleted(emulator: Emulator, shown: Log) -> None:
    snapshot = good(task("DataflowCreateSnapshotOperator", job_id=stream(emulator), poll_sleep=SOON))["id"]
    good(task("DataflowDeleteSnapshotOperator", snapshot_id=snapshot))
    assert shown.lines()[-1] == f"Snapshot {snapshot} in emulated-project/us-central1 is deleted."


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("DataflowDeleteSnapshotOperator", {"snapshot_id": "17"}, "There is no snapshot to delete: "),
        ("DataflowDeletePipelineOperator", {"pipeline_name": "nightly"}, "There is no pipeline to delete: "),
    ],
)
def test_nothing_to_delete_is_a_warning_that_says_where(emulator: Emulator, shown: Log, name: str, fields: Any, words: str) -> None:
    good(task(name, **fields, location="asia-east1"))
    (line,) = shown.lines(above=logging.INFO)
    assert line.startswith(words)
    assert "asia-east1" in line


@pytest.mark.parametrize("which", ["job_name", "job_name_prefix"])
def test_a_job_to_stop_that_runs_in_another_location_is_named(emulator: Emulator, shown: Log, which: str) -> None:
    job = stream(emulator, "feed")
    good(task("DataflowStopJobOperator", **{which: "feed"}, location="europe-west4"))
    (line,) = shown.lines(above=logging.INFO)
    assert line.endswith(f"Job {job} (feed) is active in us-central1: set location='us-central1'.")


@BOTH
@pytest.mark.parametrize("which", ["job_name", "job_name_prefix"])
def test_nothing_to_stop_says_what_was_looked_for_and_where(emulator: Emulator, shown: Log, deferrable: bool, which: str) -> None:
    good(task("DataflowStopJobOperator", **{which: "feed"}, deferrable=deferrable))
    (line,) = [line for line in shown.lines() if "There is no job to stop" in line]
    assert "'feed'" in line
    assert "project emulated-project" in line
    assert "location us-central1" in line


@BOTH
def test_a_line_of_a_job_bears_one_timestamp(emulator: Emulator, shown: Log, deferrable: bool) -> None:
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0.1, JobMessage("It reads.")), (0.4, "JOB_STATE_DONE")])
    good(instance(deferrable=deferrable))
    assert shown.lines().count("It reads.") == 1
    assert [line for line in shown.lines() if TIME.search(line)] == []


@BOTH
def test_a_task_that_ends_well_logs_no_error(emulator: Emulator, shown: Log, deferrable: bool) -> None:
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0.4, "JOB_STATE_DONE")])
    good(instance(deferrable=deferrable))
    assert shown.lines(above=logging.INFO) == []


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("DataflowStopJobOperator", {}),
        ("DataflowUpdateJobOperator", {"max_num_workers": 3}),
        ("DataflowCreateSnapshotOperator", {}),
    ],
)
def test_a_job_in_another_region_is_named_in_the_error(emulator: Emulator, name: str, fields: dict[str, int]) -> None:
    job = stream(emulator)
    text = str(task(name, job_id=job, location="europe-west1", **fields).run().error)
    assert text.endswith(f"Job {job} is in us-central1: set location='us-central1'.")
    assert text.count("A job can be found only in its own project and location") == 1


def test_a_job_that_no_region_knows_is_said_to_be_in_none(emulator: Emulator) -> None:
    text = str(task("DataflowStopJobOperator", job_id="2026-01-01_00_00_00-1").run().error)
    assert text.endswith("No location of project emulated-project lists it.")


def test_trouble_with_the_lists_hides_no_error(emulator: Emulator) -> None:
    emulator.faults.add("jobs.aggregated", status=403, times=1)
    text = str(task("DataflowStopJobOperator", job_id="2026-01-01_00_00_00-1").run().error)
    assert text.endswith("for 30 days after its end.")


def test_a_project_of_many_jobs_is_not_read_to_its_end(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_dataflow_ext.api.dataflow import where

    monkeypatch.setattr(where, "PAGE", 1)
    for name in "abcdefgh":
        stream(emulator, name)
    text = str(task("DataflowStopJobOperator", job_id="2026-01-01_00_00_00-1").run().error)
    assert emulator.requests.counts["jobs.aggregated"] == where.MOST_PAGES
    assert "No location" not in text
