"""The Channel: the hook, tokens, connection pool and Boards that all watchers of one connection share in one event loop."""

from __future__ import annotations

import asyncio
import functools
import logging
import weakref
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from asgiref.sync import sync_to_async

from airflow_dataflow_ext.transport.effects import effects_of
from airflow_dataflow_ext.watch.board import Board
from airflow_dataflow_ext.watch.round import Figures, Report

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.jobs.watch import Look
    from airflow_dataflow_ext.api.rest.method import Json, NoReply, Reply, Request
    from airflow_dataflow_ext.api.rest.steps import Conversation, Store
    from airflow_dataflow_ext.transport.aio import AsyncTransport

T = TypeVar("T")

AT_ONCE = 32
"""Greatest number of simultaneous requests of watchers. Requests of the Boards are few, and do not wait for these."""


class Channel:
    """Performs conversations for many watchers. The first watcher opens it, and it closes with the last.

    :param make_hook: makes the hook; it may block, so it is called in a thread.
    :param report: called with what each Board does; see :class:`~airflow_dataflow_ext.watch.round.Figures`.
    """

    _of_loop: ClassVar[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, Channel]]] = weakref.WeakKeyDictionary()

    def __init__(self, make_hook: Callable[[], Any], report: Report | None = None) -> None:
        self._report = report
        self.hook: Any = None
        self._users = 0
        self._stack = AsyncExitStack()
        self._boards: dict[Hashable, Board] = {}
        self._room = asyncio.Semaphore(AT_ONCE)
        self._opening = asyncio.ensure_future(self._open(make_hook))

    @classmethod
    @asynccontextmanager
    async def to(cls, key: Hashable, make_hook: Callable[[], Any], report: Report | None = None) -> AsyncIterator[Channel]:
        """The Channel of a connection in this event loop.

        :param key: identifies the connection.
        """
        channels = cls._of_loop.setdefault(asyncio.get_running_loop(), {})
        channel = channels.get(key) or channels.setdefault(key, cls(make_hook, report))
        channel._users += 1
        try:
            await asyncio.shield(channel._opening)
            yield channel
        finally:
            channel._users -= 1
            if not channel._users:
                del channels[key]
                await channel._close()

    async def run(self, conversation: Conversation[T], log: Any, store: Store | None = None) -> T:
        """Perform a conversation; the Board of their place answers its looks.

        :param store: keeps the conversation's records.
        """
        transport = await self._opening
        return await transport.run(conversation, effects_of(log, store), self._look, self._send)

    async def _send(self, request: Request) -> Reply | NoReply:
        async with self._room:
            return await self._opening.result().send(request)

    async def _look(self, look: Look) -> Json:
        watch = look.watch
        board = self._boards.get(watch.place)
        if board is None:
            figures = Figures(watch.place, self._report, asyncio.get_running_loop().time())
            board = self._boards[watch.place] = Board(watch.lister(), functools.partial(self._perform, figures), figures)
        return await board.look(look)

    async def _perform(self, figures: Figures, conversation: Conversation[T]) -> T:
        transport = await self._opening

        async def send(request: Request) -> Reply | NoReply:
            answer = await transport.send(request)
            figures.answered(answer, asyncio.get_running_loop().time())
            return answer

        return await transport.run(conversation, effects_of(logging.getLogger(__name__)), send=send)

    async def _open(self, make_hook: Callable[[], Any]) -> AsyncTransport:
        self.hook = await sync_to_async(make_hook, thread_sensitive=False)()
        transport: AsyncTransport = await self._stack.enter_async_context(self.hook.connect())
        return transport

    async def _close(self) -> None:
        for board in self._boards.values():
            board.close()
        self._opening.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self._opening
        await self._stack.aclose()
