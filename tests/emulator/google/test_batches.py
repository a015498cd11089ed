"""Several calls in one request."""

from __future__ import annotations

import pytest
from google.api_core.exceptions import NotFound
from google.cloud import storage

from airflow_dataflow_ext.emulator import Emulator
from tests.emulator.google.wire import BUCKET, OBJECTS, Answer, Wire


def test_a_client_deletes_and_changes_many_objects_at_once(client: storage.Client, bucket: storage.Bucket) -> None:
    for name in "abcd":
        bucket.blob(name).upload_from_string(name)
    patched = bucket.blob("c")
    with client.batch():
        bucket.delete_blob("a")
        bucket.delete_blob("b")
        patched.metadata = {"k": "v"}
        patched.patch()
        read = bucket.get_blob("d")
    assert [blob.name for blob in bucket.list_blobs()] == ["c", "d"]
    assert (patched.metageneration, read.size) == (2, 1)


def delete_at_once(client: storage.Client, bucket: storage.Bucket, *names: str) -> None:
    with client.batch():
        for name in names:
            bucket.delete_blob(name)


def test_each_call_of_a_batch_has_its_own_end(client: storage.Client, bucket: storage.Bucket) -> None:
    bucket.blob("a").upload_from_string("x")
    with pytest.raises(NotFound, match="No such object: a-bucket/gone"):
        delete_at_once(client, bucket, "gone", "a")
    assert list(bucket.list_blobs()) == []


def batch(ask: Wire, *calls: str) -> Answer:
    body = "".join(f"--B\r\nContent-Type: application/http\r\nContent-ID: <id+{n}>\r\n\r\n{call}\r\n" for n, call in enumerate(calls))
    return ask("POST", "/batch/storage/v1", f"{body}--B--".encode(), {"Content-Type": "multipart/mixed; boundary=B"})


def test_the_answers_of_a_batch_come_in_order_and_with_their_ids(ask: Wire) -> None:
    ask.upload("o")
    calls = (
        f"GET {OBJECTS}/o?fields=name HTTP/1.1\r\n\r\n",
        f"DELETE {OBJECTS}/o?ifGenerationMatch=1 HTTP/1.1\r\n",
        "HEAD /storage/v1/b/gone",
    )
    answer = batch(ask, *calls)
    assert answer.headers["content-type"].startswith("multipart/mixed; boundary=batch_")
    texts = answer.content.decode().split("Content-ID: ")[1:]
    assert [text[:15] for text in texts] == ["<response-id+0>", "<response-id+1>", "<response-id+2>"]
    assert ["HTTP/1.1 200 OK" in texts[0], '{"name":"o"}' in texts[0], "HTTP/1.1 412" in texts[1], "HTTP/1.1 404" in texts[2]] == [True] * 4
    assert ask.names() == ["o"]


def test_a_batch_with_a_body_changes_what_it_says(ask: Wire) -> None:
    ask.upload("o")
    call = f'PATCH http://localhost{OBJECTS}/o HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{{"metadata": {{"a": "b"}}}}'
    assert b"HTTP/1.1 200" in batch(ask, call).content
    assert ask.object("GET", "o").json()["metadata"] == {"a": "b"}


@pytest.mark.parametrize(
    "call",
    [
        f"POST /upload{OBJECTS}?uploadType=media&name=new HTTP/1.1\r\n\r\nx",
        f"GET {OBJECTS}/o?alt=media HTTP/1.1\r\n",
        "POST /batch/storage/v1 HTTP/1.1\r\n",
        f"GET /{BUCKET}/o HTTP/1.1\r\n",
    ],
)
def test_a_batch_holds_no_contents(ask: Wire, call: str) -> None:
    ask.upload("o")
    assert b"HTTP/1.1 400" in batch(ask, call).content
    assert ask.names() == ["o"]


@pytest.mark.parametrize(
    "calls", [("",), ("what?",), (f"DELETE {OBJECTS}/o HTTP/1.1\r\nno header\r\n\r\n",), (f"DELETE {OBJECTS}/o",) * 101]
)
def test_a_batch_that_cannot_be_read_does_nothing(ask: Wire, calls: tuple[str, ...]) -> None:
    ask.upload("o")
    assert batch(ask, f"DELETE {OBJECTS}/o HTTP/1.1\r\n", *calls).status == 400
    assert ask.names() == ["o"]


def test_a_batch_needs_the_token_that_its_calls_need() -> None:
    with Emulator(gcs_port=0, auth="required") as emulator:
        emulator.objects.write(f"gs://{BUCKET}/o", b"x")
        assert batch(Wire(emulator.gcs_url), f"DELETE {OBJECTS}/o HTTP/1.1\r\n").status == 401
        assert emulator.objects.read(f"gs://{BUCKET}/o") == b"x"
