"""Shared by the servers of the waiting benchmarks: jobs that end on demand, and the control port that ends them."""

from __future__ import annotations

import asyncio
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

from aiohttp import web

from bench.measuring import cpu_seconds

WARM_UP = "warm-up"
"""An additional job that is waited for before the measurement."""


def ends_badly(job_id: str) -> bool:
    """Whether a job fails; one in ten does."""
    return job_id.endswith("7")


class Jobs(ABC):
    """The jobs, and when those that have ended did so, by ``time.monotonic``, which processes of one machine share."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = ids
        self.ended: dict[str, float] = {}

    @abstractmethod
    def asked(self) -> int:
        """The number of requests so far."""

    @abstractmethod
    def end(self, job_id: str) -> None:
        """End a job now."""

    async def end_all(self, over: float) -> None:
        """End all jobs, spread evenly over this many seconds."""
        began = time.monotonic()
        for number, job_id in enumerate(self.ids):
            late = began + over * number / len(self.ids) - time.monotonic()
            if late > 0.005:
                await asyncio.sleep(late)
            self.end(job_id)


def control(jobs: Jobs) -> web.Application:
    """The application of the control port, for the measured process."""
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
