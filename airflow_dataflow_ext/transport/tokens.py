"""Bearer tokens: where a request's Authorization comes from. A refresh blocks, so the asynchronous transport does it in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import Request as AuthRequest

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import NotAuthenticatedError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials


class TokenUnreachableError(Exception):
    """No token now, for a reason that may pass: a connection, or trouble of the token service."""


class Tokens(Protocol):
    """Gives each request its authorization."""

    def headers(self) -> dict[str, str]:
        """Headers for the next request; refreshes the token first if it is stale.

        :raises TokenUnreachableError: no token now; it may be there later.
        :raises NotAuthenticatedError: the token service refused.
        """

    @property
    def stale(self) -> bool:
        """Whether :meth:`headers` would have to ask the token service."""

    def renew(self) -> None:
        """The service refused the token: get another one for the next request."""


class GoogleTokens:
    """Tokens of google-auth credentials of any kind, with their quota project.

    https://googleapis.dev/python/google-auth/latest/reference/google.auth.credentials.html
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._refused = False
        self._lock = threading.Lock()

    @property
    def stale(self) -> bool:
        return self._refused or not self._credentials.valid

    def headers(self) -> dict[str, str]:
        with self._lock:
            if self.stale:
                self._refresh()
        headers: dict[str, str] = {}
        self._credentials.apply(headers)
        return headers

    def renew(self) -> None:
        self._refused = True

    def _refresh(self) -> None:
        try:
            self._credentials.refresh(AuthRequest())
        except TransportError as error:
            raise TokenUnreachableError(f"the token service did not answer: {error}") from error
        except GoogleAuthError as error:
            if getattr(error, "retryable", False):
                raise TokenUnreachableError(f"the token service is in trouble: {error}") from error
            raise NotAuthenticatedError(
                f"No token for the connection's credentials: {error}. Check the key, its clock and the impersonated accounts.", status=401
            ) from error
        self._refused = False


class SessionTokens:
    """Sessions of Salesforce logins; they do not say how long they last, so only a refusal ends one.

    :param login: logs in; gives the session id, or access token, and the root URL of the instance that it is good for.
    """

    def __init__(self, login: Callable[[], tuple[str, str]]) -> None:
        self._login = login
        self._session: tuple[str, str] | None = None
        self._renewing = False
        self._fresh_until = 0.0
        self._lock = threading.Lock()

    @property
    def stale(self) -> bool:
        return self._session is None

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._current()[0]}"}

    def root(self) -> str:
        """Root URL of the instance."""
        return self._current()[1]

    def renew(self) -> None:
        if self._session is not None and time.monotonic() >= self._fresh_until:
            self._session = None
            self._renewing = True

    def _current(self) -> tuple[str, str]:
        with self._lock:
            session = self._session
            if session is None:
                session = self._session = self._login()
                if self._renewing:
                    self._fresh_until = time.monotonic() + budgets.TOKEN_FRESH
            return session
