"""A proxy between workers and the emulator that shows each call to somebody before it passes, after its effect, and when it is answered."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

HOST = "127.0.0.1"
LAUNCH = re.compile(r".*/templates:launch(\?.*)?")
JOB = re.compile(r".*/jobs/(?P<job>[^/?:]+)(\?.*)?")
JOB_NAME = re.compile(rb'"jobName": ?"(?P<name>[^"]+)"')


@dataclass(frozen=True)
class Call:
    """One call of a client.

    :param kind: ``launch`` of a job, ``poll`` of one, or ``other``.
    :param job: the job's name for a launch, its id for a poll.
    :param port: the client's, by which its process is known.
    """

    kind: str
    job: str
    port: int


class Watcher:
    """Is shown each call; True from :meth:`arrives` or :meth:`answers` drops the call's connection."""

    async def arrives(self, call: Call) -> bool:
        """Nothing has been done yet."""
        return False

    async def answers(self, call: Call, answer: bytes) -> bool:
        """The service has done it; the client does not know."""
        return False

    async def answered(self, call: Call) -> None:
        """The answer is on its way."""


class Proxy:
    """Runs in a thread of its own, as a context manager.

    :param upstream: gives the emulator's URL; it may not run yet.
    """

    def __init__(self, port: int, upstream: Callable[[], str], watcher: Watcher) -> None:
        self._port = port
        self._upstream = upstream
        self._watcher = watcher
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chaos-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._wait(self._open())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, work: Awaitable[Any]) -> None:
        async def done() -> None:
            await work

        asyncio.run_coroutine_threadsafe(done(), self._loop).result()

    async def _open(self) -> None:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._port, backlog=1024).start()

    async def _close(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()
        call = _call(request, content)
        if await self._watcher.arrives(call):
            return _drop(request)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "content-length", "connection")}
        try:
            url = self._upstream() + request.raw_path
            async with self._session.request(request.method, url, data=content, headers=headers, allow_redirects=False) as reply:
                answer = await reply.read()
        except aiohttp.ClientError:  # the emulator closed the connection, and so do we
            await self._watcher.answers(call, b"")
            return _drop(request)
        if await self._watcher.answers(call, answer):
            return _drop(request)
        response = web.Response(status=reply.status, body=answer, headers={"Content-Type": reply.headers.get("Content-Type", "")})
        await response.prepare(request)
        await response.write_eof()
        await self._watcher.answered(call)
        return response


def _call(request: web.Request, content: bytes) -> Call:
    assert request.transport is not None
    port = int(request.transport.get_extra_info("peername")[1])
    if LAUNCH.fullmatch(request.raw_path) and (name := JOB_NAME.search(content)):
        return Call("launch", name["name"].decode(), port)
    if request.method == "GET" and (job := JOB.fullmatch(request.raw_path)):
        return Call("poll", job["job"], port)
    return Call("other", "", port)


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
