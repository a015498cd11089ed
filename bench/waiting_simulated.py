"""Waits for very many jobs on an event loop whose sleeps take no time: the cost of a job must not grow with their number.

The triggers, Channel, Board and driver are the real ones. Only the answers come from this process, and the time to make them is not
counted.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.rest.method import NoReply, Reply, Request
from airflow_dataflow_ext.transport.aio import AsyncTransport
from airflow_dataflow_ext.triggers.dataflow import DataflowJobTrigger
from bench.waiting_client import memory_kib, verdict
from bench.waiting_region import LOCATION, PROJECT, SAID, WHY, Region, end_of
from tests.watch.conftest import LeapingLoop

POLL, ROUNDS = 10.0, 5


class Answers(AsyncTransport):
    """Answers from a region in memory."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self.spent = 0.0

    async def send(self, request: Request) -> Reply | NoReply:
        await asyncio.sleep(0.05)
        began = time.process_time()
        self.region.requests += 1
        body = self._body(request)
        self.spent += time.process_time() - began
        return Reply(status=200, content=body)

    def _body(self, request: Request) -> bytes:
        if request.method.id == "jobs.list":
            query = dict(request.query)
            which = self.region.ids if query["filter"] == "ACTIVE" else self.region.order
            return self.region.page(which, int(query.get("pageToken", 0)), int(query["pageSize"]))
        if request.method.id == "jobs.messages.list":
            return json.dumps({"jobMessages": [SAID, WHY]}).encode()
        return self.region.body(request.path.rsplit("/", 1)[-1])

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncTransport]:
        """Return a transport, as a hook does."""
        yield self


async def _measure(jobs: int) -> dict[str, Any]:
    region = Region(jobs)
    answers = Answers(region)

    class Trigger(DataflowJobTrigger):
        make_hook = staticmethod(lambda *_, **__: answers)

    events: list[tuple[str, Any]] = []

    async def follow(job_id: str) -> None:
        watch = JobWatch(
            job=JobRef(place=Place(project_id=PROJECT, location=LOCATION), id=job_id), policy=WaitPolicy(poll_sleep=POLL, importance=None)
        )
        events.extend([(job_id, event.payload) async for event in Trigger(watch=watch.serialize(), conn_id="none").run()])

    gc.collect()
    memory = memory_kib("VmRSS")
    tasks = [asyncio.create_task(follow(job_id)) for job_id in region.ids]
    await asyncio.sleep(3 * POLL)
    requests, cpu, loop = region.requests, time.process_time() - answers.spent, asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(ROUNDS * POLL)
    rounds = (loop.time() - began) / POLL
    cpu, requests = time.process_time() - answers.spent - cpu, region.requests - requests
    grown = memory_kib("VmRSS") - memory
    for job_id in region.ids:
        region.end(job_id)
    await asyncio.gather(*tasks)
    count = Counter(job_id for job_id, _ in events)
    wrong = sum(count[job_id] != 1 for job_id in region.ids) + sum(verdict(event) != end_of(job_id) for job_id, event in events)
    return {
        "jobs": jobs,
        "requests_per_round": round(requests / rounds, 1),
        "cpu_ms_per_poll": round(1000 * cpu / (jobs * rounds), 4),
        "kib_per_job": round(grown / jobs, 2),
        "events": len(events),
        "wrong": wrong,
    }


def measure(jobs: int) -> dict[str, Any]:
    """The figures of a run with this many jobs, in this process."""
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(_measure(jobs))


if __name__ == "__main__":
    import sys

    print(json.dumps(measure(int(sys.argv[1]))))
