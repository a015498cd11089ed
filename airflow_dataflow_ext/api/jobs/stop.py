"""The loop that stops jobs of any service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from airflow_dataflow_ext.api.jobs.watch import check_poll_sleep
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidInputError, JobError, transient
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Now, Say, Sleep
from airflow_dataflow_ext.api.rest.values import number


class Stoppable(Protocol):
    """One job to stop; ``str()`` says which."""

    def read(self, *, retry_for: float | None) -> Conversation[Json]:
        """The job as it is now."""

    def is_over(self, job: Json) -> bool:
        """Whether it has ended."""

    def state(self, job: Json) -> str:
        """Its state, as the service names it."""

    def push(self, job: Json) -> Conversation[bool]:
        """Ask it to stop, unless that has already been done.

        :returns: whether the service accepted the request; False if the job is too young to be stopped.
        :raises CallError: the service refuses, and the job keeps running.
        """

    def tell_end(self, job: Json) -> Conversation[None]:
        """Log how it ended."""


def stop_jobs(
    jobs: Sequence[Stoppable], *, wait: bool = True, until: float | None = None, poll_sleep: float = budgets.POLL_SLEEP
) -> Conversation[list[Json]]:
    """Ask jobs to stop and wait until all have ended, in whichever state; a job that has already ended is left alone.

    If the service refuses to show or to stop one job, the others are stopped all the same.

    :param wait: False asks the jobs to stop without waiting.
    :param until: when to stop waiting, in seconds since the epoch; None waits without a limit.
    :param poll_sleep: seconds between two looks.
    :returns: the jobs as last seen, those that ended first coming first.
    :raises CallError: the service refused to show or to stop the only job.
    :raises JobError: the service refused to show or to stop some jobs, or some have not ended by ``until``.
    """
    left = list(jobs)
    over: list[Json] = []
    refused: list[tuple[Stoppable, CallError]] = []
    while left:
        seen, early = yield from _round(left, over, refused, None if until is None else max(until - (yield Now()), budgets.STOP_RETRY_FOR))
        if not left or not (wait or early):
            over += seen
            break
        if until is not None and (yield Now()) >= until:
            states = ", ".join(f"{job} is in {job.state(found)}" for job, found in zip(left, seen, strict=True))
            raise JobError(f"Not stopped in time: {states}.")
        yield Sleep(min(budgets.STOP_EVERY, poll_sleep) if early else poll_sleep)
    if refused and len(jobs) == 1:
        raise refused[0][1]
    if refused:
        raise JobError(" ".join((f"{len(refused)} of {len(jobs)} jobs go on:", *(f"{job}: {error}" for job, error in refused))))
    return over


def stop_within(job: Stoppable, wait_for: float, poll_sleep: float) -> Conversation[Json]:
    """Ask a job to stop and wait until it has ended; see :func:`stop_jobs`.

    :param wait_for: seconds to wait for the end; 0 does not wait.
    :param poll_sleep: seconds between two looks.
    :raises InvalidInputError: ``wait_for`` is not 0 or more, or ``poll_sleep`` is not greater than 0.
    """
    limit = number(wait_for, "wait_for", "a number of seconds")
    if limit < 0:
        raise InvalidInputError(f"wait_for must be 0 seconds or more, not {limit:g}")
    pause = min(check_poll_sleep(poll_sleep), max(limit, 1.0))
    until = (yield Now()) + limit
    return (yield from stop_jobs([job], wait=bool(limit), until=until, poll_sleep=pause))[0]


def _round(
    left: list[Stoppable], over: list[Json], refused: list[tuple[Stoppable, CallError]], retry_for: float | None
) -> Conversation[tuple[list[Json], bool]]:
    """Look at each job once, and ask it to stop. Returns the jobs that have not ended, and whether one was too young to be stopped."""
    seen: list[Json] = []
    early = False
    for job in tuple(left):
        found: Json | None = None
        try:
            found = yield from job.read(retry_for=retry_for)
            if job.is_over(found):
                yield from job.tell_end(found)
                over.append(found)
                left.remove(job)
                continue
            early = not (yield from job.push(found)) or early
        except CallError as error:
            if found is None and transient(error):
                raise  # an outage, which has lasted for retry_for
            yield Say(f"{job} cannot be stopped: {error}")
            refused.append((job, error))
            left.remove(job)
        else:
            seen.append(found)
    return seen, early
