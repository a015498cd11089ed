"""Asynchronous transport: one send over aiohttp, and the driver that performs a conversation's steps."""

from __future__ import annotations

import asyncio
import inspect
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
from yarl import URL

from airflow_dataflow_ext.api.jobs.wait import look_alone
from airflow_dataflow_ext.api.jobs.watch import Look
from airflow_dataflow_ext.api.rest.method import Json, NoReply, Reply, Request
from airflow_dataflow_ext.api.rest.steps import Conversation, Renew, Sleep
from airflow_dataflow_ext.transport.endpoint import asked, ca_bundle, proxy_for
from airflow_dataflow_ext.transport.tokens import Tokens, TokenUnreachableError

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.steps import Effects

T = TypeVar("T")


def async_session_for(root: str, proxy: str | None = None) -> aiohttp.ClientSession:
    """The asynchronous twin of :func:`~airflow_dataflow_ext.transport.endpoint.session_for`.

    ``trust_env=True`` would find the proxy too, and refuse to send the token where ``~/.netrc`` knows the host.

    :param proxy: the proxy of the connection; the environment's by default.
    """
    bundle = ca_bundle()
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=bundle) if bundle and root.startswith("https") else True)
    return aiohttp.ClientSession(connector=connector, proxy=proxy or proxy_for(root))


class AsyncTransport:
    """Sends requests to one service from one event loop.

    :param root: scheme, host and port; or where to ask for them, which is done for each request after its authorization.
    :param timeout: seconds for one call as a whole.
    :param seen: is shown each reply.
    """

    def __init__(
        self,
        root: str | Callable[[], str],
        tokens: Tokens,
        *,
        timeout: float,
        session: aiohttp.ClientSession,
        seen: Callable[[Reply], None] | None = None,
    ) -> None:
        self._root = asked(root)
        self._tokens = tokens
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session = session
        self._seen = seen

    async def send(self, request: Request) -> Reply | NoReply:
        """Ask once."""
        began = time.monotonic()
        body = None if request.body is None else json.dumps(request.body).encode()
        headers = {"Content-Type": "application/json", **dict(request.headers)}
        try:
            headers |= await self._authorization()
            url = URL(self._root() + request.target, encoded=True)
            async with self._session.request(
                request.method.verb, url, data=body, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as reply:
                content = await reply.read()
        except (aiohttp.ClientError, OSError, TimeoutError, TokenUnreachableError) as error:
            return NoReply(reason=f"{type(error).__name__}: {error}", took=time.monotonic() - began)
        found = {name.lower(): value for name, value in reply.headers.items()}
        answer = Reply(status=reply.status, headers=found, content=content, took=time.monotonic() - began)
        if self._seen is not None:
            self._seen(answer)
        return answer

    async def _authorization(self) -> dict[str, str]:
        return await asyncio.to_thread(self._tokens.headers) if self._tokens.stale else self._tokens.headers()

    async def run(
        self,
        conversation: Conversation[T],
        aside: Effects,
        look: Callable[[Look], Awaitable[Json]] | None = None,
        send: Callable[[Request], Awaitable[Reply | NoReply]] | None = None,
    ) -> T:
        """Perform a conversation to its end and return its result.

        :param look: answers looks for many watchers at once; without it each look is a call of its own.
        :param send: sends requests instead of :meth:`send`, for example one after the other.
        """
        send = send or self.send
        answer: Any = None
        while True:
            try:
                step = conversation.send(answer)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            answer = None
            match step:
                case Request():
                    answer = await send(step)
                case Sleep(seconds):
                    await asyncio.sleep(seconds)
                case Renew():
                    self._tokens.renew()
                case Look():
                    answer = await (look(step) if look else self.run(look_alone(step), aside))
                case _:
                    answer = aside(step)
                    if inspect.isawaitable(answer):
                        answer = await answer
