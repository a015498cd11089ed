"""Sessions of the library requests, which simple-salesforce needs for logins."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from airflow_dataflow_ext.transport.endpoint import ca_bundle, proxy_for


class TimedSession(requests.Session):
    """A session with a default timeout for each call, in seconds."""

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self._timeout = timeout

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        return super().send(request, **kwargs)


class LocalAdapter(HTTPAdapter):
    """Sends every request to one root URL on this machine, whichever host it names.

    :param root: a root URL with plain http; see :func:`check_root`.
    """

    def __init__(self, root: str) -> None:
        super().__init__()
        self._root = root

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = self._root + request.path_url
        request.headers.pop("Host", None)
        return super().send(request, *args, **kwargs)


def session_for(root: str, timeout: float) -> requests.Session:
    """A session whose proxies and certificates are read from the environment once, not at each call.

    ``trust_env`` would also let an entry of ``~/.netrc`` replace the authorization.

    :param timeout: seconds to connect, and between two bytes of the reply.
    """
    session, proxy = TimedSession(timeout), proxy_for(root)
    session.trust_env = False
    session.proxies = {urlsplit(root).scheme: proxy} if proxy else {}
    session.verify = ca_bundle() or True
    return session
