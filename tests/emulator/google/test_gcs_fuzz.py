"""Requests that make no sense, many and from a seed: each gets an answer, and none that is refused changes anything."""

from __future__ import annotations

import http.client
import json
import random
import re
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from airflow_dataflow_ext.emulator.google.gcs import GcsServer
from airflow_dataflow_ext.emulator.google.gcs_schema import document, methods
from tests.emulator.google.wire import BUCKET, OBJECTS, Wire

SEED, REQUESTS = 20260711, 1000
GOOD_NAMES = ["o", "keep", "keep/sub", "/lead", "p//q"]
BAD_NAMES = ["ü", "gone", "x" * 1025, "..", "a\nb", "%zz", "\ud800", ""]
GOOD_TEXTS = ["0", "1", "true", "false", "o", "p", "/", "keep", "name", "media", "json", "multipart", "resumable", "full"]
BAD_TEXTS = [*BAD_NAMES, "-1", "None", " 5 ", "１", "9" * 25, "[", "{a", "name(", "((((" * 100, "*/*"]
VALUES: list[Any] = [
    *(None, True, 0, -1, 2**70, 1.5, float("nan"), "", "x", "\ud800"),
    *([], [None], {}, {"a": "b"}, {"a": {"b": [1]}}, "2026-01-01T00:00:00Z"),
]
HEADERS = {
    "Content-Type": ["application/json", "multipart/related; boundary='B'", "multipart/mixed; boundary=B", "multipart/related", "x\tx", ""],
    "Content-Range": ["bytes 0-1/2", "bytes */*", "bytes */0", "bytes 9-0/1", "bytes", "bytes 0-99999999999999999999/1"],
    "Content-Encoding": ["gzip", "br", "identity"],
    "Range": ["bytes=0-", "bytes=-1", "bytes=99-", "bytes=a", "bytes=" + "9" * 40 + "-"],
    "X-Goog-Hash": ["crc32c=AAAAAA==", "md5=x", "=", ",,,"],
    "X-Upload-Content-Length": ["-1", "x", "5"],
    "Accept-Encoding": ["gzip", "identity"],
    "Authorization": ["Bearer x", "Basic \u00ff"],
    "If-Match": ["*", '"x"'],
    "If-None-Match": ["*", "W/x,"],
    "x-goog-if-generation-match": ["0", "x"],
    "Expect": ["100-continue", "x"],
    "Host": ["localhost", "a b", "evil\u00ff"],
}
PARTS = b'--B\r\n\r\n{"name": "o"}\r\n--B\r\n\r\nx\r\n--B--'
BODIES = [b"", b"x", b"{}", b"null", b"[" * 100_000, b'{"a":' * 3000, b"\xff\xfe", PARTS, PARTS[:-3], b'{"name": NaN}']


class Dice:
    """Makes requests: mostly right ones, with something wrong in them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        known = [method for method in methods() if method.id.startswith(("storage.buckets.", "storage.objects."))]
        played = [method for method in known if not re.search("Iam|estore|relocate|lock|view", method.id)]
        self._methods = played * 9 + known

    def request(self) -> tuple[str, str, bytes | None, dict[str, str]]:
        pick, method = self._random.choice, self._random.choice(self._methods)
        names = {name: quote(self._text(GOOD_NAMES, BAD_NAMES), safe="") for name in method.placeholders}
        names |= {name: BUCKET for name in names if "ucket" in name and self._happens(0.9)}
        start = pick(["/storage/v1/"] * 8 + ["/upload/storage/v1/", "/resumable/upload/storage/v1/", "/download/storage/v1/", "/"])
        asked = [*(name for name in method.query if self._happens(0.1)), *(name for name in ("alt", "fields") if self._happens(0.05))]
        asked += ["project"] if "project" in method.query else []
        asked += ["uploadType", "name"] if "upload" in start else []
        target = f"{start}{method.path.format(**names)}?{urlencode({name: self._text(GOOD_TEXTS, BAD_TEXTS) for name in asked})}"
        verb = method.verb if self._happens(0.9) else pick(["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "FOO"])
        headers = {name: pick(values) for name, values in HEADERS.items() if self._happens(0.03)}
        return verb, target, self._body(method.body), headers

    def _happens(self, chance: float) -> bool:
        return self._random.random() < chance

    def _text(self, good: list[str], bad: list[str]) -> bytes:
        return self._random.choice(good if self._happens(0.85) else bad).encode("utf-8", "surrogatepass")

    def _body(self, schema: str | None) -> bytes | None:
        if schema is None or self._happens(0.3):
            return self._random.choice([None, *BODIES])
        fields = document()["schemas"][schema].get("properties", {})
        return json.dumps({name: self._random.choice(VALUES) for name in fields if self._happens(0.04)}).encode()


def state(server: GcsServer) -> object:
    """All that the store knows."""
    store = server.objects.store
    return [(bucket, store.generations(bucket.name, old=True)) for bucket in store.buckets()]


@pytest.fixture
def full(server: GcsServer, ask: Wire) -> Wire:
    for name in ("o", "keep", "keep/sub", "/lead", "p//q"):
        server.objects.write(f"gs://{BUCKET}/{name}", name.encode())
    ask.object("PATCH", "keep", {"contentEncoding": "gzip"})
    return ask


def answered(url: str, request: tuple[str, str, bytes | None, dict[str, str]]) -> tuple[int, bytes]:
    """Status and body.

    :raises http.client.HTTPException: the connection was dropped.
    """
    verb, target, content, headers = request
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        connection.putrequest(verb, target, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in {"Content-Length": str(len(content or b"")), **headers}.items():
            connection.putheader(name, value.encode("latin-1"))
        connection.endheaders(content)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def test_no_request_is_dropped_or_fails_the_server_or_changes_what_it_may_not(
    server: GcsServer, full: Wire, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    dice, counts = Dice(SEED), Counter[int]()
    for number in range(REQUESTS):
        before, request = state(server), dice.request()
        status, content = answered(server.url, request)
        counts[status] += 1
        assert status < 500 or status == 501, (number, request, status, content[:300])
        assert state(server) == before or status < 300, (number, request, status)
        server.objects.write(f"gs://{BUCKET}/o", b"o")
    assert {200, 204, 400, 404, 409, 501} <= set(counts), counts
    assert "Traceback" not in capfd.readouterr().err
    assert [record.getMessage() for record in caplog.records] == []


RAW = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"nonsense\r\n\r\n",
    b"GET /storage/v1/b HTTP/9.9\r\nHost: x\r\n\r\n",
    b"POST /storage/v1/b?project=p HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /storage/v1/b?project=p HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    b"POST /storage/v1/b?project=p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"GET /storage/v1/b?project=\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET //storage//v1/b HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://[x/storage/v1/b HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /storage/v1/b HTTP/1.1\r\nHost: x\r\nbroken header\r\n\r\n",
]


@pytest.mark.parametrize("raw", RAW)
def test_what_is_hardly_http_gets_an_answer(
    server: GcsServer, full: Wire, raw: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    before = full.everything()
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall(raw)
        first = connection.recv(65536)
    assert first.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert full.everything() == before
    assert "Traceback" not in capfd.readouterr().err
    assert caplog.records == []


def test_a_body_that_ends_early_changes_nothing(server: GcsServer, full: Wire) -> None:
    before = full.everything()
    head = f"POST /upload{OBJECTS}?uploadType=media&name=o HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nshort"
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall(head.encode())
    assert full.everything() == before


LARGE: dict[str, Callable[[Wire], int]] = {
    "a name": lambda ask: ask("POST", "/storage/v1/b", {"name": "x" * 10_000_000}, project="p").status,
    "a label": lambda ask: ask("PATCH", f"/storage/v1/b/{BUCKET}", {"labels": {"a": ["x" * 10_000_000]}}).status,
    "metadata": lambda ask: ask.object("PATCH", "o", {"metadata": {"a": "x" * 10_000_000}}).status,
}


@pytest.mark.parametrize("what", LARGE)
def test_a_refusal_of_something_large_is_short(full: Wire, what: str) -> None:
    before = full.everything()
    assert LARGE[what](full) == 400
    assert full.everything() == before
