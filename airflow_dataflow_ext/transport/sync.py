"""Synchronous transport: one send over requests, and the driver that performs a conversation's steps."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import requests

from airflow_dataflow_ext.api.jobs.wait import look_alone
from airflow_dataflow_ext.api.jobs.watch import Look
from airflow_dataflow_ext.api.rest.method import NoReply, Reply, Request
from airflow_dataflow_ext.api.rest.steps import Conversation, Renew, Sleep
from airflow_dataflow_ext.transport.endpoint import asked
from airflow_dataflow_ext.transport.tokens import Tokens, TokenUnreachableError

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.steps import Effects

T = TypeVar("T")


class SyncTransport:
    """Sends requests to one service.

    :param root: scheme, host and port; or where to ask for them, which is done for each request after its authorization.
    :param timeout: seconds for one call: to connect, and between two bytes of the reply.
    :param seen: is shown each reply.
    """

    def __init__(
        self,
        root: str | Callable[[], str],
        tokens: Tokens,
        *,
        timeout: float,
        session: requests.Session,
        seen: Callable[[Reply], None] | None = None,
    ) -> None:
        self._root = asked(root)
        self._tokens = tokens
        self._timeout = timeout
        self._session = session
        self._seen = seen

    def send(self, request: Request) -> Reply | NoReply:
        """Ask once."""
        began = time.monotonic()
        body = None if request.body is None else json.dumps(request.body).encode()
        headers = {"Content-Type": "application/json", **dict(request.headers)}
        try:
            headers |= self._tokens.headers()
            reply = self._session.request(
                request.method.verb, self._root() + request.target, data=body, headers=headers, timeout=self._timeout, allow_redirects=False
            )
        except (requests.RequestException, OSError, TokenUnreachableError) as error:
            return NoReply(reason=f"{type(error).__name__}: {error}", took=time.monotonic() - began)
        found = {name.lower(): value for name, value in reply.headers.items()}
        answer = Reply(status=reply.status_code, headers=found, content=reply.content, took=time.monotonic() - began)
        if self._seen is not None:
            self._seen(answer)
        return answer

    def run(self, conversation: Conversation[T], aside: Effects) -> T:
        """Perform a conversation to its end and return its result."""
        answer: Any = None
        while True:
            try:
                step = conversation.send(answer)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            answer = None
            match step:
                case Request():
                    answer = self.send(step)
                case Sleep(seconds):
                    time.sleep(seconds)
                case Renew():
                    self._tokens.renew()
                case Look():
                    answer = self.run(look_alone(step), aside)
                case _:
                    answer = aside(step)
