"""The asynchronous transport: it sends requests with aiohttp, and performs the steps of a conversation."""

from __future__ import annotations

import asyncio
import inspect
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
from asgiref.sync import sync_to_async
from yarl import URL

from airflow_dataflow_ext.api.jobs.wait import look_alone
from airflow_dataflow_ext.api.jobs.watch import Look
from airflow_dataflow_ext.api.rest.method import Json, NoReply, Reply, Request
from airflow_dataflow_ext.api.rest.steps import Conversation, Renew, Sleep
from airflow_dataflow_ext.transport.base import Root, Transport
from airflow_dataflow_ext.transport.endpoint import ca_bundle, proxy_for
from airflow_dataflow_ext.transport.silence import no_reply
from airflow_dataflow_ext.transport.tokens import Tokens, TokenUnreachableError

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.steps import Effects, Step

T = TypeVar("T")


def async_session_for(root: str, proxy: str | None = None) -> aiohttp.ClientSession:
    """A session of aiohttp for one root URL, whose proxy and certificates come from the environment.

    ``trust_env=True`` would also find the proxy, but would refuse to send the token if ``~/.netrc`` has an entry for the host.

    :param proxy: the proxy of the connection; the environment's by default.
    """
    bundle = ca_bundle()
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=bundle) if bundle and root.startswith("https") else True)
    return aiohttp.ClientSession(connector=connector, proxy=proxy or proxy_for(root))


class AsyncTransport(Transport):
    """Sends requests to one service from one event loop.

    :param timeout: seconds for one whole call.

    See :class:`~airflow_dataflow_ext.transport.base.Transport` for the other arguments.
    """

    def __init__(self, root: Root, tokens: Tokens, *, timeout: float, session: aiohttp.ClientSession, **others: Any) -> None:
        super().__init__(root, tokens, **others)
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session = session

    async def send(self, request: Request) -> Reply | NoReply:
        """Send a request once."""
        began, root = time.monotonic(), ""
        body, headers = self._parts(request)
        try:
            headers |= await self._authorization()
            root = self._root(request.method)
            url = URL(root + request.target, encoded=True)
            async with self._session.request(
                request.method.verb, url, data=body, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as reply:
                content = await reply.read()
        except (aiohttp.ClientError, OSError, TimeoutError, TokenUnreachableError) as error:
            sent = not isinstance(error, aiohttp.ClientConnectorError)
            return no_reply(error, took=time.monotonic() - began, root=root, whose=self._whose, sent=sent)
        return self._reply(reply.status, reply.headers, content, began)

    async def _authorization(self) -> dict[str, str]:
        if not self._tokens.stale:
            return self._tokens.headers()
        # Not asyncio.to_thread: a login masks its secret, which is a call to Airflow; from such a thread Airflow 3.1 mixes up its answers.
        return await sync_to_async(self._tokens.headers, thread_sensitive=False)()

    async def run(
        self,
        conversation: Conversation[T],
        effects: Effects,
        look: Callable[[Look], Awaitable[Json]] | None = None,
        send: Callable[[Request], Awaitable[Reply | NoReply]] | None = None,
    ) -> T:
        """Perform a conversation to its end and return its result; an error in a step is raised at its ``yield``.

        :param look: answers looks for many watchers at once; without it, each look is a call of its own.
        :param send: sends requests instead of :meth:`send`, for example one at a time.
        """
        answer: Any = None
        failed: Exception | None = None
        with closing(conversation):
            while True:
                try:
                    step = conversation.send(answer) if failed is None else conversation.throw(failed)
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]
                answer = failed = None
                try:
                    answer = await self._perform(step, effects, look, send or self.send)
                except Exception as error:
                    failed = error

    async def _perform(
        self,
        step: Step,
        effects: Effects,
        look: Callable[[Look], Awaitable[Json]] | None,
        send: Callable[[Request], Awaitable[Reply | NoReply]],
    ) -> Any:
        match step:
            case Request():
                return await send(step)
            case Sleep(seconds):
                return await asyncio.sleep(seconds)
            case Renew():
                return self._tokens.renew()
            case Look():
                return await (look(step) if look else self.run(look_alone(step), effects))
        answer = effects(step)
        return await answer if inspect.isawaitable(answer) else answer
