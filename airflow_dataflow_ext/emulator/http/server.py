"""The HTTP server: it finds the service that answers, applies scripted faults, and logs requests. It knows no particular service."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from airflow_dataflow_ext.emulator.http.clock import Clock
from airflow_dataflow_ext.emulator.http.errors import ApiError
from airflow_dataflow_ext.emulator.http.faults import Fault, Faults
from airflow_dataflow_ext.emulator.http.override import query_and_body, verb_of
from airflow_dataflow_ext.emulator.http.payload import decompressed, read_json
from airflow_dataflow_ext.emulator.http.request_log import Entry, RequestLog
from airflow_dataflow_ext.emulator.http.router import Incoming, Outgoing, Router, Service

HOST = "127.0.0.1"
BODY_LIMIT = 20 * 1024 * 1024
"""Greatest size of a request in bytes, which is the service's limit for creating a job: https://cloud.google.com/dataflow/quotas"""
_KEPT_BODY = 100_000
"""Greatest size of a body in the request log, in bytes."""
Control = Callable[[web.Request], Awaitable[web.Response]]


class Server:
    """Serves all services on one port of the loopback interface."""

    def __init__(self, services: Sequence[Service], *, clock: Clock, faults: Faults, log: RequestLog, control: Control) -> None:
        self._router = Router(services)
        self._clock = clock
        self._faults = faults
        faults.limit_to(self._router.method_ids)
        self._log = log
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_route("*", "/_emulator/{tail:.*}", control)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        wire = logging.getLogger(f"{__name__}.wire")
        wire.addFilter(_is_no_fault_of_a_client)
        self._socket: socket.socket | None = None
        self._runner = web.AppRunner(app, access_log=None, logger=wire, shutdown_timeout=0.5, auto_decompress=False)

    async def start(self, port: int) -> int:
        """Start listening; returns the port.

        :raises OSError: the port is taken.
        """
        self._socket = socket.create_server((HOST, port), backlog=1024)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket, backlog=1024).start()
        return int(self._socket.getsockname()[1])

    async def stop(self) -> None:
        if self._socket is not None:
            await close(self._runner, self._socket)
            self._socket.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        begun = time.perf_counter()
        verb = verb_of(request.method, request.headers)
        found = self._router.find(verb, request.rel_url.raw_path)
        if found is None:
            error = ApiError(404, f"Method not found: {verb} {request.path}")
            outgoing = self._router.owner(request.rel_url.raw_path).refuse(error)
            self._note(request, "", b"", outgoing.status, begun)
            return _response(outgoing)
        service, method, path = found
        try:
            more, content = query_and_body(request.method, verb, await read_body(request))
        except ValueError as error:
            outgoing = service.refuse(ApiError(400, str(error)))
            self._note(request, method.id, b"", outgoing.status, begun)
            return _response(outgoing)
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = {**request.query, **dict(parse_qsl(more, keep_blank_values=True))}
        incoming = Incoming(method=method, path=path, query=query, headers=headers, content=content)
        fault = self._faults.strike(method.id, lambda: service.job_name(incoming))
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
        answer = _answer(service, incoming, fault)
        self._note(request, method.id, content, 0 if answer is None else answer.status, begun)
        if answer is None:
            return _drop(request)
        if fault is not None and fault.cut:
            return await _cut(request, answer, fault.cut)
        return _response(answer)

    def _note(self, request: web.Request, method: str, content: bytes, status: int, begun: float) -> None:
        entry = Entry(
            method=method,
            verb=request.method,
            path=request.path,
            query={name: value for name, value in request.query.items() if name not in ("access_token", "oauth_token", "key")},
            body=_readable(content) if not method.startswith("oauth.") else None,
            status=status,
            at=self._clock.now(),
            took=time.perf_counter() - begun,
        )
        self._log.add(entry)


async def close(runner: web.AppRunner, listening: socket.socket) -> None:
    """Stop serving. When this returns, all connections are closed, and the event loop may end.

    asyncio's server never closes connections that it accepts while it is closing (https://github.com/python/cpython/issues/109564), so
    this stops accepting first.
    """
    asyncio.get_running_loop().remove_reader(listening)
    await _rounds()
    await runner.cleanup()
    await _rounds()


async def _rounds() -> None:
    """Let the event loop run scheduled callbacks, and those that they schedule."""
    for _ in range(3):
        await asyncio.sleep(0)


async def read_body(request: web.Request) -> bytes:
    """The body of a request, decompressed.

    :raises ValueError: it is too long, or does not match its headers.
    """
    try:
        return decompressed(await request.read(), request.headers.get("Content-Encoding", ""), BODY_LIMIT)
    except web.HTTPRequestEntityTooLarge:
        raise ValueError(f"Request payload size exceeds the limit: {BODY_LIMIT} bytes.") from None
    except web.RequestPayloadError as error:
        raise ValueError(f"The request's body does not match its headers: {error}") from error


def _is_no_fault_of_a_client(record: logging.LogRecord) -> bool:
    """Whether a log record of the web framework deserves a traceback; one about a client that sends no HTTP, or has left, does not."""
    return not (record.exc_info and isinstance(record.exc_info[1], (HttpProcessingError, web.RequestPayloadError, ConnectionError)))


def _answer(service: Service, incoming: Incoming, fault: Fault | None) -> Outgoing | None:
    """The answer, or None if the connection is to be closed instead."""
    error = fault.error() if fault is not None else None
    if fault is not None and error is not None:
        refused = service.refuse(error)
        return replace(refused, headers={**refused.headers, **fault.headers})
    if fault is not None and fault.reset:
        return None
    try:
        answer = service.answer(incoming)
    except ApiError as refusal:
        answer = service.refuse(refusal)
    except Exception as error:  # whatever happened, the client gets a server error in the service's form
        answer = service.refuse(ApiError(500, f"The emulator failed: {type(error).__name__}: {error}"))
    return None if fault is not None and fault.lost else answer


def _response(outgoing: Outgoing) -> web.Response:
    headers = {"Content-Type": outgoing.content_type, **outgoing.headers}
    return web.Response(status=outgoing.status, body=outgoing.content, headers=headers)


def _drop(request: web.Request) -> web.Response:
    """Close the connection so that the client sees a reset."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=500)


async def _cut(request: web.Request, outgoing: Outgoing, how: str) -> web.StreamResponse:
    """Answer with half of the body."""
    half = outgoing.content[: max(1, len(outgoing.content) // 2)]
    if how == "json":
        return _response(Outgoing(status=outgoing.status, content=half, headers=outgoing.headers, content_type=outgoing.content_type))
    response = web.StreamResponse(status=outgoing.status, headers={"Content-Type": outgoing.content_type})
    response.content_length = len(outgoing.content)
    await response.prepare(request)
    await response.write(half)
    if request.transport is not None:
        request.transport.close()
    return response


def _readable(content: bytes) -> Any:
    if not content:
        return None
    try:
        if len(content) <= _KEPT_BODY:
            return read_json(content)
    except ValueError:
        pass
    return content[:2000].decode("utf-8", "replace")
