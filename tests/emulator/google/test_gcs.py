"""The storage emulator as a client of Google's sees it, and as the emulator's own code does."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from airflow_dataflow_ext.emulator.google.gcs import GcsServer, StorageError


@pytest.fixture
def server() -> Iterator[GcsServer]:
    server = GcsServer()
    server.start()
    yield server
    server.stop()


def client_of(server: GcsServer) -> storage.Client:
    return storage.Client(project="p", credentials=AnonymousCredentials(), client_options={"api_endpoint": server.url})


@pytest.fixture
def client(server: GcsServer) -> Iterator[storage.Client]:
    client = client_of(server)
    yield client
    client.close()


def test_what_a_client_uploads_our_code_reads(server: GcsServer, client: storage.Client) -> None:
    client.bucket("made-on-demand").blob("a/b.txt").upload_from_string("hello")
    assert server.objects.read("gs://made-on-demand/a/b.txt") == b"hello"


def test_what_our_code_writes_a_client_reads(server: GcsServer, client: storage.Client) -> None:
    server.objects.write("gs://b/with space/ü.txt", b"\x00\xff")
    blob = client.bucket("b").get_blob("with space/ü.txt")
    assert blob is not None
    assert blob.download_as_bytes() == b"\x00\xff"


def test_a_large_object_goes_up_in_parts_into_a_bucket_that_was_not_there(server: GcsServer, client: storage.Client) -> None:
    blob = client.bucket("new").blob("large", chunk_size=256 * 1024)
    content = bytes(range(256)) * 4096
    with blob.open("wb", ignore_flush=True) as file:
        file.write(content)
    assert server.objects.read("gs://new/large") == content


def test_objects_are_listed_copied_and_deleted(server: GcsServer, client: storage.Client) -> None:
    for name in ("x/1", "x/2", "y"):
        server.objects.write(f"gs://b/{name}", b"")
    bucket = client.bucket("b")
    bucket.copy_blob(bucket.blob("y"), bucket, "x/3")
    with client.batch():
        bucket.delete_blob("x/1")
        bucket.delete_blob("x/2")
    assert [blob.name for blob in client.list_blobs("b", prefix="x/")] == ["x/3"]
    assert server.objects.list("gs://b/") == ["gs://b/x/3", "gs://b/y"]
    assert server.objects.list("gs://no-such-bucket/") == []


@pytest.mark.parametrize("path", ["gs://b/gone", "gs://no-such-bucket/gone", "gs://b"])
def test_an_object_that_is_not_there_reads_as_none(server: GcsServer, path: str) -> None:
    server.objects.write("gs://b/here", b"")
    assert server.objects.read(path) is None


def test_a_path_that_is_none_is_named_in_the_error(server: GcsServer) -> None:
    with pytest.raises(StorageError, match="s3://b/o"):
        server.objects.read("s3://b/o")
    with pytest.raises(StorageError, match="names a bucket only"):
        server.objects.write("gs://b", b"")


def test_a_client_that_says_nothing_stops_nobody(server: GcsServer, client: storage.Client) -> None:
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        client.bucket("b").blob("o").upload_from_string("x", timeout=5)
    assert server.objects.read("gs://b/o") == b"x"


def test_many_writers_at_once_lose_nothing(server: GcsServer) -> None:
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda number: server.objects.write(f"gs://b/{number}", b"x"), range(400)))
    assert len(server.objects.list("gs://b/")) == 400


def test_a_malformed_request_is_answered_and_changes_nothing(server: GcsServer) -> None:
    server.objects.write("gs://b/o", b"x")
    request = urllib.request.Request(
        f"{server.url}/storage/v1/b", data=b"{not json", headers={"Content-Type": "application/json"}, method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    with refused.value as reply:
        assert (reply.status, "Malformed" in json.loads(reply.read())["error"]["message"]) == (400, True)
    assert server.objects.read("gs://b/o") == b"x"


def test_objects_on_disk_survive_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        server = GcsServer(data_dir=tmp_path)
        server.start()
        server.objects.write("gs://b/first", server.objects.read("gs://b/first") or b"kept")
        server.objects.write("gs://b/second", b"")
        server.stop()
    server = GcsServer(data_dir=tmp_path)
    assert server.objects.list("gs://b/") == ["gs://b/first", "gs://b/second"]
    assert server.objects.read("gs://b/first") == b"kept"
    server.stop()


def test_a_port_in_use_is_a_clear_error(server: GcsServer) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(StorageError, match=f"127.0.0.1:{port}: Address already in use"):
        GcsServer(port=port)


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str, *rest: Any) -> Any:
        return None if name == "gcp_storage_emulator" else find_spec(name, *rest)

    monkeypatch.setattr("importlib.util.find_spec", find)
    with pytest.raises(StorageError, match=r"airflow-dataflow-ext\[emulator\]"):
        GcsServer()
