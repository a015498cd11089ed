"""The synchronous transport: it sends requests with httpx, and performs the steps of a conversation."""

from __future__ import annotations

import threading
import time
import weakref
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from airflow_dataflow_ext.api.jobs.wait import look_alone
from airflow_dataflow_ext.api.jobs.watch import Look
from airflow_dataflow_ext.api.rest.method import NoReply, Reply, Request
from airflow_dataflow_ext.api.rest.steps import Conversation, Renew, Sleep
from airflow_dataflow_ext.transport.base import Root, Transport
from airflow_dataflow_ext.transport.endpoint import client_for, failure
from airflow_dataflow_ext.transport.silence import no_reply
from airflow_dataflow_ext.transport.tokens import Tokens, TokenUnreachableError

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.steps import Effects, Step

T = TypeVar("T")


class SyncTransport(Transport):
    """Sends requests to one service.

    :param timeout: seconds for one call: to connect, and between two bytes of the reply.
    :param proxy: the proxy of the connection; the environment's by default.

    See :class:`~airflow_dataflow_ext.transport.base.Transport` for the other arguments.
    """

    def __init__(self, root: Root, tokens: Tokens, *, timeout: float, proxy: str | None = None, **others: Any) -> None:
        super().__init__(root, tokens, **others)
        self._timeout = timeout
        self._proxy = proxy
        self._clients: dict[tuple[int, str], httpx.Client] = {}
        weakref.finalize(self, _close, self._clients)

    def send(self, request: Request) -> Reply | NoReply:
        """Send a request once."""
        began, root = time.monotonic(), ""
        body, headers = self._parts(request)
        try:
            headers |= self._tokens.headers()
            root = self._root(request.method)
            reply = self._client(root).request(request.method.verb, root + request.target, content=body, headers=headers)
        except (httpx.RequestError, OSError, TokenUnreachableError) as error:
            said = failure(error, self._proxy) if isinstance(error, httpx.RequestError) else ""
            return no_reply(error, said, took=time.monotonic() - began, root=root, whose=self._whose)
        return self._reply(reply.status_code, reply.headers, reply.content, began)

    def _client(self, root: str) -> httpx.Client:
        """The client of this thread. A signal may have interrupted another thread's call, whose client stays locked meanwhile."""
        key = threading.get_ident(), root
        return self._clients.get(key) or self._clients.setdefault(key, client_for(root, self._proxy, timeout=self._timeout))

    def run(self, conversation: Conversation[T], effects: Effects) -> T:
        """Perform a conversation to its end and return its result; an error in a step is raised at its ``yield``."""
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
                    answer = self._perform(step, effects)
                except Exception as error:
                    failed = error

    def _perform(self, step: Step, effects: Effects) -> Any:
        match step:
            case Request():
                return self.send(step)
            case Sleep(seconds):
                return time.sleep(seconds)
            case Renew():
                return self._tokens.renew()
            case Look():
                return self.run(look_alone(step), effects)
        return effects(step)


def _close(clients: dict[tuple[int, str], httpx.Client]) -> None:
    for client in clients.values():
        client.close()
