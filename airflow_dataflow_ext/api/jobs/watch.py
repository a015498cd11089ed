"""Waiting for a job of either service: what is waited for, how it ended, and the conversation that follows it there."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.rest.errors import InvalidInputError, JobEndError
from airflow_dataflow_ext.api.rest.steps import Conversation, Step
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import seconds

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.errors import NotFoundError
    from airflow_dataflow_ext.api.rest.method import Json


def check_poll_sleep(given: Any, argument: str = "poll_sleep") -> float:
    """Seconds between two looks at a job, also as text or as a timedelta.

    :param argument: what they are called where they are given, for the message.
    :raises InvalidInputError: they are not a number, or not more than 0.
    """
    found = seconds(given, argument)
    if not found:
        raise InvalidInputError(f"{argument} must be more than 0 seconds, not {shown(given)}")
    return found


Known = Mapping[str, str | None]
"""By job id the state that all who wait for the job know; None where somebody has to see the job."""


class Lister(Protocol):
    """How the active jobs of one place are listed."""

    def active(self, watches: Iterable[Watch], known: Known) -> Conversation[tuple[Mapping[str, Json | None], int]]:
        """Summaries by job id, or None for a job that is still in its known state; and the number of calls that it took.

        :param watches: what the list is asked for; more in it does no harm.
        :param known: of each of their jobs.
        :raises CallError: the service refuses to list, or there was trouble for longer than ``budgets.LIST_WITHIN``.
        """

    def ended(self, watches: Sequence[Watch], since: float) -> Conversation[Mapping[str, Json]]:
        """What a list shows of jobs that have ended in the last ``since`` seconds, by job id, as :meth:`Watch.read` would give
        them. It may be incomplete, or empty where there is no such list: what is not in it is read singly.

        :raises CallError: trouble, or the service refuses to list.
        """


@dataclass(frozen=True, slots=True)
class Ending:
    """How the end of a job counts for the wait.

    :param reason: why it ended badly, in one line and in the service's words where it gave any.
    :param cause: see :class:`~airflow_dataflow_ext.api.rest.errors.DataflowExtError`.
    """

    phase: Phase
    reason: str = ""
    cause: str = ""


class Stream(Protocol):
    """What a job says while it runs; remembers what it has logged."""

    @property
    def quiet_rounds(self) -> float:
        """For how many looks at the job's state, while that is the same, there is nothing to follow."""

    @property
    def patience(self) -> float:
        """Seconds within which the job is to be followed again, however many others wait."""

    def follow(self, job: Json) -> Conversation[None]:
        """Tell what is new. Trouble with that never ends a wait."""

    def facts(self) -> Json:
        """What is worth keeping of what was seen on the way."""

    def mark(self) -> Json | None:
        """How far it has logged, for another one that goes on from there; None where there is nothing that could be missed."""

    def final(self, job: Json) -> Conversation[Json]:
        """The job that has ended, with what is only known then."""

    def ending(self, job: Json, phase: Phase) -> Conversation[Ending]:
        """How the end counts, and for a bad one why.

        :param phase: what its state means for the wait.
        """

    def complaint(self, job: Json, reason: str) -> str:
        """What is wrong with a job that ended badly: which one, how, and why."""


class Watch(Protocol):
    """What is waited for: which job, and which states end the wait well or badly."""

    @property
    def job_id(self) -> str:
        """The id under which lists and looks know it."""

    @property
    def place(self) -> Hashable:
        """Where watchers share their looks."""

    @property
    def poll_sleep(self) -> float:
        """Seconds between two looks."""

    def state(self, job: Mapping[str, Any]) -> str:
        """The job's state in the service's own word."""

    def documented(self, state: str) -> bool:
        """Whether the service documents the state."""

    def judge(self, job: Mapping[str, Any]) -> Phase:
        """What the job as it is now means for this wait."""

    def read(self, *, retry_for: float | None = None) -> Conversation[Json]:
        """The job as it is now; by default asked for until there is an answer."""

    def explained(self, error: NotFoundError) -> Conversation[NotFoundError]:
        """What it means that the service does not know the job: the error, with where the job is, if that can be seen."""

    def lister(self) -> Lister:
        """How the active jobs of the place are listed."""

    def stream(self) -> Stream:
        """What goes to the log on the way."""

    def serialize(self) -> Json:
        """JSON from which its service makes the same watch."""


_TEXTS = ("state", "reason", "complaint", "cause")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a wait ended: the same value whether a worker or the triggerer waited.

    :param job: the job as the REST API gives it.
    :param state: how it ended, in the service's own word.
    :param reason: for a bad end, why, in one line.
    :param complaint: for a bad end, which job ended how, and why.
    :param cause: for a bad end, what kind of one; see :class:`~airflow_dataflow_ext.api.rest.errors.DataflowExtError`.
    :param unlogged: the mark of the job's stream, where the last that it said is still to be logged.
    :param facts: what is worth keeping of what was seen on the way.
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
        """JSON from which :meth:`deserialize` makes the same outcome."""
        texts = {name: getattr(self, name) for name in _TEXTS}
        return {"phase": self.phase.value, "job": self.job, **texts, "unlogged": self.unlogged, "facts": self.facts}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> Outcome:
        """The inverse of :meth:`serialize`."""
        texts: Json = {name: str(data.get(name, "")) for name in _TEXTS}
        rest: Json = {"unlogged": data.get("unlogged"), "facts": dict(data.get("facts") or {})}
        return cls(phase=Phase(data["phase"]), job=dict(data["job"]), **texts, **rest)


@dataclass(frozen=True, slots=True)
class Look(Step):
    """Answer: the watched job as the service sees it, from ``within`` seconds from now on.

    While the job is still in the state that is ``known`` and decides nothing, the answer may wait for ``idle`` seconds, and for
    longer, up to ``latest``, while there are many who wait like that; with ``idle`` 0 it comes after ``within`` seconds in any case.
    """

    watch: Watch
    within: float = 0.0
    known: str | None = None
    idle: float = 0.0
    latest: float = math.inf

    def is_news(self, job: Json) -> bool:
        """Whether the job must be reported at once."""
        return self.watch.state(job) != self.known or self.watch.judge(job) is not Phase.MOVING
