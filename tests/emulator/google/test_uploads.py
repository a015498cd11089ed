"""Uploads: as a whole, with metadata in parts, and chunk by chunk; and what is refused of them."""

from __future__ import annotations

import gzip
import io

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import storage

from airflow_dataflow_ext.emulator.google.gcs import GcsServer
from airflow_dataflow_ext.emulator.google.uploads import CHUNK
from tests.emulator.google.wire import BUCKET, OBJECTS, Answer, Wire

UPLOAD = f"/upload{OBJECTS}"


def parts(*contents: bytes, boundary: bytes = b"B", line: bytes = b"\r\n") -> bytes:
    """A multipart body; each content comes with its headers."""
    return b"".join(b"--" + boundary + line + content + line for content in contents) + b"--" + boundary + b"--" + line


def json_part(text: bytes, line: bytes = b"\r\n") -> bytes:
    return b"Content-Type: application/json" + line + line + text


@pytest.mark.parametrize("said", ["B", '"B"', "'B'", "B; charset=utf-8"])
@pytest.mark.parametrize("line", [b"\r\n", b"\n"])
def test_a_body_in_parts_is_read_however_its_boundary_is_quoted(ask: Wire, said: str, line: bytes) -> None:
    content = b"\r\n--Bx\r\n\x00--B\n"
    body = parts(json_part(b'{"name": "o"}', line), b"Content-Type: text/x" + line + line + content, line=line)
    answer = ask("POST", UPLOAD, body, {"Content-Type": f"multipart/related; boundary={said}"}, uploadType="multipart")
    assert (answer.status, answer.json()["contentType"]) == (200, "text/x")
    assert ask.object("GET", "o", alt="media").content == content


def test_a_boundary_whose_single_quotes_are_its_own_is_read(ask: Wire) -> None:
    body = parts(json_part(b'{"name": "o"}'), b"\r\nx", boundary=b"'B'")
    assert ask("POST", UPLOAD, body, {"Content-Type": "multipart/related; boundary='B'"}, uploadType="multipart").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        parts(json_part(b'{"name": "o"}')),
        parts(json_part(b'{"name": "o"}'), b"\r\nx", b"\r\ny"),
        parts(json_part(b'{"name": "o"}'), b"\r\nx")[:-8],
        parts(json_part(b'{"name": "o"'), b"\r\nx"),
        parts(json_part(b'{"name": NaN}'), b"\r\nx"),
        parts(b"no header\r\n\r\n{}", b"\r\nx"),
        parts(json_part(b'{"name": "o"}'), b"\r\nx", boundary=b"C"),
    ],
)
def test_parts_that_cannot_be_read_make_no_object(ask: Wire, body: bytes) -> None:
    assert ask("POST", UPLOAD, body, {"Content-Type": "multipart/related; boundary=B"}, uploadType="multipart", name="o").status == 400
    assert ask("POST", UPLOAD, body, {"Content-Type": "multipart/related"}, uploadType="multipart", name="o").status == 400
    assert ask.names() == []


@pytest.mark.parametrize("query", [{}, {"uploadType": "other"}, {"uploadType": "media"}])
def test_an_upload_that_does_not_say_how_or_what_is_refused(ask: Wire, query: dict[str, str]) -> None:
    assert ask("POST", UPLOAD, b"x", **query).status == 400
    assert ask("POST", OBJECTS, {"name": "o"}).reason == "wrongUrlForUpload"
    assert ask.names() == []


@pytest.mark.parametrize("size", [0, 1, CHUNK, 3 * CHUNK, 3 * CHUNK + 1])
def test_a_file_of_unknown_length_goes_up_in_chunks(bucket: storage.Bucket, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    blob = bucket.blob("large", chunk_size=CHUNK)
    with blob.open("wb", ignore_flush=True) as file:
        file.write(content)
    assert bucket.blob("large").download_as_bytes() == content


def test_a_file_of_known_length_goes_up_in_chunks(bucket: storage.Bucket) -> None:
    content = b"0123456789abcdef" * (CHUNK // 8)
    bucket.blob("large", chunk_size=CHUNK).upload_from_file(io.BytesIO(content), size=len(content), checksum="crc32c")
    assert bucket.blob("large").download_as_bytes(checksum="crc32c") == content


def begun(ask: Wire, start: str = UPLOAD, **query: object) -> str:
    """The path of a new upload session."""
    answer = ask("POST", start, {"name": "o"}, {"X-Upload-Content-Type": "text/x"}, uploadType="resumable", **query)
    assert answer.status == 200
    location = answer.headers["location"]
    return location[location.index("/upload/") :]


def send(ask: Wire, path: str, range_: str, content: bytes = b"") -> Answer:
    return ask("PUT", path, content, {"Content-Range": f"bytes {range_}"})


def test_each_chunk_is_acknowledged_and_the_last_one_makes_the_object(ask: Wire) -> None:
    path = begun(ask, f"/resumable/upload{OBJECTS}")
    first = send(ask, path, f"0-{CHUNK - 1}/{CHUNK + 3}", b"a" * CHUNK)
    assert (first.status, first.headers["range"], ask.names()) == (308, f"bytes=0-{CHUNK - 1}", [])
    last = send(ask, path, f"{CHUNK}-{CHUNK + 2}/{CHUNK + 3}", b"bcd")
    assert (last.status, last.json()["size"], last.json()["contentType"]) == (200, str(CHUNK + 3), "text/x")
    assert ask.object("GET", "o", alt="media").content == b"a" * CHUNK + b"bcd"


def test_an_upload_says_how_far_it_has_come(ask: Wire) -> None:
    path = begun(ask)
    assert "range" not in send(ask, path, "*/*").headers
    send(ask, path, f"0-{CHUNK + 9}/*", b"a" * (CHUNK + 10))
    status = send(ask, path, "*/*")
    assert (status.status, status.headers["range"]) == (308, f"bytes=0-{CHUNK - 1}")  # whole units are kept
    send(ask, path, f"{CHUNK}-{CHUNK}/{CHUNK + 1}", b"z")
    assert [send(ask, path, "*/*").status, send(ask, path, f"*/{CHUNK + 1}").status] == [200, 200]
    assert ask.object("GET", "o").json()["size"] == str(CHUNK + 1)


def test_a_chunk_that_comes_twice_counts_once(ask: Wire) -> None:
    path = begun(ask)
    for _ in range(2):
        assert send(ask, path, f"0-{CHUNK - 1}/*", b"a" * CHUNK).headers["range"] == f"bytes=0-{CHUNK - 1}"
    assert send(ask, path, f"*/{CHUNK}").json()["size"] == str(CHUNK)


@pytest.mark.parametrize(
    ("range_", "content"),
    [("0-4/9", b"four"), ("5-8/9", b"late"), ("0-9/5", b"x" * 10), ("0-1", b"xx"), ("a-b/c", b"x"), ("5-1/9", b""), ("*/", b"")],
)
def test_a_chunk_that_does_not_fit_changes_nothing(ask: Wire, range_: str, content: bytes) -> None:
    path = begun(ask)
    assert send(ask, path, range_, content).status == 400
    assert (send(ask, path, "*/*").status, ask.names()) == (308, [])
    assert send(ask, path, "0-3/4", b"done").status == 200


def test_an_upload_that_is_abandoned_leaves_nothing(ask: Wire) -> None:
    ask.upload("o", b"old")
    send(ask, begun(ask), f"0-{CHUNK - 1}/*", b"a" * CHUNK)
    assert ask.object("GET", "o", alt="media").content == b"old"


def test_an_upload_that_is_cancelled_is_gone(ask: Wire) -> None:
    path = begun(ask)
    assert ask("DELETE", path).status == 499
    assert [send(ask, path, "0-0/1", b"x").status, ask("DELETE", path).status, ask.names()] == [404, 404, []]


def test_an_upload_older_than_a_week_is_gone(ask: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    path = begun(ask)
    monkeypatch.setattr("airflow_dataflow_ext.emulator.google.uploads._LIFETIME", -1.0)
    assert send(ask, path, "0-0/1", b"x").status == 404


def test_what_an_upload_asked_for_is_checked_when_it_ends(ask: Wire) -> None:
    path = begun(ask, ifGenerationMatch=0)
    ask.upload("o", b"somebody was faster")
    assert send(ask, path, "0-0/1", b"x").status == 412
    assert ask.object("GET", "o", alt="media").content == b"somebody was faster"


@pytest.mark.parametrize("said", [{"crc32c": "AAAAAA=="}, {"md5Hash": "1B2M2Y8AsgTpgAmY7PhCfg=="}])
def test_content_with_another_hash_than_it_was_said_to_have_is_refused(ask: Wire, said: dict[str, str]) -> None:
    path = ask("POST", UPLOAD, {"name": "o", **said}, uploadType="resumable").headers["location"].partition("/upload/")[2]
    header = ",".join(f"{'md5' if name == 'md5Hash' else name}={value}" for name, value in said.items())
    answers = [
        ask("PUT", f"/upload/{path}", b"x"),
        ask.upload("o", b"x", {"X-Goog-Hash": header}),
        ask("PUT", f"/{BUCKET}/o", b"x", {"X-Goog-Hash": header}),
    ]
    assert [answer.status for answer in answers] == [400, 400, 400]
    assert "doesn't match calculated" in answers[0].json()["error"]["message"]
    assert ask.names() == []


def test_a_client_hears_that_its_hash_is_wrong(bucket: storage.Bucket) -> None:
    blob = bucket.blob("o")
    blob.md5_hash = "1B2M2Y8AsgTpgAmY7PhCfg=="
    with pytest.raises(BadRequest, match="Provided MD5 hash"):
        blob.upload_from_string("x", checksum=None)


def test_a_body_that_was_packed_for_the_way_is_stored_unpacked(server: GcsServer, ask: Wire) -> None:
    assert ask.upload("o", gzip.compress(b"plain"), {"Content-Encoding": "gzip"}).status == 200
    assert server.objects.read(f"gs://{BUCKET}/o") == b"plain"


def test_a_body_that_says_gzip_and_is_not_is_refused(ask: Wire) -> None:
    for body in (b"plain", gzip.compress(b"plain")[:-3], gzip.compress(b"x") + b"rest"):
        assert ask.upload("o", body, {"Content-Encoding": "gzip"}).status == 400
    assert ask.names() == []


def test_an_upload_session_belongs_to_its_bucket(server: GcsServer, ask: Wire) -> None:
    server.objects.make_bucket("other")
    path = begun(ask).replace(BUCKET, "other")
    assert send(ask, path, "0-0/1", b"x").status == 404
    assert ask("GET", begun(ask)).status == 405
