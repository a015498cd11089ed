"""One logical launch starts one job: searched for a counterexample in every order of deaths, lost answers, retries and clears."""

from __future__ import annotations

import json
import os
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.launcher import DataflowLauncher
from airflow_dataflow_ext.api.dataflow.templates import TemplateLaunch
from airflow_dataflow_ext.api.dataflow.wait import WaitPolicy
from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import Launched, launch_once, settle
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.rest.errors import DataflowExtError
from airflow_dataflow_ext.api.rest.method import Request
from airflow_dataflow_ext.api.rest.steps import Conversation, Now, Recall, Record, Sleep
from tests.api.cloud import Cloud, CloudJob

IDENTITY = LaunchIdentity(dag_id="d", run_id="r", task_id="t")
JUDGE = WaitPolicy().judge
PLACE = Place(project_id="p", location="l")
TROUBLES = st.lists(st.sampled_from(["", "", *Cloud.TROUBLES]), max_size=10)
LAGS = st.tuples(st.sampled_from([0.0, 2.0, 9.0, 14.0]), st.sampled_from([0.0, 2.0, 9.0, 14.0]))  # within the look-up's patience of 15 s
DEATHS = st.one_of(st.none(), st.integers(1, 40))


class Died(Exception):  # noqa: N818  (nothing went wrong: somebody killed it)
    """The worker is gone."""


class LaunchOnce(RuleBasedStateMachine):
    """A task that is tried, retried and cleared. What must hold is checked at the moment a job is launched, and at the end."""

    @initialize(lags=LAGS, append=st.booleans())
    def begin(self, lags: tuple[float, float], append: bool) -> None:
        self.cloud = Cloud(lags, self.check)
        launch = TemplateLaunch(template="gs://b/t", job_name="wc")
        self.service = DataflowLauncher(launch=launch, place=PLACE, append_job_name=append)
        self.record: Any = None
        self.clears = 0
        self.jobs_of_this_clear: list[CloudJob] = []

    def check(self, job: CloudJob) -> None:
        """A job is launched: nothing of this launch may move, and what this clear has launched must have failed."""
        assert self.cloud.moving == [], "a second job beside one that moves"
        ended_well = [earlier for earlier in self.jobs_of_this_clear if JUDGE(earlier.summary()) is Phase.SUCCEEDED]
        assert ended_well == [], "a finished launch was doubled"
        self.jobs_of_this_clear.append(job)

    @rule(troubles=TROUBLES, dies_after=DEATHS)
    def attempt(self, troubles: list[str], dies_after: int | None) -> None:
        """A worker picks the task up; it may die after any step."""
        try:
            self.perform(launch_once(self.service, IDENTITY, clear_key=self.clears), list(troubles), dies_after)
        except (DataflowExtError, Died):
            return

    @rule()
    def clear(self) -> None:
        """A person clears the task; the worker, if there is one, is gone."""
        self.clears += 1
        self.jobs_of_this_clear = []

    @rule(state=st.sampled_from(["JOB_STATE_DONE", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED"]), told=st.booleans())
    def the_job_ends(self, state: str, told: bool) -> None:
        """Whether or not somebody is there to write it down."""
        for job in self.cloud.moving:
            job.state = state
            if told:
                self.perform(settle(job.id, JUDGE(job.summary())), [], None)

    @rule(seconds=st.sampled_from([1.0, 60.0, 7200.0]))
    def time_passes(self, seconds: float) -> None:
        self.cloud.pass_time(seconds)

    def perform(self, conversation: Conversation[Any], troubles: list[str], dies_after: int | None) -> Any:
        answer, steps = None, 0
        while True:
            try:
                step = conversation.send(answer)
            except StopIteration as end:
                return end.value
            answer = self.answer(step, troubles)
            steps += 1
            if steps == dies_after:  # after the effect: to die before it is to die after the step before
                conversation.close()
                raise Died

    def answer(self, step: Any, troubles: list[str]) -> Any:
        match step:
            case Request():
                return self.cloud.answer(step, troubles.pop(0) if troubles else "")
            case Sleep(seconds):
                self.cloud.pass_time(seconds)
            case Now():
                return self.cloud.now
            case Recall():
                return self.record
            case Record(value):
                self.record = json.loads(json.dumps(value))
        return None

    def teardown(self) -> None:
        """Whatever has happened, the next worker without trouble ends up with the one job of this launch."""
        if not hasattr(self, "cloud"):
            return
        launched: Launched = self.perform(launch_once(self.service, IDENTITY, clear_key=self.clears), [], None)
        good = [job for job in self.jobs_of_this_clear if JUDGE(job.summary()) is not Phase.FAILED]
        assert [job.id for job in good] == [launched.job["id"]]
        assert self.cloud.moving in ([], good)
        assert self.record["step"] in ("launched", "settled")
        assert (self.record["job_id"], self.record["clear_key"]) == (launched.job["id"], self.clears)


TestLaunchOnce = LaunchOnce.TestCase
TestLaunchOnce.settings = settings(max_examples=2000, stateful_step_count=10, deadline=None, derandomize="CI" in os.environ, database=None)
