"""Where a service is reached: the root URL, checked, and the proxies and certificates that lead there."""

from __future__ import annotations

import os
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy

from airflow_dataflow_ext.api.rest.errors import InvalidInputError

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.api.rest.texts import shown


def check_root(url: str, source: str) -> str:
    """A root URL that a token may be sent to: https anywhere, plain http on this machine only.

    :param source: where the URL was set, for the message.
    :raises InvalidInputError: it is neither.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("http", "https") or parts.query or parts.fragment or parts.username:
        public = url.replace(parts.netloc, parts.netloc.rpartition("@")[2], 1)  # a password is no part of a message
        raise InvalidInputError(f"{source} must be an address such as https://dataflow.googleapis.com, without a user, not {shown(public)}")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise InvalidInputError(
            f"{source}: plain http would show the token to the network, and is allowed for this machine only; {shown(url)} is elsewhere"
        )
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def asked(root: str | Callable[[Method], str]) -> Callable[[Method], str]:
    """A root URL, or where to ask for that of a method, as something to ask; with a slash at its end."""
    if isinstance(root, str):
        return lambda _: root.rstrip("/") + "/"
    return lambda method: root(method).rstrip("/") + "/"


class TimedSession(requests.Session):
    """A session that waits so many seconds for each answer, unless a call says otherwise.

    :param timeout: seconds to connect, and between two bytes of the reply.
    """

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self._timeout = timeout

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        return super().send(request, **kwargs)


class LocalAdapter(HTTPAdapter):
    """Sends whatever is asked of it to one root URL on this machine, whichever host it was meant for.

    :param root: see :func:`check_root`; plain http.
    """

    def __init__(self, root: str) -> None:
        super().__init__()
        self._root = root

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = self._root + request.path_url
        request.headers.pop("Host", None)
        return super().send(request, *args, **kwargs)


def session_for(root: str, session: requests.Session | None = None) -> requests.Session:
    """A session whose proxies and certificates come from the environment once, not at each call.

    ``trust_env`` itself would also let an entry of ``~/.netrc`` replace the bearer token.

    :param session: the session to set up so; a new one by default.
    """
    session = session or requests.Session()
    session.trust_env = False
    session.proxies = get_environ_proxies(root)
    session.verify = ca_bundle() or True
    return session


def ca_bundle() -> str | None:
    """The file of certificate authorities that the environment names, or None for the usual ones."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or None


def proxy_for(root: str) -> str | None:
    """The proxy that the environment names for a root URL, or None."""
    proxy: str | None = select_proxy(root, get_environ_proxies(root))
    return proxy
