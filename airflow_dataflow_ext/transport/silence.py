"""Explains a missing answer: whether the request may have been sent, and whether anything listens at the address."""

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
"""Errors that occur before the request is sent."""


def no_reply(error: Exception, said: str = "", *, took: float, root: str, whose: str, sent: bool = True) -> NoReply:
    """The NoReply of a request that got no answer.

    :param error: the client's error.
    :param said: text about the error; its own by default.
    :param root: root URL of the request.
    :param whose: where the root URL is set, for the message, for example ``connection 'x'``.
    :param sent: False if the caller knows that the request did not leave this machine.
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
    """An error and its causes."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _address(cause: Any) -> str:
    """Host and port from an error, or an empty text: aiohttp's connection errors and the requests of httpx's errors have them."""
    at = cause.request.url if isinstance(cause, httpx.RequestError) else cause
    host, port = getattr(at, "host", None), getattr(at, "port", None)
    return f"[{host}]:{port}" if host and ":" in host else f"{host}:{port}" if host and port else ""
