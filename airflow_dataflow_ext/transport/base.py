"""The base of both transports: root URL, authorization, and the form of an answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping

from airflow_dataflow_ext.api.rest.method import Method, Reply, Request
from airflow_dataflow_ext.transport.endpoint import asked
from airflow_dataflow_ext.transport.tokens import Tokens

Root = str | Callable[[Method], str]


class Transport:
    """Sends requests to one service.

    :param root: scheme, host and port; or a function that returns them for a method, called for each request after its authorization.
    :param seen: called with each reply.
    :param whose: where the root URL is set, for messages, for example ``connection 'x'``.
    """

    def __init__(
        self,
        root: Root,
        tokens: Tokens,
        *,
        seen: Callable[[Reply], None] | None = None,
        whose: str = "the root URL",
    ) -> None:
        self._root = asked(root)
        self._tokens = tokens
        self._seen = seen
        self._whose = whose

    def _parts(self, request: Request) -> tuple[bytes | None, dict[str, str]]:
        """Body and headers, except the authorization."""
        body = None if request.body is None else json.dumps(request.body).encode()
        return body, {"Content-Type": "application/json", **dict(request.headers)}

    def _reply(self, status: int, headers: Mapping[str, str], content: bytes, began: float) -> Reply:
        found = {name.lower(): value for name, value in headers.items()}
        answer = Reply(status=status, headers=found, content=content, took=time.monotonic() - began)
        if self._seen is not None:
            self._seen(answer)
        return answer
