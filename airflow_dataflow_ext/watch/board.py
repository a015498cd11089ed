"""The Board: everybody in one event loop who waits for jobs of one place shares its looks.

Each round asks the service once for all active jobs of the place; a watched job that is not among them is read singly.
The Board lives as long as somebody waits, and holds nothing that a new one could not ask again.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import math
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from airflow_dataflow_ext.api.errors import CallError, NotAuthenticatedError, NotFoundError, transient
from airflow_dataflow_ext.api.method import Json
from airflow_dataflow_ext.api.states import Phase
from airflow_dataflow_ext.api.steps import Conversation, Look
from airflow_dataflow_ext.api.watching import LOST_AFTER, Roster, Watch, lost

log = logging.getLogger(__name__)

GATHER = 0.5
"""Seconds that a newcomer's first look waits for others who come at the same time."""

READS_AT_ONCE = 16
"""How many jobs are read singly at the same time."""

IDLE_ANSWERS = 5
"""How many watchers a round answers although nothing has changed, so that their messages cost the place a bounded number of calls."""

TRY_LIST_AGAIN = 600.0
"""Seconds after which a list that was refused, or that was not worth its pages, is asked for again."""

BREATH = 200
"""After so many watchers the event loop gets its turn."""


class _Seat:
    """One watcher's pending look."""

    __slots__ = ("answer", "due", "look", "patience")

    def __init__(self, look: Look, answer: asyncio.Future[Json], now: float) -> None:
        self.look = look
        self.answer = answer
        self.due = now + (look.within or GATHER * random.uniform(0.5, 1.0))
        self.patience = now + max(look.idle, look.within)


class Board:
    """Answers the looks of all watchers of one place.

    :param roster: lists the place's active jobs.
    :param perform: performs a conversation on this event loop.
    """

    def __init__(self, roster: Roster, perform: Callable[[Conversation[Any]], Awaitable[Any]]) -> None:
        self._roster = roster
        self._perform = perform
        self._seats: dict[str, list[_Seat]] = {}
        self._rounds: asyncio.Task[None] | None = None
        self._next = math.inf
        self._sooner = asyncio.Event()
        self._list_costs, self._list_again = 0.0, -math.inf
        self._lost_since: dict[str, float] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(READS_AT_ONCE)

    async def look(self, look: Look) -> Json:
        """The watched job when there is something to tell; see :class:`Look`.

        :raises CallError: the service refuses to show the job.
        :raises JobLostError: the service has not known the job for a while.
        """
        loop = asyncio.get_running_loop()
        seat = _Seat(look, loop.create_future(), loop.time())
        job_id = look.watch.job_id
        self._seats.setdefault(job_id, []).append(seat)
        self._hurry(seat.due)
        if self._rounds is None or self._rounds.done():
            self._rounds = loop.create_task(self._run(), name="dataflow board")
        try:
            return await seat.answer
        finally:
            self._leave(job_id, seat)

    def _hurry(self, due: float) -> None:
        if due < self._next:
            self._next = due
            self._sooner.set()

    def _leave(self, job_id: str, seat: _Seat) -> None:
        seats = self._seats[job_id]
        seats.remove(seat)
        if not seats:
            del self._seats[job_id]
            self._lost_since.pop(job_id, None)

    def close(self) -> None:
        """Stop asking; called when the last watcher has gone."""
        for task in (self._rounds, *self._reading.values()):
            if task is not None:
                task.cancel()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._until_due()
                began, self._next = loop.time(), math.inf
                if self._seats:
                    await self._round(began)
                pending = [seat for seats in self._seats.values() for seat in seats if not seat.answer.done()]
                self._next = min(
                    (max(seat.due, began + (seat.look.within or seat.look.watch.poll_sleep)) for seat in pending), default=math.inf
                )
        except Exception as error:
            log.exception("The rounds of a board ended; whoever waits is told.")
            self._refuse(list(self._seats), error)

    async def _until_due(self) -> None:
        loop = asyncio.get_running_loop()
        while (wait := self._next - loop.time()) > 0:
            self._sooner.clear()
            try:
                await asyncio.wait_for(self._sooner.wait(), None if wait == math.inf else wait)
            except TimeoutError:
                return

    async def _round(self, now: float) -> None:
        try:
            active = await self._active(now)
        except NotAuthenticatedError as error:
            self._refuse(list(self._seats), error)
            return
        idle: list[tuple[float, str]] = []
        for count, (job_id, seats) in enumerate(list(self._seats.items()), 1):
            if count % BREATH == 0:
                await asyncio.sleep(0)
            job = active.get(job_id)
            if job is None or any(seat.look.watch.judge(job) is not Phase.MOVING for seat in seats):
                self._read(job_id)
            elif not self._tell(job_id, job) and (patience := min((seat.patience for seat in seats), default=math.inf)) <= now:
                idle.append((patience, job_id))
        for _, job_id in heapq.nsmallest(IDLE_ANSWERS, idle):
            self._tell(job_id, active[job_id], until=now)

    async def _active(self, now: float) -> Mapping[str, Json]:
        """The active jobs by id; empty when reading the watched ones singly is cheaper."""
        dear = self._list_costs > len(self._seats) and now < self._list_again
        if dear or len(self._seats) == 1:
            return {}
        self._list_again = now + TRY_LIST_AGAIN
        try:
            active: Mapping[str, Json]
            active, self._list_costs = await self._perform(self._roster.active([seats[0].look.watch for seats in self._seats.values()]))
        except NotAuthenticatedError:
            raise
        except CallError as error:
            log.info("The active jobs cannot be listed, each is read singly: %s", error)
            self._list_costs = math.inf
            return {}
        return active

    def _read(self, job_id: str) -> None:
        """Read a job singly, beside the rounds, so that a slow answer delays nobody else's."""
        if job_id not in self._reading:
            self._reading[job_id] = task = asyncio.get_running_loop().create_task(self._reads(job_id))
            task.add_done_callback(lambda _: self._reading.pop(job_id, None))

    async def _reads(self, job_id: str) -> None:
        async with self._room:
            seats = self._seats.get(job_id)
            if not seats:
                return
            watch = seats[0].look.watch
            try:
                job = await self._perform(watch.read(retry_for=watch.poll_sleep))
            except NotFoundError as error:
                self._missing(job_id, watch, error)
            except Exception as error:
                if not transient(error):
                    self._refuse([job_id], error)
            else:
                self._lost_since.pop(job_id, None)
                self._tell(job_id, job, until=asyncio.get_running_loop().time())

    def _missing(self, job_id: str, watch: Watch, error: NotFoundError) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._lost_since.setdefault(job_id, now) >= LOST_AFTER:
            self._refuse([job_id], lost(watch, error))

    def _tell(self, job_id: str, job: Json, until: float = -math.inf) -> bool:
        """Answer those for whom the job is news, and those whose patience ended by ``until``; whether anybody was answered."""
        told = False
        for seat in self._seats.get(job_id, ()):
            if not seat.answer.done() and (seat.patience <= until or seat.look.is_news(job)):
                seat.answer.set_result(job)
                told = True
        return told

    def _refuse(self, job_ids: Iterable[str], error: Exception) -> None:
        for job_id in job_ids:
            for seat in self._seats.get(job_id, ()):
                if not seat.answer.done():
                    seat.answer.set_exception(error)
