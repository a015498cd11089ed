"""Several calls in one request.

Source: https://cloud.google.com/storage/docs/batch
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from airflow_dataflow_ext.emulator.google.call import Asked, read_target
from airflow_dataflow_ext.emulator.google.gcs_errors import refuse_json
from airflow_dataflow_ext.emulator.google.multipart import Part, read_headers, read_parts, write_parts
from airflow_dataflow_ext.emulator.http.errors import ApiError
from airflow_dataflow_ext.emulator.http.router import Outgoing

MOST_CALLS = 100
_REQUEST_LINE = re.compile(rb"\s*([A-Z]{3,7}) (\S+)(?: HTTP/1\.[01])?[ \t]*(?:\r?\n|\Z)")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n|\Z")


def answer_batch(asked: Asked, answer: Callable[[Asked], Outgoing]) -> Outgoing:
    """The answers of all calls, in their order.

    :param answer: answers one call, possibly with a refusal.
    :raises ApiError: 400 if the body is not a batch; none of its calls has been carried out.
    """
    parts = read_parts(asked.headers.get("content-type", ""), asked.content)
    if len(parts) > MOST_CALLS:
        raise ApiError(400, f"The batch has {len(parts)} calls; at most {MOST_CALLS} are allowed.", reason="badRequest")
    calls = [_read_call(asked, part) for part in parts]
    answers = [_answer_one(call, answer) for call in calls]
    boundary = f"batch_{secrets.token_hex(16)}"
    written = [_written(part, outgoing) for part, outgoing in zip(parts, answers, strict=True)]
    return Outgoing(content=write_parts(boundary, written), content_type=f"multipart/mixed; boundary={boundary}")


def _read_call(asked: Asked, part: Part) -> Asked:
    line = _REQUEST_LINE.match(part.content)
    if line is None:
        raise ApiError(400, "Failed to parse batch request: a part does not begin with a request line.", reason="badRequest")
    rest = part.content[line.end() :]
    blank = _BLANK_LINE.search(rest)
    assert blank is not None, "the pattern matches the end"
    headless = rest.startswith((b"\r\n", b"\n"))
    headers = {} if headless else read_headers(rest[: blank.start()])
    content = rest.removeprefix(b"\r").removeprefix(b"\n") if headless else rest[blank.end() :]
    of_the_batch = {name: asked.headers[name] for name in ("authorization",) if name in asked.headers}
    path, query = read_target(line[2].decode("utf-8", "replace"))
    return replace(asked, verb=line[1].decode(), path=path, query=query, headers=of_the_batch | headers, content=content)


def _answer_one(call: Asked, answer: Callable[[Asked], Outgoing]) -> Outgoing:
    if not call.path.startswith("/storage/v1/") or call.query.get("alt") == "media":
        return refuse_json(ApiError(400, "A batch must not contain uploads, downloads or other batches.", reason="badRequest"))
    return answer(call)


def _written(part: Part, outgoing: Outgoing) -> Part:
    headers = {"Content-Type": outgoing.content_type, **outgoing.headers, "Content-Length": str(len(outgoing.content))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    text = f"HTTP/1.1 {outgoing.status} {HTTPStatus(outgoing.status).phrase}\r\n{lines}\r\n".encode() + outgoing.content
    own = {"Content-Type": "application/http"}
    if content_id := part.headers.get("content-id"):
        own["Content-ID"] = f"<response-{content_id.removeprefix('<')}" if content_id.startswith("<") else f"response-{content_id}"
    return Part(headers=own, content=text)
