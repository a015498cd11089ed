"""A request to Cloud Storage: as it came, and matched to its method and typed."""

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
"""Bytes of a body that is unpacked before it is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageCall(Incoming):
    """A request.

    :param verb: the HTTP method, which is not always that of ``method``: the steps of an upload have others.
    :param parameters: the method's query parameters, typed.
    :param origin: scheme and host under which the client knows the service.
    """

    verb: str
    parameters: Mapping[str, Any]
    origin: str


def unpacked(headers: Mapping[str, str], content: bytes) -> bytes:
    """A body as it was before the client compressed it for the way.

    :raises ApiError: 400, it says gzip and is none.
    """
    if headers.get("content-encoding", "").lower() != "gzip":
        return content
    found = gunzip(content, max(LARGEST_JSON, 20 * len(content)))
    if found is None:
        raise ApiError(400, "The request says that its body is gzip, and it is not.", reason="badContent")
    return found


def gunzip(content: bytes, limit: int) -> bytes | None:
    """What was compressed; None where nothing was, or where it has more bytes than the limit."""
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
    """A request before it is known what it means.

    :param path: as it came, still encoded; the query is decoded.
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
    """Path, still encoded, and query, decoded, of a request line; a target that names scheme and host is taken, too.

    :raises ApiError: 400, it is not UTF-8.
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
    """A part of a URL, decoded.

    :raises ApiError: 400, it is not UTF-8.
    """
    try:
        return unquote(text, errors="strict")
    except ValueError as error:
        raise ApiError(400, f"The URL is not valid UTF-8: {text[:100]!a}", reason="invalid") from error
