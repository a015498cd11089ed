"""A client that sends requests unchanged, even malformed ones."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

_TIMEOUT = 10.0
_CONNECTION = ("Connection: close",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request.

    :param target: path and query, as they are sent.
    :param lines: header lines in addition to Host, Content-Length and Connection.
    :param framed: whether Content-Length is sent.
    :param missing: number of bytes that are announced but not sent; the client then disconnects instead of waiting for an answer.
    """

    port: int
    verb: str
    target: str
    lines: tuple[str, ...] = ()
    body: bytes = b""
    framed: bool = True
    missing: int = 0
    query: Mapping[str, str] = field(default_factory=dict)

    def raw(self) -> bytes:
        announced = self.framed and (self.body or self.verb not in ("GET", "HEAD"))
        length = (f"Content-Length: {len(self.body) + self.missing}",) if announced else ()
        named = any(line.lower().startswith("host:") for line in self.lines)
        host = () if named else (f"Host: localhost:{self.port}",)
        head = "\r\n".join((f"{self.verb} {self.target} HTTP/1.1", *host, *_CONNECTION, *length, *self.lines, "", ""))
        return head.encode("utf-8", "surrogateescape") + self.body

    def __str__(self) -> str:
        return f"{self.verb} {self.target[:300]} {self.lines} {self.body[:300]!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a request."""

    status: int
    kind: str
    body: bytes

    @property
    def is_stated(self) -> bool:
        """Whether a status of 500 or above is a documented one: for something that is not emulated, or for a SOAP fault."""
        return (self.status == 501 and b"not emulated" in self.body) or ("xml" in self.kind and b"Fault>" in self.body)

    def __str__(self) -> str:
        return f"-> {self.status} {self.kind} {self.body[:300]!r}"


GONE = Answer(status=499, kind="", body=b"")
"""The answer to a request that was not sent completely."""


def exchange(sent: Sent) -> Answer | None:
    """Send a request, and return the answer, or None if the connection ends without one."""
    try:
        with socket.create_connection(("127.0.0.1", sent.port), timeout=_TIMEOUT) as wire:
            with contextlib.suppress(ConnectionError):  # refused before it was sent completely; there may be an answer
                wire.sendall(sent.raw())
            if sent.missing:
                return GONE
            response = http.client.HTTPResponse(wire, method=sent.verb)
            response.begin()
            body = response.read()
            return Answer(status=response.status, kind=response.headers.get("Content-Type", ""), body=body)
    except (OSError, http.client.HTTPException):
        return None
