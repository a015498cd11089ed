"""A service's root URL, and the proxies and certificates for it."""

from __future__ import annotations

import functools
import os
import re
import ssl
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import httpx

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.texts import shown

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Method


def check_root(url: str, source: str) -> str:
    """Check a root URL to which tokens will be sent: https, or plain http on this machine.

    :param source: where the URL was set, for the error message.
    :raises InvalidInputError: it is neither.
    """
    url = url.strip()
    host = _host_of(url)
    if not host:
        public = re.sub(r"(?<=//)[^/?#]*@", "", url)  # without the password
        what = "must be an address that begins with https://, or on this machine with http://, without a user"
        raise InvalidInputError(f"{source} {what}, not {shown(public)}")
    if not url.lower().startswith("https:") and not is_loopback(host):
        raise InvalidInputError(
            f"{source}: plain http would show the token to the network, and is allowed for this machine only; {shown(url)} is elsewhere"
        )
    return url.rstrip("/")


def _host_of(url: str) -> str:
    """The host of an address that can be a root URL; empty for another."""
    try:
        parts = urlsplit(url)
        is_wrong = parts.scheme not in ("http", "https") or parts.query or parts.fragment or parts.username or parts.port == 0
    except ValueError:  # the port is no number, or above 65535, or the host a wrong IPv6 address
        return ""
    return "" if is_wrong or re.search(r"\s", url) else parts.hostname or ""


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def asked(root: str | Callable[[Method], str]) -> Callable[[Method], str]:
    """A function that returns a method's root URL with a slash at its end, made from a URL or from a function."""
    if isinstance(root, str):
        return lambda _: root.rstrip("/") + "/"
    return lambda method: root(method).rstrip("/") + "/"


def client_for(root: str, proxy: str | None = None, **options: Any) -> httpx.Client:
    """A client for one root URL, whose proxy and certificates are read from the environment once, not at each call.

    It uses httpx, which every task process has already imported for Airflow's own client.

    :param proxy: the proxy of the connection; the environment's by default.
    :param options: arguments of ``httpx.Client``.
    """
    return httpx.Client(verify=certificates_for(root), proxy=proxy or proxy_for(root), trust_env=False, **options)


def failure(error: httpx.RequestError, proxy: str | None = None) -> str:
    """What happened to a request, and where it was sent, which httpx does not say.

    :param proxy: the proxy of the connection; the environment's by default.
    """
    url = error.request.url
    proxy = proxy or proxy_for(str(url))
    through = f" through the proxy {urlsplit(proxy).netloc.rpartition('@')[2]}" if proxy else ""  # without the password
    return f"{type(error).__name__}: {error} ({url.netloc.decode()}{through})"


def certificates_for(root: str) -> ssl.SSLContext:
    """The TLS context for a root URL; for plain http, it loads no certificate authorities."""
    bundle = ca_bundle() or certifi.where() if root.startswith("https:") else None
    return _context(bundle, os.stat(bundle).st_mtime_ns if bundle else 0)


@functools.cache
def _context(bundle: str | None, changed: int) -> ssl.SSLContext:  # noqa: ARG001 - a bundle that has changed is loaded again
    """A TLS context with these certificate authorities; to load them takes longer than a call."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if bundle is not None:
        context.load_verify_locations(capath=bundle) if os.path.isdir(bundle) else context.load_verify_locations(bundle)
    return context


def ca_bundle() -> str | None:
    """The file of certificate authorities that the environment names, or None for the default ones."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or None


def proxy_for(root: str) -> str | None:
    """The proxy that the environment names for a root URL, or None; ``NO_PROXY`` may name hosts, domains and networks (10.0.0.0/8)."""
    parts, proxies = urlsplit(root), getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc) or _in_a_network(parts.hostname or "", proxies.get("no", "").split(",")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _in_a_network(host: str, networks: list[str]) -> bool:
    try:
        return any(ip_address(host) in ip_network(network.strip(), strict=False) for network in networks if "/" in network)
    except ValueError:
        return False
