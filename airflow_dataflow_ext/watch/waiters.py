"""Waiters: the pending looks at a Board, when each is due, and which answer each gets."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections.abc import Container, Iterable, Iterator

from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.watch import Look, Watch
from airflow_dataflow_ext.api.rest.method import Json

TOGETHER = 0.2
"""The fraction of its pause by which a look may come early, so that looks at about the same time share a round."""


class Waiter:
    """One watcher's pending look."""

    __slots__ = ("answer", "due", "early", "latest", "look", "patience", "pause", "steady")

    def __init__(self, look: Look, answer: asyncio.Future[Json], now: float, first: float) -> None:
        self.look = look
        self.answer = answer
        self.pause = look.within or look.watch.poll_sleep  # seconds between two looks
        self.steady = look.known if look.idle else None  # the state in which the job is not news
        self.due = now + (look.within or first)
        self.early = TOGETHER * look.within or first  # a new waiter joins the next round, whichever it is
        self.patience = now + max(look.idle, look.within)
        self.latest = now + max(look.latest, look.within)

    def is_due(self, now: float) -> bool:
        """Whether the look is due in a round that begins now."""
        return self.due <= now + self.early

    def wants(self, job: Json, now: float, idle: bool) -> bool:
        """Whether the job in its current state is an answer; ``idle`` allows an answer without news."""
        if self.look.is_news(job) or self.latest <= now:
            return True
        return self.is_due(now) if not self.look.idle else idle and self.patience <= now


_Queue = list[tuple[float, int, Waiter]]
"""Waiters sorted by a time, the earliest first."""


class Waiters:
    """The waiters of one Board by job; iterates over the ids of the jobs that are waited for."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[Waiter, ...]] = {}
        self._missed_since: dict[str, float] = {}
        self._impatient: _Queue = []
        self._urgent: _Queue = []
        self._taken = itertools.count()
        self.known: dict[str, str | None] = {}
        """See :data:`~airflow_dataflow_ext.api.jobs.watch.Known`."""

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)

    def take(self, look: Look, answer: asyncio.Future[Json], *, now: float, first: float) -> Waiter:
        """A waiter for a look. A look that is due at once waits ``first`` seconds, so that it can share a round."""
        waiter = Waiter(look, answer, now, first)
        self._of[look.watch.job_id] = (*self._of.get(look.watch.job_id, ()), waiter)
        self._compare(look.watch.job_id)
        for queue, when in ((self._impatient, waiter.patience), (self._urgent, waiter.latest)):
            while queue and queue[0][-1].answer.done():
                heapq.heappop(queue)
            if when < math.inf and waiter.steady is not None:
                heapq.heappush(queue, (when, next(self._taken), waiter))
        return waiter

    def leave(self, waiter: Waiter) -> None:
        job_id = waiter.look.watch.job_id
        others = tuple(other for other in self._of[job_id] if other is not waiter)
        if others:
            self._of[job_id] = others
            self._compare(job_id)
        else:
            del self._of[job_id], self.known[job_id]
            self._missed_since.pop(job_id, None)

    def _compare(self, job_id: str) -> None:
        """Update the state that all waiters of a job know."""
        states = {waiter.steady for waiter in self._of[job_id]}
        self.known[job_id] = states.pop() if len(states) == 1 and job_id not in self._missed_since else None

    def heed(self, now: float, most: int) -> None:
        """Make the next list show the jobs of the waiters that are due for an answer without news: the ``most`` that have waited longest,
        and all that have reached ``Look.latest``.

        :param most: greatest number of the former.
        """
        for queue, room in ((self._impatient, most), (self._urgent, len(self._urgent))):
            while room and queue and queue[0][0] <= now:
                _, _, waiter = heapq.heappop(queue)
                if not waiter.answer.done():
                    waiter.steady = None
                    self._compare(waiter.look.watch.job_id)
                    room -= 1

    def watch(self, job_id: str) -> Watch | None:
        """One of the watches for a job; None if nobody waits for it any more."""
        waiters = self._of.get(job_id)
        return waiters[0].look.watch if waiters else None

    def watches(self, job_ids: Iterable[str]) -> Iterator[Watch]:
        """A watch for each of the jobs that is still waited for."""
        return (waiters[0].look.watch for job_id in job_ids if (waiters := self._of.get(job_id)))

    def due(self, job_id: str) -> float:
        """When the next look at the job is due."""
        return self.soonest([job_id], ())

    def soonest(self, job_ids: Iterable[str], held: Container[str]) -> float:
        """When the next look at one of these jobs is due, apart from those in ``held``."""
        first = math.inf
        for job_id in job_ids:  # plain loops, because each round runs this over all jobs
            for waiter in self._of.get(job_id, ()):
                if waiter.due < first and not waiter.answer.done() and job_id not in held:
                    first = waiter.due
        return first

    def is_waited_for(self, job_id: str) -> bool:
        """Whether the job has a waiter without an answer."""
        return any(not waiter.answer.done() for waiter in self._of.get(job_id, ()))

    def is_due(self, job_id: str, now: float) -> bool:
        """Whether a look at the job is due in a round that begins now."""
        return any(waiter.is_due(now) for waiter in self._of.get(job_id, ()) if not waiter.answer.done())

    def stay(self, job_ids: Iterable[str], now: float, pause: float) -> None:
        """Postpone the waiters that know the state in which these jobs still are, which ends no wait.

        :param pause: factor of each waiter's pause.
        """
        for job_id in job_ids:
            for waiter in self._of.get(job_id, ()):
                if waiter.steady is not None:  # another waiter may have come in the meantime
                    waiter.due = now + pause * waiter.pause

    def patience(self, job_id: str) -> float:
        """When the first waiter of the job is due for an answer without news."""
        return min((waiter.patience for waiter in self._of.get(job_id, ()) if not waiter.answer.done()), default=math.inf)

    def decides(self, job_id: str, job: Json) -> bool:
        """Whether the job in its current state ends a wait."""
        return any(waiter.look.watch.judge(job) is not Phase.MOVING for waiter in self._of.get(job_id, ()))

    def tell(self, job_id: str, job: Json, now: float, *, pause: float = 1.0, idle: bool = True) -> bool:
        """Answer the waiters for which the job is news, and postpone the others; returns whether any was answered.

        :param pause: factor of the others' pauses.
        :param idle: also answer waiters that are due for an answer without news.
        """
        if self._missed_since.pop(job_id, None) is not None:
            self._compare(job_id)
        answered = False
        for waiter in self._of.get(job_id, ()):
            if waiter.answer.done():
                continue
            if waiter.wants(job, now, idle):
                waiter.answer.set_result(job)
                answered = True
            elif waiter.look.idle:
                waiter.due = now + pause * waiter.pause
        return answered

    def put_off(self, job_id: str, now: float) -> None:
        """Postpone the next look at the job by the usual pause."""
        for waiter in self._of.get(job_id, ()):
            waiter.due, waiter.early = now + waiter.pause, TOGETHER * waiter.pause

    def missed_for(self, job_id: str, now: float) -> float:
        """Seconds since the service first said that it does not know the job, without having shown it again."""
        self.known[job_id] = None
        return now - self._missed_since.setdefault(job_id, now)

    def refuse(self, job_ids: Iterable[str], error: Exception) -> None:
        """Answer all waiters of these jobs with an error."""
        for job_id in job_ids:
            for waiter in self._of.get(job_id, ()):
                if not waiter.answer.done():
                    waiter.answer.set_exception(error)
