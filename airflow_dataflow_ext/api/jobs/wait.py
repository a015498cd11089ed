"""The conversations that wait for a job."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.watch import Look, Outcome, Stream, Watch
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import JobLostError, NotFoundError
from airflow_dataflow_ext.api.rest.steps import Conversation, Say, Sleep

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json


def look_alone(look: Look) -> Conversation[Json]:
    """A look that is shared with nobody: wait, read, and repeat until there is something to report."""
    waited = unknown_for = 0.0
    pause = look.within
    while True:
        if pause:
            yield Sleep(pause)
            waited += pause
        try:
            job = yield from look.watch.read()
        except NotFoundError as error:
            if unknown_for >= budgets.LOST_AFTER:
                raise lost(look.watch, (yield from look.watch.explained(error))) from error
            if not unknown_for:
                yield Say(f"{error} Asking again for {budgets.LOST_AFTER:.0f} s.")
            pause = look.within or look.watch.poll_sleep
            unknown_for += pause
            continue
        if look.is_news(job) or waited >= min(look.idle, look.latest):
            return job
        unknown_for, pause = 0.0, look.within


def lost(watch: Watch, error: NotFoundError) -> JobLostError:
    """The error that ends a wait for a job that the service does not know."""
    return JobLostError(f"The service has not known job {watch.job_id} for {budgets.LOST_AFTER:.0f} s: {error}")


def wait_for_job(watch: Watch, *, leaves_rest: bool = False) -> Conversation[Outcome]:
    """Follow a job until its state ends the wait; log its states and messages on the way.

    :param leaves_rest: leave the last messages of a job that ended well to the worker that finishes the task. This saves a call at the end,
        which matters when thousands of jobs end at the same time.
    :raises CallError: the service refuses to show the job, for example without permission; outages never end a wait.
    :raises JobLostError: the service has not known the job for ``budgets.LOST_AFTER`` seconds.
    """
    stream = watch.stream()
    look = Look(watch)
    while True:
        job = yield look
        phase, state = watch.judge(job), watch.state(job)
        if state != look.known:
            yield Say(_state_line(watch, state))
        unlogged = stream.mark() if leaves_rest and phase is Phase.SUCCEEDED else None
        if unlogged is None:
            yield from stream.follow(job)
        if phase is not Phase.MOVING:
            return replace((yield from _outcome(watch, stream, job)), unlogged=unlogged)
        idle = stream.quiet_rounds * watch.poll_sleep
        look = Look(watch, within=watch.poll_sleep, known=state, idle=idle, latest=stream.patience)


def _state_line(watch: Watch, state: str) -> str:
    return f"Job {watch.job_id} is in state {state}" + ("" if watch.documented(state) else ", which is not documented; the wait continues")


def _outcome(watch: Watch, stream: Stream, job: Json) -> Conversation[Outcome]:
    phase, state = watch.judge(job), watch.state(job)
    job = yield from stream.final(job)
    ending = yield from stream.ending(job, phase)
    known = Outcome(phase=ending.phase, job=job, state=state, facts=stream.facts())
    if ending.phase is Phase.SUCCEEDED:
        return known
    return replace(known, reason=ending.reason, cause=ending.cause, complaint=stream.complaint(job, ending.reason))


class Waiting(Protocol):
    """What a sensor waits for: it can be checked once, or waited for."""

    def once(self, *, retry_for: float | None) -> Conversation[Any]:
        """What was found, or None if it has not happened yet; what is seen is logged when it changes.

        :param retry_for: seconds for which each call is retried; None retries without a limit.
        :raises JobError: it can no longer happen.
        """

    def wait(self) -> Conversation[Json]:
        """The event, as JSON, once it has happened or can no longer happen."""

    def explained(self, error: NotFoundError) -> Conversation[NotFoundError]:
        """The error with a hint about why the service does not know the job."""


class LastSeen(Struct):
    """What a wait has seen last. It is logged when it changes, and the error of a timeout repeats it."""

    text: str = ""

    def is_now(self, text: str, level: int = logging.INFO) -> Conversation[None]:
        """Log what is seen, if it has changed."""
        if text and text != self.text:
            self.text = text
            yield Say(text, level)


class JobWait(Struct, frozen=True):
    """The wait for a job that this task did not start; the event is an Outcome.

    :param seen: what was logged last, kept from one look to the next.
    """

    watch: Watch
    seen: LastSeen = field(default_factory=LastSeen)

    def explained(self, error: NotFoundError) -> Conversation[NotFoundError]:
        """See :meth:`Watch.explained`."""
        return self.watch.explained(error)

    def once(self, *, retry_for: float | None) -> Conversation[Json | None]:
        """The job, if its state decides the wait."""
        watch = self.watch
        job = yield from watch.read(retry_for=retry_for)
        yield from self.seen.is_now(_state_line(watch, watch.state(job)))
        if watch.judge(job) is Phase.MOVING:
            return None
        return (yield from _outcome(watch, watch.stream(), job)).result()

    def wait(self) -> Conversation[Json]:
        """The Outcome, as JSON."""
        return (yield from wait_for_job(self.watch)).serialize()
