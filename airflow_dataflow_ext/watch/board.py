"""The Board: all watchers of the jobs of one place, in one event loop, share its looks.

Each round asks the service about the jobs that are due: with one list of the place's active jobs, or with single reads if that takes fewer
calls. A job that is missing from the active list has ended, or is not listed yet. It is read singly or, if many are missing at once, looked
up in the list of ended jobs. The Board lives as long as it has watchers, and keeps nothing that a new one could not read again.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from airflow_dataflow_ext.api.jobs.watch import Lister, Look
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidRequestError, NotAuthenticatedError, transient
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation
from airflow_dataflow_ext.watch.reader import Reader
from airflow_dataflow_ext.watch.round import Figures
from airflow_dataflow_ext.watch.waiters import Waiters

log = logging.getLogger(__name__)
T = TypeVar("T")

IDLE_ANSWERS = 5
"""How many watchers a round answers although nothing has changed, which limits the calls for their jobs' messages."""

MANY = 20
"""Number of missing jobs from which the list of ended jobs is read first."""

EARLIER = (0.95, 1.0)
"""Range of the random factor of a pause, so that the rounds of many processes drift apart."""

BREATH = 100
"""How many watchers with possible news are handled before the event loop gets its turn."""

GLANCE = 1000
"""How many watchers without news are handled before the event loop gets its turn."""

ANSWERED_AT_ONCE = 20
"""How many watchers whose wait ends are answered before the event loop gets its turn, since each then has work to do."""


class Board:
    """Answers the looks of all watchers of one place.

    :param lister: lists the place's jobs.
    :param perform: performs a conversation on this event loop.
    :param figures: adds up what the Board does, and reports it after each round.
    """

    def __init__(self, lister: Lister, perform: Callable[[Conversation[Any]], Awaitable[Any]], figures: Figures) -> None:
        self._lister = lister
        self._perform = perform
        self._figures = figures
        self._waiters = Waiters()
        self._reader = Reader(self._waiters, perform, self._hurry, figures)
        self._rounds: asyncio.Task[None] | None = None
        self._settling: set[asyncio.Task[None]] = set()
        self._next = math.inf
        self._sooner = asyncio.Event()
        self._pages, self._list_again = 1.0, -math.inf
        self._listed = -math.inf

    async def look(self, look: Look) -> Json:
        """The watched job, once there is something to report; see :class:`Look`.

        :raises CallError: the service refuses to show the job.
        :raises JobLostError: the service has not known the job for ``budgets.LOST_AFTER`` seconds.
        """
        loop = asyncio.get_running_loop()
        first = min(budgets.GATHER * self._pages, budgets.FIRST_EVENT_AFTER, look.watch.poll_sleep) * random.uniform(0.5, 1.0)
        waiter = self._waiters.take(look, loop.create_future(), now=loop.time(), first=first)
        self._hurry(waiter.due)
        if self._rounds is None or self._rounds.done():
            self._rounds = loop.create_task(self._run(), name="dataflow board")
        try:
            return await waiter.answer
        finally:
            self._waiters.leave(waiter)

    def close(self) -> None:
        """Stop; called when the last watcher has left."""
        self._reader.close()
        self._figures.report(0, 0.0)
        for task in (self._rounds, *self._settling):
            if task is not None:
                task.cancel()

    def _hurry(self, due: float) -> None:
        if due < self._next:
            self._next = due
            self._sooner.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._until_due()
                now, self._next = loop.time(), math.inf
                await self._round(now)
                self._figures.report(len(self._waiters), loop.time())
                self._hurry(await self._soonest())
        except Exception as error:
            log.exception("The rounds of a Board have failed; all its waits get the error.")
            self._waiters.refuse(list(self._waiters), error)

    async def _until_due(self) -> None:
        loop = asyncio.get_running_loop()
        while (wait := self._next - loop.time()) > 0:
            self._sooner.clear()
            try:
                async with asyncio.timeout(None if wait == math.inf else wait):
                    await self._sooner.wait()
            except TimeoutError:
                return

    async def _soonest(self) -> float:
        soonest = math.inf
        async for some in _breaths(list(self._waiters), GLANCE):
            soonest = min(soonest, self._waiters.soonest(some, self._reader))
        return soonest

    async def _round(self, now: float) -> None:
        """Look at the jobs that are due; if one list is cheaper than single reads, use everything that it shows."""
        few = 1.0 if now >= self._list_again else self._pages
        due = await self._due(now, few)
        if len(due) <= few:
            self._reader.read(due)
            return
        try:
            active = await self._active(now)
        except NotAuthenticatedError as error:
            self._waiters.refuse(list(self._waiters), error)
        else:
            if active is None:
                self._reader.read(await self._due(now, math.inf))
            else:
                await self._show(active, now)

    async def _due(self, now: float, few: float) -> list[str]:
        """The jobs that are due; if they are more than ``few``, possibly not all of them."""
        due: list[str] = []
        async for some in _breaths(list(self._waiters)):
            due += [job_id for job_id in some if job_id not in self._reader and self._waiters.is_due(job_id, now)]
            if len(due) > few:
                break
        return due

    async def _active(self, now: float) -> Mapping[str, Json | None] | None:
        """The active jobs by id; None if the service does not list them."""
        self._list_again = now + budgets.LIST_AGAIN
        self._waiters.heed(now, IDLE_ANSWERS)
        try:
            active: Mapping[str, Json | None]
            active, pages = await self._perform(self._lister.active(self._waiters.watches(list(self._waiters)), self._waiters.known))
        except NotAuthenticatedError:
            raise
        except CallError as error:
            log.info("The active jobs cannot be listed, each is read singly: %s", error)
            if not isinstance(error, InvalidRequestError):  # a page token that has expired twice says nothing about the next list
                self._pages = math.inf
            if transient(error):
                self._list_again = asyncio.get_running_loop().time() + budgets.AFTER_TROUBLE
            return None
        self._pages = float(pages)
        return active

    async def _show(self, active: Mapping[str, Json | None], now: float) -> None:
        pause = random.uniform(*EARLIER)
        self._figures.round.looks += len(self._waiters)
        async for same in _breaths([job_id for job_id, job in active.items() if job is None], GLANCE):
            self._waiters.stay(same, now, pause)
        idle: list[tuple[float, str]] = []
        gone = [job_id for job_id in self._waiters if job_id not in active]
        news = {job_id: job for job_id, job in active.items() if job is not None}
        async for some in _breaths(list(news)):
            for job_id in some:
                job = news[job_id]
                if self._waiters.decides(job_id, job):
                    gone.append(job_id)
                elif (
                    not self._waiters.tell(job_id, job, now, pause=pause, idle=False)
                    and (patience := self._waiters.patience(job_id)) <= now
                ):
                    idle.append((patience, job_id))
        for _, job_id in heapq.nsmallest(IDLE_ANSWERS, idle):
            self._waiters.tell(job_id, news[job_id], now)
        since, self._listed = min(now - self._listed, budgets.LOOK_BACK), now
        self._find([job_id for job_id in gone if job_id not in self._reader], since)

    def _find(self, gone: Sequence[str], since: float) -> None:
        if len(gone) < MANY:
            self._reader.read(gone)
            return
        self._reader.hold(gone)
        task = asyncio.get_running_loop().create_task(self._settle(gone, since))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _settle(self, gone: Sequence[str], since: float) -> None:
        """Report many jobs that have ended at once; those that the list of ended jobs does not show are read singly."""
        ended: Mapping[str, Json] = {}
        try:
            ended = await self._perform(self._lister.ended(list(self._waiters.watches(gone)), since))
            async for some in _breaths([job_id for job_id in gone if job_id in ended], ANSWERED_AT_ONCE):
                for job_id in some:
                    if self._waiters.decides(job_id, ended[job_id]):
                        self._waiters.tell(job_id, ended[job_id], math.inf)
        except CallError as error:
            log.info("The ended jobs cannot be listed, each is read singly: %s", error)
        finally:
            self._reader.release(gone)
        self._reader.read([job_id for job_id in gone if self._waiters.is_waited_for(job_id)])


async def _breaths(things: Sequence[T], size: int = BREATH) -> AsyncIterator[Sequence[T]]:
    """Portions of a sequence, between which the event loop gets its turn."""
    for start in range(0, len(things), size):
        if start:
            await asyncio.sleep(0)
        yield things[start : start + size]
