"""One logical launch starts one job: searched for a counterexample in every order of deaths, lost answers, retries and clears."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.launcher import DataflowLauncher
from airflow_dataflow_ext.api.dataflow.templates import TemplateLaunch
from airflow_dataflow_ext.api.dataflow.wait import WaitPolicy
from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import Launched, launch_once, pause_before_next, settle
from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.recollect import recollect
from airflow_dataflow_ext.api.rest.errors import DataflowExtError, ForeignJobError
from airflow_dataflow_ext.api.rest.method import Request
from airflow_dataflow_ext.api.rest.steps import Conversation, Now, Recall, Record, Sleep
from tests.api.cloud import Cloud, CloudJob

IDENTITY = LaunchIdentity(dag_id="d", run_id="r", task_id="t")
JUDGE = WaitPolicy().judge
PLACE, FALLBACK = Place(project_id="p", location="l"), Place(project_id="p", location="l2")
TROUBLES = st.lists(st.sampled_from(["", "", *Cloud.TROUBLES]), max_size=10)
LAGS = st.tuples(st.sampled_from([0.0, 2.0, 9.0, 14.0]), st.sampled_from([0.0, 2.0, 9.0, 14.0]))  # within the look-up's patience of 15 s
DEATHS = st.one_of(st.none(), st.integers(1, 40))


class Died(Exception):  # noqa: N818  (nothing went wrong: somebody killed it)
    """The worker is gone."""


class LaunchOnce(RuleBasedStateMachine):
    """A task that is tried, retried and cleared. What must hold is checked at the moment a job is launched, and at the end."""

    @initialize(lags=LAGS, append=st.booleans(), retries=st.integers(0, 3), elsewhere=st.booleans())
    def begin(self, lags: tuple[float, float], append: bool, retries: int, elsewhere: bool) -> None:
        self.cloud = Cloud(lags, self.check)
        launch = TemplateLaunch(template="gs://b/t", job_name="wc")
        fallbacks = (FALLBACK,) if elsewhere else ()
        self.service = DataflowLauncher(launch=launch, place=PLACE, fallbacks=fallbacks, append_job_name=append)
        self.record: Any = None
        self.retries = self.max_tries = retries
        self.tries = 0
        self.jobs_of_this_clear: list[CloudJob] = []

    def check(self, job: CloudJob) -> None:
        """A job is launched: nothing of this launch may move, and what this clear has launched must have failed."""
        assert self.moving == [], "a second job beside one that moves"
        ended_well = [earlier for earlier in self.jobs_of_this_clear if JUDGE(earlier.summary()) is Phase.SUCCEEDED]
        assert ended_well == [], "a finished launch was doubled"
        self.jobs_of_this_clear.append(job)

    @rule(troubles=TROUBLES, dies_after=DEATHS)
    def attempt(self, troubles: list[str], dies_after: int | None) -> None:
        """A worker picks the task up; it may die after any step. Where there is no room, it goes on in the next place."""
        self.tries += 1
        left, goes_on = list(troubles), True
        while goes_on:
            goes_on = False
            try:
                self.perform(self.launch(), left, dies_after)
            except Died:
                return
            except DataflowExtError as error:
                if error.cause == "capacity":
                    asking = pause_before_next(places=1 + len(self.service.fallbacks), waits=False)
                    goes_on = self.perform(asking, [], None) is not None

    @rule()
    def clear(self) -> None:
        """A person clears the task; its worker, if there is one, is gone. Airflow counts anew, with the retries of now."""
        if self.tries + self.retries in (self.max_tries, (self.record or {}).get("clear_key")):
            return  # which cannot be said from a retry, as docs/what-dies.md says
        self.max_tries = self.tries + self.retries
        self.jobs_of_this_clear = []

    @rule()
    def its_xcoms_are_cleaned(self) -> None:
        """With which a task that starts in the triggerer loses its record, and whatever tells a retry from a clear."""
        if self.service.fallbacks:
            return  # such a task never starts there
        self.cloud.pass_time(15.0)
        try:
            found: LaunchRecord | None = self.perform(recollect(self.service, IDENTITY, tries=self.tries), [], None)
        except ForeignJobError:
            return  # the task fails, and its next try looks again
        self.record = None if found is None else found.value()
        self.jobs_of_this_clear = []

    @rule(retries=st.integers(0, 5))
    def the_dag_file_changes_retries(self, retries: int) -> None:
        """Of which Airflow takes no notice until somebody clears the task."""
        self.retries = retries

    @rule(age=st.sampled_from([0.0, 3600.0, 90_000.0, 90 * 86_400.0]))
    def somebody_else_has_a_job_of_that_name(self, age: float) -> None:
        """Of any age, wherever this one may launch; the next attempt without trouble says so, and launches nothing until that has ended."""
        if self.moving or self.foreign or self.service.append_job_name:
            return
        for place in (PLACE, *self.service.fallbacks):
            self.cloud.holds_foreign("wc", age, place.location)
        self.tries += 1
        before = len(self.cloud.jobs)
        with suppress(ForeignJobError):
            launched: Launched = self.perform(self.launch(), [], None)
            assert JUDGE(launched.job) is Phase.SUCCEEDED  # what this launch has done already is its result
        assert len(self.cloud.jobs) == before

    @rule()
    def that_job_ends(self) -> None:
        for job in self.foreign:
            job.state = "JOB_STATE_DONE"

    @rule(state=st.sampled_from(["JOB_STATE_DONE", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED"]), said=st.booleans(), full=st.booleans())
    def the_job_ends(self, state: str, said: bool, full: bool) -> None:
        """Whether or not somebody is there to write it down; it may have failed because there was no room for it."""
        for job in self.moving:
            job.state = state
            if said:
                self.perform(settle(job.id, JUDGE(job.summary()), full=full and state == "JOB_STATE_FAILED"), [], None)

    @rule(seconds=st.sampled_from([1.0, 60.0, 7200.0]))
    def time_passes(self, seconds: float) -> None:
        self.cloud.pass_time(seconds)

    @property
    def moving(self) -> list[CloudJob]:
        """The jobs of this launch that move."""
        return [job for job in self.cloud.moving if not job.foreign]

    @property
    def foreign(self) -> list[CloudJob]:
        """Those of others."""
        return [job for job in self.cloud.moving if job.foreign]

    def launch(self) -> Conversation[Launched]:
        return launch_once(self.service, IDENTITY, clear_key=self.max_tries)

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
        self.that_job_ends()
        launched: Launched = self.perform(self.launch(), [], None)
        good = [job for job in self.jobs_of_this_clear if JUDGE(job.summary()) is not Phase.FAILED]
        assert [job.id for job in good] == [launched.job["id"]]
        assert self.moving in ([], good)
        assert self.record["step"] in ("launched", "settled")
        assert (self.record["job_id"], self.record["clear_key"]) == (launched.job["id"], self.max_tries)


TestLaunchOnce = LaunchOnce.TestCase
TestLaunchOnce.settings = settings(max_examples=2000, stateful_step_count=10, deadline=None, derandomize="CI" in os.environ, database=None)
