"""The storage emulator as a whole: what the emulator's own code and a client see of each other, the port, the tokens, the disk."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from google.cloud import storage

from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.google.gcs import GcsServer, StorageError
from tests.emulator.google.wire import BUCKET, OBJECTS, Wire


def test_what_a_client_uploads_our_code_reads(server: GcsServer, bucket: storage.Bucket) -> None:
    bucket.blob("a/b.txt").upload_from_string("hello")
    assert server.objects.read(f"gs://{BUCKET}/a/b.txt") == b"hello"


def test_what_our_code_writes_a_client_reads(server: GcsServer, client: storage.Client) -> None:
    server.objects.write("gs://b/with space/ü.txt", b"\x00\xff")
    blob = client.bucket("b").get_blob("with space/ü.txt")
    assert blob is not None
    assert blob.download_as_bytes() == b"\x00\xff"


@pytest.mark.parametrize("path", ["gs://b/gone", "gs://no-such-bucket/gone", "gs://b"])
def test_an_object_that_is_not_there_reads_as_none(server: GcsServer, path: str) -> None:
    server.objects.write("gs://b/here", b"")
    assert server.objects.read(path) is None
    assert server.objects.list("gs://no-such-bucket/") == []


def test_a_path_that_is_none_is_named_in_the_error(server: GcsServer) -> None:
    with pytest.raises(StorageError, match="s3://b/o"):
        server.objects.read("s3://b/o")
    with pytest.raises(StorageError, match="names a bucket only"):
        server.objects.write("gs://b", b"")
    with pytest.raises(StorageError, match="maximum object length is 1024"):
        server.objects.write("gs://b/" + "x" * 1025, b"")


def test_a_client_that_says_nothing_stops_nobody(server: GcsServer, bucket: storage.Bucket) -> None:
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        bucket.blob("o").upload_from_string("x", timeout=5)
    assert server.objects.read(f"gs://{BUCKET}/o") == b"x"


def test_many_writers_at_once_lose_nothing(server: GcsServer, ask: Wire) -> None:
    with ThreadPoolExecutor(8) as writers:
        inside = writers.map(lambda number: server.objects.write(f"gs://{BUCKET}/{number:03}", b"x"), range(200))
        outside = writers.map(lambda number: ask.upload(f"{number:03}").status, range(200, 300))
        assert (list(inside), set(outside)) == ([None] * 200, {200})
    found = server.objects.store.generations(BUCKET)
    assert [item.name for item in found] == [f"{number:03}" for number in range(300)]
    assert len({item.generation for item in found}) == 300


def test_a_port_in_use_is_a_clear_error(server: GcsServer) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(StorageError, match=f"127.0.0.1:{port}: Address already in use"):
        GcsServer(port=port)


def test_no_path_empties_the_store_without_a_word(server: GcsServer, ask: Wire) -> None:
    server.objects.write("gs://b/o", b"x")
    answers = {ask(verb, path).status for verb in ("GET", "POST", "DELETE") for path in ("/wipe", "/wipe/", "/", "/_emulator/wipe")}
    assert answers == {404}
    assert server.objects.read("gs://b/o") == b"x"


@pytest.mark.parametrize(("auth", "without", "with_a_bad_one"), [("optional", 200, 401), ("required", 401, 401), ("off", 200, 200)])
def test_storage_asks_for_the_token_that_the_other_services_ask_for(auth: str, without: int, with_a_bad_one: int) -> None:
    with Emulator(gcs_port=0, auth=auth) as emulator:
        ask, bad, good = Wire(emulator.gcs_url), {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {emulator.tokens.issue()}"}
        emulator.objects.make_bucket(BUCKET)
        assert ask("GET", OBJECTS).status == without
        assert ask("GET", OBJECTS, headers=bad).status == with_a_bad_one
        assert ask("GET", OBJECTS, headers=good).status == 200
        assert ask("PUT", "/a-bucket/o", b"x", bad).status == with_a_bad_one


def test_the_pipelines_of_the_beam_engine_reach_storage_without_a_token() -> None:
    with Emulator(engine="beam", auth="required") as emulator:
        emulator.objects.make_bucket(BUCKET)
        ask, good = Wire(emulator.gcs_url), {"Authorization": f"Bearer {emulator.tokens.issue()}"}
        assert [ask("GET", OBJECTS).status, ask("GET", OBJECTS, headers=good).status] == [200, 200]
        assert ask("GET", OBJECTS, headers={"Authorization": "Bearer x"}).status == 401
        emulator.tokens.expire()
        assert ask("GET", OBJECTS, headers=good).status == 401


def test_a_refused_token_has_the_services_own_body() -> None:
    with Emulator(gcs_port=0, auth="required") as emulator:
        answer = Wire(emulator.gcs_url)("GET", OBJECTS)
    assert (answer.json()["error"]["code"], answer.reason) == (401, "authError")


def restarted(directory: Path) -> GcsServer:
    server = GcsServer(data_dir=directory)
    server.start()
    return server


NAMES = ["keep", "keep/sub", "lead", "/lead", "p/q", "p//q", "ü" * 512, "..a/../b", "x" * 300]


def test_objects_on_disk_survive_a_restart(tmp_path: Path) -> None:
    server = restarted(tmp_path)
    for name in NAMES:
        server.objects.write(f"gs://b/{name}", name.encode())
    Wire(server.url)("PATCH", "/storage/v1/b/b/o/keep", {"metadata": {"a": "b"}})
    before = Wire(server.url).everything().replace(server.url, "")
    server.stop()
    server = restarted(tmp_path)
    assert Wire(server.url).everything().replace(server.url, "") == before
    assert [server.objects.read(f"gs://b/{name}") for name in NAMES] == [name.encode() for name in NAMES]
    server.stop()


def test_what_was_deleted_on_disk_stays_deleted(tmp_path: Path) -> None:
    server = restarted(tmp_path)
    for bucket in ("bbb", "ccc"):
        server.objects.write(f"gs://{bucket}/o", b"1")
        server.objects.write(f"gs://{bucket}/o", b"2")
        assert Wire(server.url)("DELETE", f"/storage/v1/b/{bucket}/o/o").status == 204
    assert Wire(server.url)("DELETE", "/storage/v1/b/bbb").status == 204
    server.stop()
    server = restarted(tmp_path)
    assert [bucket.name for bucket in server.objects.store.buckets()] == ["ccc"]
    assert server.objects.list("gs://ccc/") == []
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["bucket.json"]
    server.stop()


def test_of_an_overwrite_that_was_cut_off_the_newer_generation_counts(tmp_path: Path) -> None:
    server = restarted(tmp_path)
    server.objects.write("gs://b/o", b"old")
    kept = {file: file.read_bytes() for file in tmp_path.rglob("*.*.*")}
    server.objects.write("gs://b/o", b"new")
    server.stop()
    for file, content in kept.items():
        file.write_bytes(content)
    (next(iter(kept)).parent / "half.written.content.part").write_bytes(b"ha")
    server = restarted(tmp_path)
    assert server.objects.read("gs://b/o") == b"new"
    assert [item.size for item in server.objects.store.generations("b", old=True)] == [3]
    server.stop()


def test_a_record_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    server = restarted(tmp_path)
    server.objects.write("gs://b/o", b"x")
    server.stop()
    record = next(tmp_path.rglob("bucket.json"))
    record.write_text("{")
    with pytest.raises(StorageError, match=f"cannot read {record}"):
        GcsServer(data_dir=tmp_path)


def test_a_disk_that_takes_nothing_is_a_503_and_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = restarted(tmp_path)
    server.objects.write(f"gs://{BUCKET}/o", b"x")
    ask = Wire(server.url)
    before = ask.everything()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        answers = [
            ask.upload("o", b"y"),
            ask.object("PATCH", "o", {"metadata": {"a": "b"}}),
            ask("POST", "/storage/v1/b", {"name": "new"}, project="p"),
        ]
    assert [answer.status for answer in answers] == [503, 503, 503]
    assert "No space left on device" in json.loads(answers[0].content)["error"]["message"]
    assert ask.everything() == before
    server.stop()
