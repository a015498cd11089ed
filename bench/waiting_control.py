"""What the servers of the waiting benchmarks share: jobs that end on demand, and the port for that."""

from __future__ import annotations

import asyncio
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

from aiohttp import web

from bench.measuring import cpu_seconds

WARM_UP = "warm-up"
"""One more job, which is waited for before anything is measured."""


def ends_badly(job_id: str) -> bool:
    """One job in ten does."""
    return job_id.endswith("7")


class Jobs(ABC):
    """The jobs: which have ended, and when by the clock that counts from the machine's start."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = ids
        self.ended: dict[str, float] = {}

    @abstractmethod
    def asked(self) -> int:
        """How many requests came so far."""

    @abstractmethod
    def end(self, job_id: str) -> None:
        """The job ends now."""

    async def end_all(self, over: float) -> None:
        """All jobs end, evenly over so many seconds."""
        began = time.monotonic()
        for number, job_id in enumerate(self.ids):
            late = began + over * number / len(self.ids) - time.monotonic()
            if late > 0.005:
                await asyncio.sleep(late)
            self.end(job_id)


def control(jobs: Jobs) -> web.Application:
    """What the measured process asks of the jobs and tells them."""
    running: set[asyncio.Task[None]] = set()

    async def stats(_: web.Request) -> web.Response:
        return web.json_response({"requests": jobs.asked(), "cpu": cpu_seconds()})

    async def end(request: web.Request) -> web.Response:
        if name := request.query.get("job"):
            jobs.end(name)
        else:
            task = asyncio.create_task(jobs.end_all(float(request.query["over"])))
            running.add(task)
            task.add_done_callback(running.discard)
        return web.json_response({})

    async def ended(_: web.Request) -> web.Response:
        return web.json_response(jobs.ended)

    app = web.Application()
    app.add_routes([web.get("/stats", stats), web.post("/end", end), web.get("/ended", ended)])
    return app


async def listen(app: web.Application, context: ssl.SSLContext | None = None) -> int:
    """Serve an application on a free port of this machine."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024, ssl_context=context).start()
    return int(runner.addresses[0][1])
