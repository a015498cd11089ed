"""Downloads: whole, in ranges, unpacked on the way, and by a plain URL."""

from __future__ import annotations

import gzip

import pytest
from google.api_core.exceptions import RequestRangeNotSatisfiable
from google.cloud import storage

from tests.emulator.google.wire import BUCKET, OBJECTS, Wire

CONTENT = b"0123456789"


@pytest.fixture
def stored(ask: Wire) -> Wire:
    ask.upload("o", CONTENT, {"Content-Type": "text/x"})
    return ask


PATHS = [f"{OBJECTS}/o?alt=media", f"/download{OBJECTS}/o", f"/download{OBJECTS}/o?alt=media", f"/{BUCKET}/o"]


@pytest.mark.parametrize("path", PATHS)
def test_an_object_is_downloaded_by_each_of_its_urls(stored: Wire, path: str) -> None:
    answer = stored("GET", path)
    assert (answer.status, answer.content, answer.headers["content-type"]) == (200, CONTENT, "text/x")
    assert answer.headers["x-goog-hash"] == "crc32c=KAwGng==,md5=eB5eJF1ptWaXm4bijSPyxw=="
    assert answer.headers["x-goog-generation"] == stored.object("GET", "o").json()["generation"]


@pytest.mark.parametrize(
    ("asked", "content", "said"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=4-", b"456789", "bytes 4-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-30", CONTENT, "bytes 0-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_a_range_is_a_part_of_the_object(stored: Wire, path: str, asked: str, content: bytes, said: str) -> None:
    answer = stored("GET", path, headers={"Range": asked})
    assert (answer.status, answer.content, answer.headers["content-range"]) == (206, content, said)


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999-"])
@pytest.mark.parametrize("path", PATHS)
def test_a_range_past_the_end_is_a_416(stored: Wire, path: str, asked: str) -> None:
    answer = stored("GET", path, headers={"Range": asked})
    assert (answer.status, answer.headers["content-range"]) == (416, "bytes */10")


@pytest.mark.parametrize("asked", ["bytes=3-1", "bytes=-", "bytes=a-b", "items=0-1", "bytes=0-1,3-4", "0-1"])
def test_a_range_that_is_none_is_not_heeded(stored: Wire, asked: str) -> None:
    answer = stored.object("GET", "o", headers={"Range": asked}, alt="media")
    assert (answer.status, answer.content) == (200, CONTENT)


def test_a_client_reads_ranges_and_hears_of_the_end(stored: Wire, bucket: storage.Bucket) -> None:
    blob = bucket.blob("o")
    assert blob.download_as_bytes(start=2, end=4) == b"234"
    with blob.open("rb", chunk_size=4) as file:
        file.seek(3)
        assert (file.read(3), file.read()) == (b"345", b"6789")
    with pytest.raises(RequestRangeNotSatisfiable):
        blob.download_as_bytes(start=20)


def test_an_empty_object_can_be_read(bucket: storage.Bucket) -> None:
    bucket.blob("empty").upload_from_string("")
    assert bucket.blob("empty").download_as_bytes() == b""
    with bucket.blob("empty").open("rb") as file:
        assert file.read() == b""


def packed(ask: Wire, **fields: str) -> bytes:
    """The content of an object that is stored packed."""
    content = gzip.compress(b"plain text")
    ask.upload("z", content, contentEncoding="gzip")
    ask.object("PATCH", "z", {"contentType": "text/plain", **fields})
    return content


def test_a_packed_object_is_unpacked_for_who_cannot_unpack(ask: Wire) -> None:
    content = packed(ask)
    answer = ask.object("GET", "z", headers={"Accept-Encoding": "identity", "Range": "bytes=0-3"}, alt="media")
    assert (answer.status, answer.content) == (200, b"plain text")
    assert "content-encoding" not in answer.headers
    assert (answer.headers["x-goog-stored-content-encoding"], answer.headers["x-goog-stored-content-length"]) == ("gzip", str(len(content)))


def test_a_packed_object_stays_packed_for_who_can_unpack(ask: Wire) -> None:
    content = packed(ask)
    answer = ask.object("GET", "z", headers={"Accept-Encoding": "gzip"}, alt="media")
    assert (answer.content, answer.headers["content-encoding"]) == (content, "gzip")
    part = ask.object("GET", "z", headers={"Accept-Encoding": "gzip", "Range": "bytes=0-3"}, alt="media")
    assert (part.status, part.content) == (206, content[:4])


def test_a_packed_object_that_must_not_be_transformed_stays_packed(ask: Wire) -> None:
    content = packed(ask, cacheControl="no-transform")
    assert ask.object("GET", "z", headers={"Accept-Encoding": "identity"}, alt="media").content == content


def test_an_object_that_says_gzip_and_is_not_comes_as_it_is(ask: Wire) -> None:
    ask.upload("z", b"plain", contentEncoding="gzip")
    answer = ask.object("GET", "z", alt="media")
    assert (answer.status, answer.content, answer.headers["content-encoding"]) == (200, b"plain", "gzip")


def test_a_client_downloads_a_packed_object_either_way(ask: Wire, bucket: storage.Bucket) -> None:
    content = packed(ask)
    assert bucket.blob("z").download_as_bytes() == b"plain text"
    assert bucket.blob("z").download_as_bytes(raw_download=True) == content


def test_a_plain_url_is_written_read_and_deleted(ask: Wire) -> None:
    headers = {"Content-Type": "text/x", "X-Goog-Meta-Color": "red", "Cache-Control": "no-store"}
    assert ask("PUT", f"/{BUCKET}/p//q%2Fr", b"x", headers).status == 200
    assert ask.object("GET", "p//q/r").json()["metadata"] == {"color": "red"}
    found = ask("HEAD", f"/{BUCKET}/p//q/r")
    assert (found.status, found.content, found.headers["x-goog-meta-color"], found.headers["cache-control"]) == (
        200,
        b"",
        "red",
        "no-store",
    )
    assert ask("DELETE", f"/{BUCKET}/p//q/r").status == 204
    assert ask.names() == []


@pytest.mark.parametrize(
    ("verb", "path", "headers", "status", "code"),
    [
        ("GET", f"/{BUCKET}/gone", {}, 404, b"NoSuchKey"),
        ("GET", "/no-bucket/o", {}, 404, b"NoSuchBucket"),
        ("PUT", f"/{BUCKET}/o", {"x-goog-if-generation-match": "0"}, 412, b"PreconditionFailed"),
        ("PUT", f"/{BUCKET}/o", {"x-goog-if-generation-match": "zero"}, 400, b"InvalidArgument"),
        ("DELETE", f"/{BUCKET}/o", {"x-goog-if-metageneration-match": "7"}, 412, b"PreconditionFailed"),
        ("PUT", f"/{BUCKET}/o", {"x-goog-storage-class": "HOT"}, 400, b"InvalidArgument"),
        ("PUT", f"/{BUCKET}/{'x' * 1025}", {}, 400, b"InvalidArgument"),
        ("GET", f"/{BUCKET}/o", {"If-None-Match": "*"}, 304, b""),
    ],
)
def test_a_plain_url_is_refused_in_xml(stored: Wire, verb: str, path: str, headers: dict[str, str], status: int, code: bytes) -> None:
    before = stored.everything()
    answer = stored(verb, path, b"new" if verb == "PUT" else None, headers)
    assert answer.status == status
    assert b"<Code>" + code in answer.content or not code
    assert stored.everything() == before
