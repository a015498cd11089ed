"""How a connection of type ``salesforce`` reaches CRM Analytics: login, instance, transports, API version, and the org's API requests."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from airflow.sdk.log import mask_secret
from jwt import PyJWTError

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import Trouble, persist, trouble_of
from airflow_dataflow_ext.api.rest.errors import InvalidInputError, NotAuthenticatedError
from airflow_dataflow_ext.api.rest.texts import plain, sentence, shown
from airflow_dataflow_ext.api.wave import methods as wave
from airflow_dataflow_ext.hooks.connections import extras_of
from airflow_dataflow_ext.hooks.extras import require_salesforce
from airflow_dataflow_ext.transport.effects import MemoryStore, effects_of
from airflow_dataflow_ext.transport.endpoint import check_root, proxy_for
from airflow_dataflow_ext.transport.sessions import LocalAdapter, session_for
from airflow_dataflow_ext.transport.silence import no_reply
from airflow_dataflow_ext.transport.sync import SyncTransport
from airflow_dataflow_ext.transport.tokens import SessionTokens, TokenUnreachableError

require_salesforce(__name__)

from airflow.providers.salesforce.hooks.salesforce import SalesforceHook  # noqa: E402
from simple_salesforce.exceptions import SalesforceAuthenticationFailed  # noqa: E402

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Method, Reply
    from airflow_dataflow_ext.api.rest.steps import Conversation, Store
    from airflow_dataflow_ext.transport.aio import AsyncTransport

T = TypeVar("T")

LOGIN = "https://login.salesforce.com"
"""The default login URL; the environment's proxies for it are also used for the instances."""

WARN_AT, WARN_EVERY = 80, 5
"""Percentage of the org's daily API requests at which the first warning is logged, and by how much it grows until the next."""


class Allowance:
    """Reads from each reply how many API requests the org has used in the last 24 hours, and logs a warning when few are left.

    https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm
    """

    def __init__(self, log: logging.Logger | Any) -> None:
        self._log = log
        self._next = WARN_AT
        self.used = 0
        self.limit = 0

    def seen(self, reply: Reply) -> None:
        """Look at one reply."""
        match = re.search(r"(?<!-)\bapi-usage=(\d+)/(\d+)", reply.headers.get("sforce-limit-info", ""))
        if not match or not int(match[2]):
            return
        self.used, self.limit = int(match[1]), int(match[2])
        percent = 100 * self.used // self.limit
        if percent < WARN_AT:
            self._next = WARN_AT
        elif percent >= self._next:
            self._next = percent + WARN_EVERY
            self._log.warning(
                "The org has used %s of its %s API requests of the last 24 hours (%s %%); beyond that Salesforce refuses every call.",
                self.used,
                self.limit,
                percent,
            )


class SalesforceConnection(SalesforceHook):
    """Calls CRM Analytics over one Airflow connection.

    All settings and login flows of :class:`SalesforceHook` work as they do there. In addition, the extra ``session_id`` sets a session
    for the direct flow, and an ``instance_url`` with plain HTTP on this machine (an emulator) receives every call, including logins.

    :param salesforce_conn_id: connection of type ``salesforce``.
    :param session_id: session to use instead of a login; the connection must then name an instance.
    :param session: session for the logins, as in SalesforceHook; its proxies, timeouts and certificates are not changed.
    :param timeout: seconds for one call.
    :param retry_for: seconds for which a call is retried while the error may be temporary.
    """

    def __init__(
        self,
        salesforce_conn_id: str = SalesforceHook.default_conn_name,
        session_id: str | None = None,
        session: requests.Session | None = None,
        *,
        timeout: float = budgets.CALL_TIMEOUT,
        retry_for: float = budgets.RETRY_FOR,
    ) -> None:
        super().__init__(salesforce_conn_id=salesforce_conn_id, session_id=session_id, session=session)
        self.timeout = timeout
        self.retry_for = retry_for

    @cached_property
    def version(self) -> str:
        """The API version of the connection's extra ``version``, else the Salesforce provider's default."""
        version = str(self._setting("version") or wave.DEFAULT_VERSION)
        return f"{wave.number_of(version, f'version of {self._whose}')}.0"

    @cached_property
    def tokens(self) -> SessionTokens:
        """The source of each call's Authorization header and instance; the first call logs in."""
        return SessionTokens(self._login)

    @property
    def root(self) -> str:
        """Root URL of the org's instance; reading it logs in.

        :raises CallError: the login failed.
        """
        return self.run(persist(self._reach, retry_for=self.retry_for))

    def _reach(self, spent: float) -> Conversation[str | Trouble]:
        yield from ()
        began = time.monotonic()
        try:
            return self.tokens.root()
        except TokenUnreachableError as error:
            took = time.monotonic() - began
            return trouble_of(no_reply(error, took=took, root=self._local_root or LOGIN, whose=self._whose), "The login")

    @property
    def _whose(self) -> str:
        return f"connection {self.conn_id!r}"

    @cached_property
    def allowance(self) -> Allowance:
        """How many of its daily API requests the org has used."""
        return Allowance(self.log)

    @cached_property
    def _extras(self) -> dict[str, Any]:
        return extras_of(self.conn_id)

    def _setting(self, name: str) -> Any:
        return super()._get_field(self._extras, name)

    @cached_property
    def _local_root(self) -> str:
        """The emulator's root URL, without a path, as the login reads an instance URL; empty for an instance of Salesforce.

        :raises InvalidInputError: it is neither: without this check, the login would go to Salesforce.
        """
        url = str(self._setting("instance_url") or "")
        is_local = re.match(r"(localhost|127\.[\d.]+)(:|/|\Z)", url, re.IGNORECASE)
        if not url or (re.fullmatch(r"https://\S+|[\w.-]+/?", url, re.IGNORECASE) and not is_local):
            return ""
        return urljoin(check_root(url, f"instance_url of {self._whose}"), "/").rstrip("/")

    def _get_field(self, extras: dict[str, Any], field_name: str) -> Any:
        """A setting of the connection that the login needs, as SalesforceHook passes it to simple-salesforce.

        Proxies are withheld: simple-salesforce takes them from the session, and would log them, including any password. It reads an
        instance URL as https, or as a host name.
        """
        if field_name == "proxies" or (field_name == "instance_url" and self._local_root):
            return None
        if field_name == "instance" and self._local_root:
            return urlsplit(self._local_root).netloc
        if field_name == "version":
            return self.version
        return self._setting(field_name)

    @cached_property
    def _http(self) -> requests.Session:
        if self.session is not None:
            return self.session
        session = session_for(self._local_root or LOGIN, self.timeout)
        session.proxies.update(self._proxies)
        if self._local_root:
            session.mount("https://", LocalAdapter(self._local_root))
        return session

    @cached_property
    def _proxies(self) -> dict[str, str]:
        found = self._setting("proxies") or {}
        try:
            proxies = dict(json.loads(found) if isinstance(found, str) else found)
            return {scheme: url if "://" in url else f"http://{url}" for scheme, url in proxies.items() if url}
        except (TypeError, ValueError):
            raise InvalidInputError(f"proxies of connection {self.conn_id!r} must be a JSON object of scheme to URL") from None

    def _login(self) -> tuple[str, str]:
        """Log in, for the first time or again, with simple-salesforce; returns the session id and the instance's root URL.

        :raises InvalidInputError: the connection lacks a setting that the login needs.
        :raises NotAuthenticatedError: Salesforce refused, or the connection has nothing to log in again with.
        :raises TokenUnreachableError: the login failed for now; it may work later.
        """
        before = self.__dict__.get("conn")
        if before is not None and before.auth_type == "direct":
            raise NotAuthenticatedError(
                f"The session of connection {self.conn_id!r} has ended, and there is nothing in it to log in again with.",
                status=401,
                sent=False,
            )
        self.__dict__.pop("conn", None)
        domain = str(self._setting("domain") or "")
        if re.search(r"[:/\s]|\.salesforce\.com\Z", domain):
            what = "login, test, or the My Domain without .salesforce.com"
            raise InvalidInputError(f"domain of {self._whose} must be {what}, not {shown(domain)}")
        self.session, self.session_id = self._http, self.session_id or self._setting("session_id")
        try:
            conn = self.get_conn()
        except SalesforceAuthenticationFailed as error:
            raise _login_error(self.conn_id, error) from None
        except requests.RequestException as error:
            raise TokenUnreachableError(f"no login to Salesforce: {type(error).__name__}: {error}") from error
        except OSError as error:
            raise InvalidInputError(f"private_key_file_path of {self._whose} gives no key: {plain(error)}") from None
        except (TypeError, ValueError, PyJWTError) as error:  # a missing setting, or an invalid key
            has = ", ".join(sorted(name for name, value in self._extras.items() if value)) or "nothing"
            raise InvalidInputError(f"{self._whose} cannot log in: {plain(error)} (its extra has {has})") from None
        mask_secret(conn.session_id)
        return conn.session_id, self._local_root or check_root(f"https://{conn.sf_instance}", f"the instance of {self.conn_id!r}")

    @cached_property
    def _transport(self) -> SyncTransport:
        proxy = self._proxies.get("https") or proxy_for(self._local_root or LOGIN)
        return SyncTransport(self._root, self.tokens, timeout=self.timeout, proxy=proxy, seen=self.allowance.seen, whose=self._whose)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncTransport]:
        """An asynchronous transport with its own connection pool, for the running event loop."""
        # imported here, so that only a process that waits in an event loop loads aiohttp
        from airflow_dataflow_ext.transport.aio import AsyncTransport, async_session_for

        async with async_session_for(self._local_root or LOGIN, self._proxies.get("https")) as session:
            yield AsyncTransport(
                self._root, self.tokens, timeout=self.timeout, session=session, seen=self.allowance.seen, whose=self._whose
            )

    def _root(self, method: Method) -> str:
        return self.tokens.root()

    def run(self, conversation: Conversation[T], store: Store | None = None) -> T:
        """Perform a conversation now.

        :param store: keeps launch records; without one, they are lost after the call.
        """
        return self._transport.run(conversation, effects_of(self.log, store or MemoryStore()))

    async def arun(self, conversation: Conversation[T]) -> T:
        """Perform a conversation on the running event loop."""
        async with self.connect() as transport:
            return await transport.run(conversation, effects_of(self.log, MemoryStore()))


def _login_error(conn_id: str, error: SalesforceAuthenticationFailed) -> Exception:
    if (isinstance(error.code, int) and error.code >= 500) or error.code == "SERVER_UNAVAILABLE":
        return TokenUnreachableError(f"Salesforce's login is in trouble: {error.code}")
    said = sentence(" ".join(re.sub(r"<[^>]+>", " ", str(error.auth_message)).split())[:300])
    return NotAuthenticatedError(
        f"Salesforce refused the login of connection {conn_id!r}: {error.code}: {said} Check user, password and token, or the app's key.",
        status=401,
        code=str(error.code),
        sent=False,
    )
