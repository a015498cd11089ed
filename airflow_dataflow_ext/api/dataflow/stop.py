"""How a Dataflow job is stopped: cancelled, drained, or cancelled by force."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from airflow_dataflow_ext.api.dataflow.job import JobRef
from airflow_dataflow_ext.api.dataflow.messages import MessageStream
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.reasons import reason_of
from airflow_dataflow_ext.api.dataflow.states import BATCH, CANCELLED, CANCELLING, DATAFLOW, DRAINED, DRAINING, FAILED, TERMINAL, state_of
from airflow_dataflow_ext.api.dataflow.where import at_job
from airflow_dataflow_ext.api.jobs.stop import stop_within
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidInputError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Now, Say
from airflow_dataflow_ext.api.rest.texts import sentence
from airflow_dataflow_ext.api.rest.times import epoch_or
from airflow_dataflow_ext.api.rest.values import seconds

NOT_YET, ALREADY_OVER = "not yet ready for cancel", "has terminated"
"""The service's texts about a job that is too young to be stopped, and about one that has ended. No client relies on its status codes."""

FORCE = {"force_cancel_job": "true"}
"""https://cloud.google.com/dataflow/docs/guides/stopping-a-pipeline#force_cancel"""

FORCE_AT_THE_EARLIEST = 30 * 60.0
"""Seconds that a job must have been cancelling before the service accepts a forced cancel."""


def check_force_after(given: Any) -> float | None:
    """Seconds of cancelling after which a job is cancelled by force; None for never.

    :raises InvalidInputError: it is not a number of seconds, or too short for the service.
    """
    found = seconds(given, "force_after")
    if found is not None and found < FORCE_AT_THE_EARLIEST:
        raise InvalidInputError(f"force_after must be {FORCE_AT_THE_EARLIEST:.0f} seconds or more, as the service requires")
    return found


class StoppableJob(Struct, kw_only=True):
    """A Dataflow job to stop.

    :param drain: drain a streaming job; a batch job, or one that has read nothing yet, is cancelled all the same.
    :param force_after: seconds of cancelling after which it is cancelled by force.
    """

    job: JobRef
    drain: bool = False
    force_after: float | None = None
    _asked: bool = False
    _cancelled: bool = False
    _force_from: float = 0.0

    def __str__(self) -> str:
        return str(self.job)

    def read(self, *, retry_for: float | None) -> Conversation[Json]:
        """The job as it is now."""
        return at_job(self.job, ask(Job.get.request(**self.job.path), retry_for=retry_for))

    def is_over(self, job: Json) -> bool:
        """Whether it has ended."""
        return state_of(job) in TERMINAL

    def state(self, job: Json) -> str:
        """Its state."""
        return state_of(job)

    def push(self, job: Json) -> Conversation[bool]:
        """Ask it to stop, unless it is already stopping; cancel it by force if that takes too long."""
        if state_of(job) == CANCELLING or (state_of(job) == DRAINING and self.drain):
            self._asked = True
            yield from self._force(job)
        elif not self._asked:
            drain = self.drain and drains(job)
            self._asked = yield from request_stop(self.job, drain=drain)
            self._cancelled = self._asked and not drain
        return self._asked

    def tell_end(self, job: Json) -> Conversation[None]:
        """Log how it ended; as a warning with the reason, if it was to be drained and data may be lost."""
        end = f"{self} ended as {self.state(job)}"
        if not self.drain or self._cancelled or job.get("type") == BATCH or state_of(job) not in (FAILED, CANCELLED):
            yield Say(f"{end}.")
            return
        reason = sentence(reason_of((yield from MessageStream(self.job.path, None).errors()))) if state_of(job) == FAILED else ""
        end = f"{end}: {reason}" if reason else f"{end}."
        yield Say(f"{end} It was to be drained; what it had read and not yet written may be lost.", logging.WARNING)

    def _force(self, job: Json) -> Conversation[None]:
        if self.force_after is None or state_of(job) != CANCELLING:
            return
        now = yield Now()
        since = now - epoch_or(job.get("currentStateTime"), now)
        if since < self.force_after or now < self._force_from:
            return
        self._force_from = math.inf
        yield Say(f"{self.job} has been cancelling for {since:.0f} s; it is cancelled by force, and may leave resources behind.")
        try:
            yield from request_stop(self.job, labels=FORCE)
        except CallError as refused:
            self._force_from = now + budgets.FORCE_EVERY
            yield Say(f"The service refused to cancel it by force: {refused}")


def stop(
    job: JobRef, *, drain: bool = False, wait_for: float = budgets.STOP_WAIT, poll_sleep: float = budgets.POLL_SLEEP
) -> Conversation[Json]:
    """Ask a job to stop and wait until it has ended, in whichever state; a job that has already ended is left alone.

    https://cloud.google.com/dataflow/docs/guides/stopping-a-pipeline

    :param drain: drain a streaming job; a batch job, or one that has read nothing yet, is cancelled all the same.
    :param wait_for: seconds to wait for the end; 0 does not wait.
    :returns: the job as last seen.
    :raises InvalidInputError: ``wait_for`` is not 0 or more, or ``poll_sleep`` is not greater than 0.
    :raises JobError: it has not ended within ``wait_for``.
    """
    return stop_within(StoppableJob(job=job, drain=drain), wait_for, poll_sleep)


def request_stop(job: JobRef, *, drain: bool = False, labels: Mapping[str, str] | None = None) -> Conversation[bool]:
    """Ask a job to stop, without waiting.

    :param labels: labels to send with the request; a forced cancel is a label.
    :returns: whether the service accepted the request, or the job has already ended; False if the job is too young to be stopped.
    :raises CallError: the service refused for another reason.
    """
    body: dict[str, Any] = {"requestedState": DRAINED if drain else CANCELLED}
    if labels:
        body["labels"] = dict(labels)
    yield Say(f"{'Draining' if drain else 'Cancelling'} {job}")
    try:
        yield from ask(Job.update.request(body, **job.path))
    except CallError as refused:
        if ALREADY_OVER in str(refused):
            return True
        if NOT_YET in str(refused):
            return False
        raise
    return True


def drains(seen: Json) -> bool:
    """Whether the job can be drained in its current state. A job in an undocumented state may hold data, so it counts as drainable."""
    row = DATAFLOW.get(state_of(seen))
    return seen.get("type") != BATCH and (row is None or row.drainable)
