"""What it means that no answer came: whether the request can have been sent, and whether anything listens where it went."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx

from airflow_dataflow_ext.api.rest.method import NoReply
from airflow_dataflow_ext.transport.endpoint import is_loopback
from airflow_dataflow_ext.transport.tokens import TokenUnreachableError

NOT_SENT = (TokenUnreachableError, httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
"""Errors from before the request could leave."""


def no_reply(error: Exception, said: str = "", *, took: float, root: str, whose: str, sent: bool = True) -> NoReply:
    """What a request comes back with when no answer came.

    :param error: what the client raised instead.
    :param said: what is said of that; the error itself by default.
    :param root: where the request was to go.
    :param whose: who leads there, for the message, for example ``connection 'x'``.
    :param sent: False when the caller knows that the request did not leave this machine.
    """
    chain = list(_causes(error))
    sent = sent and not any(isinstance(cause, NOT_SENT) for cause in chain)
    address = next(filter(None, map(_address, chain)), urlsplit(root).netloc)
    if any(getattr(cause, "errno", None) == errno.ECONNREFUSED for cause in chain) and is_loopback(urlsplit(f"//{address}").hostname or ""):
        reason = f"nothing listens at {address}, to which {whose} leads; does the emulator run there?"
        return NoReply(reason=reason, took=took, sent=False, nobody=True)
    if any(isinstance(cause, ssl.SSLCertVerificationError) or "WRONG_VERSION_NUMBER" in str(cause) for cause in chain):
        hint = "REQUESTS_CA_BUNDLE names other authorities, and the address of an emulator begins with http://"
        reason = f"no TLS with {address}, to which {whose} leads ({chain[-1]}); {hint}"
        return NoReply(reason=reason, took=took, sent=False, nobody=True)
    return NoReply(reason=said or f"{type(error).__name__}: {error}", took=took, sent=sent)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came of."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _address(cause: Any) -> str:
    """Host and port that an error names, or an empty text: aiohttp's errors of connections do, and the requests of httpx's."""
    at = cause.request.url if isinstance(cause, httpx.RequestError) else cause
    host, port = getattr(at, "host", None), getattr(at, "port", None)
    return f"[{host}]:{port}" if host and ":" in host else f"{host}:{port}" if host and port else ""
