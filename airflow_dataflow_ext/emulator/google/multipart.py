"""Multipart bodies: reading those of clients, and writing those of batches.

Source: https://www.rfc-editor.org/rfc/rfc2046#section-5.1
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from airflow_dataflow_ext.emulator.http.errors import ApiError

_BOUNDARY = re.compile(r""";\s*boundary\s*=\s*(?:"([^"]+)"|([^;\s]+))""", re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a body.

    :param headers: headers, with names in lower case.
    """

    headers: Mapping[str, str]
    content: bytes


def read_parts(content_type: str, content: bytes) -> list[Part]:
    """The parts of a body, separated by the boundary in its content type.

    Some clients put single quotes around the boundary that do not belong to it, so both forms are tried.

    :raises ApiError: 400 if there is no boundary, or the body has no such parts.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise _malformed("the content type has no boundary")
    boundary = found[1] or found[2]
    for candidate in dict.fromkeys((boundary, boundary.strip("'"))):
        parts = _split(candidate.encode("utf-8", "surrogateescape"), content)
        if parts is not None:
            return [_read_part(part) for part in parts]
    raise _malformed("its parts are not separated or not ended by the boundary of the content type")


def _split(boundary: bytes, content: bytes) -> list[bytes] | None:
    """The contents between the boundary lines, up to the closing one; None if that is missing."""
    line = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    parts: list[bytes] = []
    begun: int | None = None
    for found in line.finditer(content):
        if begun is not None:
            parts.append(content[begun : found.start()])
        if found[1]:
            return parts if parts else None
        begun = found.end()
    return None


def _read_part(text: bytes) -> Part:
    """A part from its text, which consists of the end of the boundary line, the headers, a blank line, and the content."""
    blank = _BLANK_LINE.search(text)
    if blank is None:
        raise _malformed("a part has no blank line between its headers and its content")
    return Part(headers=read_headers(text[: blank.start()]), content=text[blank.end() :])


def read_headers(text: bytes) -> dict[str, str]:
    """Headers, with names in lower case.

    :raises ApiError: 400 if a line is not a header.
    """
    headers: dict[str, str] = {}
    for line in text.decode("utf-8", "replace").splitlines():
        if not line.strip():
            continue
        found = _HEADER.fullmatch(line.strip())
        if found is None:
            raise _malformed(f"{line[:100]!r} is not a header")
        headers[found[1].lower()] = found[2].strip()
    return headers


def write_parts(boundary: str, parts: Iterable[Part]) -> bytes:
    """A body of these parts."""
    written = []
    for part in parts:
        headers = "".join(f"{name}: {value}\r\n" for name, value in part.headers.items())
        written.append(f"--{boundary}\r\n{headers}\r\n".encode() + part.content + b"\r\n")
    return b"".join(written) + f"--{boundary}--\r\n".encode()


def _malformed(why: str) -> ApiError:
    return ApiError(400, f"Malformed multipart body: {why}.", reason="badContent")
