"""The Reader: reads single jobs for a Board, in parallel with its rounds."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from airflow_dataflow_ext.api.jobs.wait import lost
from airflow_dataflow_ext.api.jobs.watch import Watch
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import NotFoundError, transient
from airflow_dataflow_ext.api.rest.steps import Conversation
from airflow_dataflow_ext.watch.round import Figures
from airflow_dataflow_ext.watch.waiters import Waiters

READS_AT_ONCE = 16
"""Greatest number of simultaneous reads."""


class Reader:
    """Reads jobs and answers their watchers; it knows which jobs are being read, so that none is read twice at a time.

    :param perform: performs a conversation on this event loop.
    :param again: called with the time of the next look at a job.
    :param figures: the Board's figures.
    """

    def __init__(
        self, waiters: Waiters, perform: Callable[[Conversation[Any]], Awaitable[Any]], again: Callable[[float], None], figures: Figures
    ) -> None:
        self._figures = figures
        self._waiters = waiters
        self._perform = perform
        self._again = again
        self._held: set[str] = set()
        self._queue: deque[str] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._held

    def hold(self, job_ids: Iterable[str]) -> None:
        """Do not read these jobs until :meth:`release`, since the Board looks them up itself."""
        self._held.update(job_ids)

    def release(self, job_ids: Iterable[str]) -> None:
        """Allow reads of these jobs again."""
        self._held.difference_update(job_ids)

    def read(self, job_ids: Iterable[str]) -> None:
        """Read these jobs, within the limit of simultaneous reads."""
        fresh = [job_id for job_id in job_ids if job_id not in self._held]
        self._figures.round.looks += len(fresh)
        self._held.update(fresh)
        self._queue.extend(fresh)
        for _ in range(min(len(fresh), READS_AT_ONCE - len(self._tasks))):
            task = asyncio.get_running_loop().create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Stop reading."""
        for task in self._tasks:
            task.cancel()

    async def _work(self) -> None:
        while self._queue:
            job_id = self._queue.popleft()
            watch = self._waiters.watch(job_id)
            if watch is not None:
                await self._read(job_id, watch)
            self._held.discard(job_id)
            self._again(self._waiters.due(job_id))
        if (this := asyncio.current_task()) is not None:  # at once, so that no later call relies on this task
            self._tasks.discard(this)

    async def _read(self, job_id: str, watch: Watch) -> None:
        loop = asyncio.get_running_loop()
        try:
            job = await self._perform(watch.read(retry_for=watch.poll_sleep))
        except NotFoundError as error:
            self._waiters.put_off(job_id, loop.time())
            if self._waiters.missed_for(job_id, loop.time()) >= budgets.LOST_AFTER:
                self._waiters.refuse([job_id], lost(watch, await self._perform(watch.explained(error))))
        except Exception as error:
            self._waiters.put_off(job_id, loop.time())
            if not transient(error):
                self._waiters.refuse([job_id], error)
        else:
            self._waiters.tell(job_id, job, loop.time())
