"""A simulated region with jobs in memory, called by the real asynchronous driver, to test what a Board requests and when."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.states import TERMINAL
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.api.rest.method import NoReply, Reply, Request
from airflow_dataflow_ext.api.rest.steps import Conversation
from airflow_dataflow_ext.transport.aio import AsyncTransport
from airflow_dataflow_ext.transport.effects import effects_of
from airflow_dataflow_ext.watch.board import Board
from airflow_dataflow_ext.watch.round import Figures
from tests.talk import ok, refused

T = TypeVar("T")
RUNNING, DONE, FAILED = "JOB_STATE_RUNNING", "JOB_STATE_DONE", "JOB_STATE_FAILED"
TOOK = 0.2
"""Seconds that one answer takes."""


class Region(AsyncTransport):
    """Answers the methods list and get, unless ``trouble`` returns another answer.

    :param page: the number of jobs on one page; ``copies`` is how often a page contains each job.
    """

    def __init__(self, *jobs: str, page: int = 500) -> None:
        self.states = dict.fromkeys(jobs, RUNNING)
        self.page = page
        self.copies = 1
        self.asked: Counter[str] = Counter()
        self.asking = asyncio.Event()
        self.trouble: Callable[[Request], Any] = lambda request: None
        self.board = Board(watch("-").lister(), self.perform, Figures("-", None, 0.0))

    async def perform(self, conversation: Conversation[T]) -> T:
        return await self.run(conversation, effects_of(logging.getLogger(__name__)), self.board.look)

    async def send(self, request: Request) -> Reply | NoReply:
        self.asked[request.method.id] += 1
        self.asking.set()
        await asyncio.sleep(TOOK)
        trouble: Reply | NoReply | None = self.trouble(request)
        if trouble is not None:
            return trouble
        match request.method.id:
            case "jobs.list":
                return self._list(dict(request.query))
            case "jobs.get":
                return self._get(request.path.rsplit("/", 1)[-1])
        return ok({})

    def _list(self, query: dict[str, str]) -> Reply:
        ended = query["filter"] == "TERMINATED"
        found = [job_id for job_id, state in self.states.items() if (state in TERMINAL) is ended]
        start = int(query.get("pageToken", 0))
        more = {"nextPageToken": str(start + self.page)} if start + self.page < len(found) else {}
        shown = [{"id": job_id, "currentState": self.states[job_id]} for job_id in found[start : start + self.page]]
        return ok({"jobs": shown * self.copies, **more})

    def _get(self, job_id: str) -> Reply:
        if job_id not in self.states:
            return refused(404, f"There is no {job_id}.")
        return ok({"id": job_id, "currentState": self.states[job_id], "labels": {"read": "singly"}})

    async def wait(self, waited: JobWatch) -> Outcome:
        """Wait for a job as a trigger does."""
        return await self.perform(wait_for_job(waited))

    async def after(self, seconds: float, job_id: str, state: str) -> None:
        """Change a job's state after some seconds."""
        await asyncio.sleep(seconds)
        self.states[job_id] = state


def watch(job_id: str, poll_sleep: float = 10.0, **facts: Any) -> JobWatch:
    """A watch for one job, without job messages."""
    return JobWatch(
        job=JobRef(place=Place(project_id="p", location="l"), id=job_id), policy=WaitPolicy(poll_sleep=poll_sleep, importance=None, **facts)
    )
