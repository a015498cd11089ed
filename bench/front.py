"""A simple load balancer in front of several API servers, which can be closed for a while."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
CHUNK = 65536


class Front:
    """A context manager that runs the load balancer in a thread. A connection goes to the next server that accepts it.

    :param port: the port to listen on.
    :param servers: the ports of the servers.
    """

    def __init__(self, port: int, servers: Sequence[int]) -> None:
        self.watcher: Callable[[bytes], bool] | None = None
        """Is called with the bytes from clients before they are passed on; if it returns True, the front closes."""
        self.is_open = True
        self._port = port
        self._servers = list(servers)
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="front", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def shut(self) -> None:
        """Drop all connections, and refuse new ones until :meth:`open`."""
        self.is_open = False
        self._loop.call_soon_threadsafe(self._drop)

    def open(self) -> None:
        """Accept connections again."""
        self.is_open = True

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, HOST, self._port, backlog=1024)

    async def _close(self) -> None:
        self.is_open = False
        self._server.close()
        self._drop()
        if passing := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(passing, timeout=5)

    def _drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found = await self._server_for() if self.is_open else None
        if found is None:
            writer.transport.abort()
            return
        both = {writer, found[1]}
        self._writers |= both
        try:
            await asyncio.gather(self._pass(reader, found[1], watched=True), self._pass(found[0], writer))
        finally:
            self._writers -= both
            for each in both:
                each.transport.abort()

    async def _server_for(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in self._servers:
            self._servers.append(port := self._servers.pop(0))
            with suppress(OSError):
                return await asyncio.open_connection(HOST, port)
        return None

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, watched: bool = False) -> None:
        """Pass bytes on in one direction until their end; the other direction may continue."""
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if watched and self.watcher is not None and self.watcher(chunk):
                    self.shut()
                    return
                writer.write(chunk)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
