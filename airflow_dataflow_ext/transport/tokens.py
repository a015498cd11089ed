"""Bearer tokens for the Authorization header. A refresh blocks, so the asynchronous transport performs it in a thread."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import httpx
from google.auth.exceptions import GoogleAuthError, TransportError

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import NotAuthenticatedError
from airflow_dataflow_ext.api.rest.texts import sentence
from airflow_dataflow_ext.transport.endpoint import client_for, failure

if TYPE_CHECKING:
    from google.auth.credentials import Credentials


class TokenUnreachableError(Exception):
    """No token could be obtained, for a reason that may be temporary, such as the connection or the token service."""


class Tokens(Protocol):
    """Gives each request its authorization."""

    def headers(self) -> dict[str, str]:
        """Headers for the next request; refreshes the token first if it is stale.

        :raises TokenUnreachableError: no token could be obtained for now.
        :raises NotAuthenticatedError: the token service refused.
        """

    @property
    def stale(self) -> bool:
        """Whether :meth:`headers` would have to ask the token service."""

    def renew(self) -> None:
        """Discard a token that the service refused; the next request gets a new one."""


class _RenewedTokens(ABC):
    """The base of all tokens: only one caller at a time gets a new token, and late refusals of the old one do not discard it."""

    def __init__(self) -> None:
        self._refused = False
        self._fresh_until = 0.0
        self._lock = threading.Lock()

    @property
    def stale(self) -> bool:
        return self._refused or not self._valid

    def renew(self) -> None:
        if time.monotonic() >= self._fresh_until:
            self._refused = True

    def _have(self) -> None:
        """Get a token, unless there is a valid one; that takes no lock, which a call that a kill's signal has interrupted may hold."""
        if not self.stale:
            return
        with self._lock:
            if self.stale:
                self._obtain()
                if self._refused:
                    self._fresh_until = time.monotonic() + budgets.TOKEN_FRESH
                self._refused = False

    @property
    @abstractmethod
    def _valid(self) -> bool:
        """Whether there is a token that has not expired."""

    @abstractmethod
    def _obtain(self) -> None:
        """Get a new token.

        :raises TokenUnreachableError: no token could be obtained for now.
        :raises NotAuthenticatedError: the token service refused.
        """


class GoogleTokens(_RenewedTokens):
    """Tokens of any google-auth credentials, with their quota project.

    https://googleapis.dev/python/google-auth/latest/reference/google.auth.credentials.html

    :param whose: where the credentials are set, for messages, for example ``connection 'x'``.
    """

    def __init__(self, credentials: Credentials, whose: str = "the connection") -> None:
        super().__init__()
        self._credentials = credentials
        self._whose = whose

    def headers(self) -> dict[str, str]:
        self._have()
        headers: dict[str, str] = {}
        self._credentials.apply(headers)
        return headers

    @property
    def _valid(self) -> bool:
        return bool(self._credentials.valid)

    def _obtain(self) -> None:
        try:
            self._credentials.refresh(_ask)
        except TransportError as error:
            raise TokenUnreachableError(f"the token service did not answer: {error}") from error
        except GoogleAuthError as error:
            if getattr(error, "retryable", False):
                raise TokenUnreachableError(f"the token service is in trouble: {error}") from error
            why = sentence(str(error))
            raise NotAuthenticatedError(
                f"No token for the credentials of {self._whose}: {why} Check the key, its clock and the impersonated accounts.",
                status=401,
                sent=False,
            ) from error


class _Answer(NamedTuple):
    """An answer in the form that google-auth reads."""

    status: int
    headers: httpx.Headers
    data: bytes


def _ask(url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: float | None = None, **_: Any) -> _Answer:
    """Send a request of google-auth to a token service. It replaces ``google.auth.transport.Request``, which would import requests."""
    try:
        with client_for(url, timeout=timeout or budgets.CALL_TIMEOUT, follow_redirects=True) as client:
            reply = client.request(method, url, content=body, headers=headers)
    except httpx.RequestError as error:
        raise TransportError(failure(error)) from error
    except httpx.InvalidURL as error:
        raise TransportError(error) from error
    return _Answer(reply.status_code, reply.headers, reply.content)


class SessionTokens(_RenewedTokens):
    """Sessions of Salesforce logins. A session does not tell when it expires, so only a refusal ends it.

    :param login: logs in; returns the session id or access token, and the root URL of its instance.
    """

    def __init__(self, login: Callable[[], tuple[str, str]]) -> None:
        super().__init__()
        self._login = login
        self._session: tuple[str, str] | None = None

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._current()[0]}"}

    def root(self) -> str:
        """Root URL of the instance."""
        return self._current()[1]

    def _current(self) -> tuple[str, str]:
        self._have()
        assert self._session is not None
        return self._session

    @property
    def _valid(self) -> bool:
        return self._session is not None

    def _obtain(self) -> None:
        self._session = self._login()
