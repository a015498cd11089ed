"""The wait for a condition: checks it repeatedly, watches the job's end if it matters, and logs the progress."""

from __future__ import annotations

import logging
from typing import Any

from msgspec import Struct, field

from airflow_dataflow_ext.api.dataflow.conditions import Condition
from airflow_dataflow_ext.api.dataflow.job import JobRef
from airflow_dataflow_ext.api.dataflow.states import TERMINAL, state_of
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.dataflow.where import where_is_it
from airflow_dataflow_ext.api.jobs.wait import LastSeen
from airflow_dataflow_ext.api.jobs.watch import Look
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import JobError, JobLostError, NotFoundError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Sleep


class ConditionWait(Struct, frozen=True, kw_only=True):
    """A wait for a condition.

    :param at: the job or, for a snapshot, its place.
    :param ends_with_job: whether the wait fails when the job ends.
    :param poll_sleep: seconds between two looks.
    :param seen: what was logged last, kept from one look to the next.
    """

    at: JobRef
    condition: Condition
    ends_with_job: bool
    poll_sleep: float
    seen: LastSeen = field(default_factory=LastSeen)

    @property
    def _watch(self) -> JobWatch:
        return JobWatch(job=self.at, policy=WaitPolicy(to_the_end=True, poll_sleep=self.poll_sleep, importance=None))

    def once(self, *, retry_for: float | None) -> Conversation[Any]:
        """Check the condition once; returns what was found, or None.

        :raises JobError: the job has ended, or the condition can no longer be met.
        """
        job = (yield from self._watch.read(retry_for=retry_for)) if self.ends_with_job else {}
        return (yield from self._look(job, retry_for))

    def wait(self) -> Conversation[Json]:
        """Check the condition until it is met; the event's ``found`` is what was found. Temporary errors never end the wait.

        :raises JobError: the job has ended, or the condition can no longer be met.
        :raises JobLostError: the service has not known the job for ``budgets.LOST_AFTER`` seconds.
        :raises CallError: the service refuses to show it.
        """
        look, missed = Look(self._watch), 0.0
        while True:
            job = (yield look) if self.ends_with_job else {}
            try:
                found = yield from self._look(job, None)
            except NotFoundError as error:
                if missed >= budgets.LOST_AFTER:
                    explained = yield from self.explained(error)
                    raise JobLostError(f"The service has not known it for {missed:.0f} s: {explained}") from error
                found, missed = None, missed + self.poll_sleep
            else:
                missed = 0.0
            if found is not None:
                return {"found": found}
            if self.ends_with_job:
                look = Look(self._watch, within=self.poll_sleep, known=self._watch.state(job))
            else:
                yield Sleep(self.poll_sleep)

    def explained(self, error: NotFoundError) -> Conversation[NotFoundError]:
        """The error, with the job's location if it is another one."""
        if not self.condition.of_job:
            return error
        return (yield from where_is_it(self.at, error))

    def _look(self, job: Json, retry_for: float | None) -> Conversation[Any]:
        over = state_of(job) in TERMINAL
        if over and not self.condition.last_chance:
            raise self._ended(job)
        seen = yield from self.condition.check(self.at, retry_for=retry_for)
        yield from self.seen.is_now(seen.text, logging.WARNING if seen.doubtful else logging.INFO)
        if seen.found is None and over:
            raise self._ended(job)
        return seen.found

    def _ended(self, job: Json) -> JobError:
        text = f"Job {self.at.id} is in {job.get('currentState')}, and what the sensor waits for has not happened."
        return JobError(f"{text} {self.seen.text}".rstrip())
