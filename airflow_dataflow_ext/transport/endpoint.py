"""Where a service is reached: the root URL, checked, and the proxies and certificates that lead there."""

from __future__ import annotations

import os
from ipaddress import ip_address
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies

from airflow_dataflow_ext.api.errors import InvalidInputError


def check_root(url: str, source: str) -> str:
    """A root URL that a token may be sent to: https anywhere, plain http on this machine only.

    :param source: where the URL was set, for the message.
    :raises InvalidInputError: it is neither.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("http", "https") or parts.query or parts.fragment or parts.username:
        raise InvalidInputError(f"{source} must be an address such as https://dataflow.googleapis.com, not {url!r}")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise InvalidInputError(
            f"{source}: plain http would show the token to the network, and is allowed for this machine only; {url!r} is elsewhere"
        )
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def session_for(root: str) -> requests.Session:
    """A session whose proxies and certificates come from the environment once, not at each call.

    ``trust_env`` itself would also let an entry of ``~/.netrc`` replace the bearer token.
    """
    session = requests.Session()
    session.trust_env = False
    session.proxies = get_environ_proxies(root)
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    return session
