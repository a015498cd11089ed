"""A request to Cloud Storage: as received, and as matched to its method, with typed parameters."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from airflow_dataflow_ext.emulator.http.errors import ApiError
from airflow_dataflow_ext.emulator.http.router import Incoming

LARGEST_JSON = 20 * 1024 * 1024
"""Greatest size of a JSON body after decompression, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageCall(Incoming):
    """A request that is matched to its method.

    :param verb: the HTTP method, which can differ from that of ``method``, as in the steps of an upload.
    :param parameters: the method's query parameters, typed.
    :param origin: scheme and host under which the client knows the service.
    """

    verb: str
    parameters: Mapping[str, Any]
    origin: str


def unpacked(headers: Mapping[str, str], content: bytes) -> bytes:
    """A body, decompressed if the client has compressed it.

    :raises ApiError: 400 if it is not gzip, although its headers say so.
    """
    if headers.get("content-encoding", "").lower() != "gzip":
        return content
    found = gunzip(content, max(LARGEST_JSON, 20 * len(content)))
    if found is None:
        raise ApiError(400, "The request's Content-Encoding is gzip, but its body is not gzip data.", reason="badContent")
    return found


def gunzip(content: bytes, limit: int) -> bytes | None:
    """The decompressed content; None if it is not gzip, or longer than ``limit`` bytes."""
    found = bytearray()
    while content:
        member = zlib.decompressobj(wbits=31)
        try:
            found += member.decompress(content, limit + 1 - len(found))
        except zlib.error:
            return None
        if not member.eof or len(found) > limit:
            return None
        content = member.unused_data
    return bytes(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as received.

    :param path: the encoded path.
    :param query: the decoded query.
    :param headers: names in lower case.
    :param origin: scheme and host under which the client knows the service.
    """

    verb: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    origin: str


def read_target(target: str) -> tuple[str, dict[str, str]]:
    """The encoded path and the decoded query of a request line, which may also contain scheme and host.

    :raises ApiError: 400 if it is not UTF-8.
    """
    path, _, query = target.partition("?")
    path = re.sub(r"^https?://[^/?#]*", "", path)
    return path or "/", {decoded(name): decoded(value) for name, value in _pairs(query)}


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    for pair in query.replace("+", " ").split("&"):
        name, _, value = pair.partition("=")
        if name:
            yield name, value


def decoded(text: str) -> str:
    """A decoded part of a URL.

    :raises ApiError: 400 if it is not UTF-8.
    """
    try:
        return unquote(text, errors="strict")
    except ValueError as error:
        raise ApiError(400, f"The URL is not valid UTF-8: {text[:100]!a}", reason="invalid") from error
