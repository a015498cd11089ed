"""A task whose Airflow keeps no launch record: what it makes of the jobs that the service shows."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize
from msgspec.structs import replace

from airflow_dataflow_ext.api.dataflow.launcher import DataflowLauncher
from airflow_dataflow_ext.api.dataflow.names import labels_of
from airflow_dataflow_ext.api.dataflow.templates import TemplateLaunch
from airflow_dataflow_ext.api.jobs.launch_once import Launched, launch_once
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.shown import EACH, shown_record
from airflow_dataflow_ext.api.rest.steps import Conversation
from tests.api.cloud import Cloud
from tests.api.jobs.test_launch_once_machine import IDENTITY, JUDGE, PLACE, LaunchOnce
from tests.talk import Talk

NAMED = DataflowLauncher(launch=TemplateLaunch(template="gs://b/t", job_name="wc"), place=PLACE)
BARE = replace(NAMED, append_job_name=False)


def cloud_with(*jobs: tuple[int, str], launcher: DataflowLauncher = NAMED) -> Cloud:
    """A Dataflow that has had jobs of these generations, which are in these states now."""
    cloud = Cloud()
    for generation, state in jobs:
        identity = replace(IDENTITY, generation=generation)
        cloud.launch(launcher.name(identity), labels_of(identity)).state = f"JOB_STATE_{state}"
    return cloud


def shown(cloud: Cloud, *, clear_key: int = 0, launcher: DataflowLauncher = NAMED) -> Any:
    record = Talk(cloud.answer, now=cloud.now)(shown_record(launcher, IDENTITY, clear_key=clear_key, is_first=False))
    return record.step, record.generation, record.clear_key, record.job_id


def test_a_first_try_asks_nobody_and_launches() -> None:
    talk = Talk()
    record = talk(shown_record(NAMED, IDENTITY, clear_key=2, is_first=True))
    assert (record.step, record.generation, record.clear_key) == ("refused", 2 * EACH, 2)
    assert talk.asked == []


@pytest.mark.parametrize("launcher", [NAMED, BARE])
@pytest.mark.parametrize(
    ("jobs", "record"),
    [
        ([], ("intended", 0, 0, "")),
        ([(0, "RUNNING")], ("launched", 0, 0, "job-1")),
        ([(0, "DONE")], ("launched", 0, 0, "job-1")),
        ([(0, "FAILED")], ("intended", 1, 0, "")),
        ([(0, "FAILED"), (1, "RUNNING")], ("launched", 1, 0, "job-2")),
        ([(1, "RUNNING")], ("launched", 1, 0, "job-1")),
    ],
)
def test_a_retry_takes_its_record_from_the_jobs_that_are_shown(jobs: Any, record: Any, launcher: DataflowLauncher) -> None:
    assert shown(cloud_with(*jobs, launcher=launcher), launcher=launcher) == record


@pytest.mark.parametrize(
    ("jobs", "record"),
    [
        ([(0, "RUNNING")], ("launched", 2 * EACH - 1, 0, "job-1")),
        ([(0, "DONE")], ("intended", 2 * EACH, 2, "")),
        ([(0, "DONE"), (2 * EACH, "RUNNING")], ("launched", 2 * EACH, 2, "job-2")),
    ],
)
def test_after_a_clear_an_earlier_job_is_stopped_if_it_moves_and_never_taken_over(jobs: Any, record: Any) -> None:
    assert shown(cloud_with(*jobs), clear_key=2) == record


class WithoutRecord(LaunchOnce):
    """The same task where each worker begins with nothing; what a try has launched is listed when the next one begins."""

    its_xcoms_are_cleaned = the_dag_file_changes_retries = None  # type: ignore[assignment]
    somebody_else_has_a_job_of_that_name = that_job_ends = None  # type: ignore[assignment]

    @initialize(append=st.booleans(), retries=st.integers(0, 3))
    def begin(self, append: bool, retries: int) -> None:  # type: ignore[override]
        super().begin((0.0, 0.0), append, retries, elsewhere=False)

    def launch(self) -> Conversation[Launched]:
        """What a worker does that enters the task."""
        record = yield from shown_record(self.service, IDENTITY, clear_key=self.max_tries, is_first=self.tries == 1)
        self.record = record.value()
        return (yield from launch_once(self.service, IDENTITY, clear_key=self.max_tries))

    def teardown(self) -> None:
        if not hasattr(self, "cloud"):
            return
        self.tries += 1
        launched: Launched = self.perform(self.launch(), [], None)
        good = [job for job in self.jobs_of_this_clear if JUDGE(job.summary()) is not Phase.FAILED]
        assert [job.id for job in good] == [launched.job["id"]]
        assert self.moving in ([], good)


TestWithoutRecord = WithoutRecord.TestCase
TestWithoutRecord.settings = settings(
    max_examples=500, stateful_step_count=10, deadline=None, derandomize="CI" in os.environ, database=None
)
