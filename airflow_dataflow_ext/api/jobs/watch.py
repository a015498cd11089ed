"""The values of a wait for a job of any service: what is waited for, what a job says meanwhile, and how the wait ended."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.rest.errors import InvalidInputError, JobEndError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Step
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import seconds

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.errors import NotFoundError


def check_poll_sleep(given: Any, argument: str = "poll_sleep") -> float:
    """Seconds between two looks at a job, which may be given as text or as a timedelta.

    :param argument: name of the argument, for the error message.
    :raises InvalidInputError: it is not a number, or not greater than 0.
    """
    found = seconds(given, argument)
    if not found:
        raise InvalidInputError(f"{argument} must be more than 0 seconds, not {shown(given)}")
    return found


Known = Mapping[str, str | None]
"""Maps a job id to the state that all watchers of the job already know; None if a watcher has to see the job."""


class Lister(Protocol):
    """How the active jobs of one place are listed."""

    def active(self, watches: Iterable[Watch], known: Known) -> Conversation[tuple[Mapping[str, Json | None], int]]:
        """Summaries by job id, or None for a job that is still in its known state; and the number of calls that this took.

        :param watches: the jobs to list; the result may contain others.
        :param known: the known state of each of their jobs.
        :raises CallError: the service refuses to list, or gave no good answer for ``budgets.LIST_WITHIN`` seconds.
        """

    def ended(self, watches: Sequence[Watch], since: float) -> Conversation[Mapping[str, Json]]:
        """The jobs that have ended in the last ``since`` seconds, by job id, as :meth:`Watch.read` returns them. It may be incomplete,
        or empty if the service has no such list: jobs that are missing are read singly.

        :raises CallError: the service refuses to list, or gave no good answer.
        """


class Ending(Struct, frozen=True):
    """What the end of a job means for the wait.

    :param reason: why the job ended badly, in one line, quoting the service if it gave a reason.
    :param cause: see :class:`~airflow_dataflow_ext.api.rest.errors.DataflowExtError`.
    """

    phase: Phase
    reason: str = ""
    cause: str = ""


class Stream(Protocol):
    """What a job says while it runs, for example its messages. A Stream remembers what it has logged."""

    @property
    def quiet_rounds(self) -> float:
        """How many looks at an unchanged job may pass before :meth:`follow` is due."""

    @property
    def patience(self) -> float:
        """Seconds within which :meth:`follow` is due, however many others wait."""

    def follow(self, job: Json) -> Conversation[None]:
        """Log what is new. An error here never ends a wait."""

    def facts(self) -> Json:
        """What to store of what was seen on the way."""

    def mark(self) -> Json | None:
        """How far it has logged, so that another Stream can continue from there; None if nothing could be missed."""

    def final(self, job: Json) -> Conversation[Json]:
        """The job that has ended, completed with what is known only then."""

    def ending(self, job: Json, phase: Phase) -> Conversation[Ending]:
        """What the end of the job means for the wait and, for a bad end, why it came.

        :param phase: what the job's state means for the wait.
        """

    def complaint(self, job: Json, reason: str) -> str:
        """A sentence about a job that ended badly: which job, how it ended, and why."""


class Watch(Protocol):
    """What is waited for: which job, and which states end the wait well or badly."""

    @property
    def job_id(self) -> str:
        """The job's id."""

    @property
    def place(self) -> Hashable:
        """The key of the Board: watchers of the same place share their looks."""

    @property
    def poll_sleep(self) -> float:
        """Seconds between two looks."""

    def state(self, job: Mapping[str, Any]) -> str:
        """The job's state, as the service names it."""

    def documented(self, state: str) -> bool:
        """Whether the service documents the state."""

    def judge(self, job: Mapping[str, Any]) -> Phase:
        """What the job's current state means for this wait."""

    def read(self, *, retry_for: float | None = None) -> Conversation[Json]:
        """The job as it is now; by default, the call is retried until there is an answer."""

    def explained(self, error: NotFoundError) -> Conversation[NotFoundError]:
        """The error of a job that the service does not know, with a hint where the job is, if that can be found."""

    def lister(self) -> Lister:
        """How the active jobs of the place are listed."""

    def stream(self) -> Stream:
        """What is logged during the wait."""

    def serialize(self) -> Json:
        """The watch as JSON, from which the service's trigger makes the same watch."""


_TEXTS = ("state", "reason", "complaint", "cause")


class Outcome(Struct, frozen=True, kw_only=True):
    """How a wait ended; the same value whether a worker or the triggerer waited.

    :param job: the job as the REST API returns it.
    :param state: the job's last state, as the service names it.
    :param reason: for a bad end: why, in one line.
    :param complaint: for a bad end: a sentence that says which job ended how, and why.
    :param cause: for a bad end: its kind; see :class:`~airflow_dataflow_ext.api.rest.errors.DataflowExtError`.
    :param unlogged: mark of the job's Stream, if the job's last messages have not been logged yet.
    :param facts: what to store of what was seen on the way.
    """

    phase: Phase
    job: Json = field(default_factory=dict)
    state: str = ""
    reason: str = ""
    complaint: str = ""
    cause: str = ""
    unlogged: Json | None = None
    facts: Json = field(default_factory=dict)

    def result(self) -> Json:
        """The job.

        :raises JobEndError: the wait ended badly.
        """
        if self.phase is not Phase.SUCCEEDED:
            raise JobEndError(self.complaint, job=self.job, state=self.state, reason=self.reason, cause=self.cause)
        return self.job

    def serialize(self) -> Json:
        """The outcome as JSON; :meth:`deserialize` is the inverse."""
        texts = {name: getattr(self, name) for name in _TEXTS}
        return {"phase": self.phase.value, "job": self.job, **texts, "unlogged": self.unlogged, "facts": self.facts}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> Outcome:
        """The inverse of :meth:`serialize`."""
        texts: Json = {name: str(data.get(name, "")) for name in _TEXTS}
        rest: Json = {"unlogged": data.get("unlogged"), "facts": dict(data.get("facts") or {})}
        return cls(phase=Phase(data["phase"]), job=dict(data["job"]), **texts, **rest)


class Look(Step, frozen=True):
    """Look at the watched job. Answer: the job. The look is due after ``within`` seconds; a Board may share an earlier one.

    While the job stays in the ``known`` state, which ends no wait, the answer comes after ``idle`` seconds or, if many others wait, later,
    up to ``latest`` seconds. With ``idle`` 0 the answer comes after ``within`` seconds in any case.
    """

    watch: Watch
    within: float = 0.0
    known: str | None = None
    idle: float = 0.0
    latest: float = math.inf

    def is_news(self, job: Json) -> bool:
        """Whether the job must be reported at once."""
        return self.watch.state(job) != self.known or self.watch.judge(job) is not Phase.MOVING
