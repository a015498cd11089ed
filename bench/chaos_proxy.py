"""A proxy between workers and the emulator that shows each call to a watcher before it, after its effect, and when it is answered."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

import aiohttp
from aiohttp import web

from airflow_dataflow_ext.api.data_pipelines import methods as data_pipelines
from airflow_dataflow_ext.api.dataflow import methods as dataflow
from airflow_dataflow_ext.api.rest.method import path_pattern
from airflow_dataflow_ext.api.wave import methods as wave

HOST = "127.0.0.1"
ROUTES = [
    (variant.verb, path_pattern(variant.path), method.id)
    for method in (*dataflow.all_methods(), *data_pipelines.all_methods(), *wave.all_methods())
    for variant in method.variants()
]


@dataclass(frozen=True)
class Call:
    """One call of a client.

    :param method: the id of the method; empty for calls that are not methods of the services, for example a login.
    :param values: the fields of the body and the values in the URL's path.
    :param port: the client's port, which identifies its process.
    """

    method: str
    values: Mapping[str, Any]
    port: int


class Watcher:
    """Is called for each call; if :meth:`arrives` or :meth:`answers` returns True, the proxy drops the call's connection."""

    async def arrives(self, call: Call) -> bool:
        """The call has had no effect yet."""
        return False

    async def answers(self, call: Call, answer: bytes) -> bool:
        """The call has had its effect, and the client has no answer yet."""
        return False

    async def answered(self, call: Call) -> None:
        """The answer is on its way to the client, or the end of the connection if the answer is lost."""


class Proxy:
    """A context manager that runs the proxy in a thread.

    :param upstream: returns the emulator's URL; the emulator need not run yet when the proxy starts.
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
        except aiohttp.ClientError:  # the emulator closed its connection, so the proxy closes the client's
            killed = await self._watcher.answers(call, b"")
            dropped = _drop(request)
            if not killed:
                await self._watcher.answered(call)
            return dropped
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
    for verb, pattern, method in ROUTES:
        if verb == request.method and (match := pattern.fullmatch(request.rel_url.raw_path)):
            return Call(method, {**json_of(content), **{name: unquote(value) for name, value in match.groupdict().items()}}, port)
    return Call("", {}, port)


def json_of(content: bytes) -> dict[str, Any]:
    """The body as a JSON object; empty if it is not one."""
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
