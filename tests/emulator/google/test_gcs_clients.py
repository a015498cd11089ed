"""Clients that nobody here wrote, unchanged: Airflow's hook, Beam, gcloud, and requests in the form of ``gcloud storage cp``."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.google.gcs import GcsServer
from tests.emulator.google.wire import BUCKET, OBJECTS, Wire

if TYPE_CHECKING:
    from airflow.providers.google.cloud.hooks.gcs import GCSHook
    from apache_beam.io.gcp.gcsfilesystem import GCSFileSystem


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[GCSHook]:
    """Airflow's own hook, on an emulator that lets nobody in without a token."""
    from airflow.providers.google.cloud.hooks.gcs import GCSHook

    with Emulator(gcs_port=0, auth="required") as emulator:
        for name, value in emulator.connections().items():
            monkeypatch.setenv(name, value)
        hook = GCSHook()
        hook.create_bucket(bucket_name=BUCKET, location="EU")
        yield hook


def test_airflows_hook_uploads_lists_copies_and_deletes(hook: GCSHook, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    hook.upload(BUCKET, "in/file", filename=str(tmp_path / "file"))
    hook.upload(BUCKET, "in/text", data="text", metadata={"k": "v"})
    hook.rewrite(BUCKET, "in/text", BUCKET, "out/text")
    hook.copy(BUCKET, "in/text", BUCKET, "out/copy")
    hook.compose(BUCKET, ["out/text", "out/copy"], "out/both")
    assert (hook.download(BUCKET, "in/file"), hook.download(BUCKET, "out/both")) == (b"content", b"texttext")
    assert hook.list(BUCKET, prefix="out/", max_results=2) == ["out/both", "out/copy", "out/text"]
    assert hook.list(BUCKET, match_glob="**/text") == ["in/text", "out/text"]
    assert sorted(hook.list(BUCKET, delimiter="/")) == ["in/", "out/"]
    hook.delete(BUCKET, "in/text")
    assert (hook.exists(BUCKET, "in/text"), hook.get_size(BUCKET, "out/both")) == (False, 8)
    assert hook.get_metadata(BUCKET, "out/copy") == {"k": "v"}


def test_airflows_hook_hears_what_is_missing(hook: GCSHook) -> None:
    from google.api_core.exceptions import NotFound

    with pytest.raises(NotFound, match="No such object: a-bucket/gone"):
        hook.download(BUCKET, "gone")
    with pytest.raises(NotFound, match="The specified bucket does not exist"):
        hook.list("no-such-bucket")
    with pytest.raises(ValueError, match="gone"):
        hook.get_size(BUCKET, "gone")


def test_airflows_hook_syncs_buckets_and_deletes_them(hook: GCSHook) -> None:
    hook.create_bucket(bucket_name="other-bucket")
    for name in ("a", "d/b"):
        hook.upload(BUCKET, name, data=name)
    hook.sync(BUCKET, "other-bucket", recursive=True)
    assert hook.list("other-bucket") == ["a", "d/b"]
    hook.delete_bucket("other-bucket", force=True)
    assert hook.list(BUCKET) == ["a", "d/b"]


@pytest.fixture
def beam(server: GcsServer, monkeypatch: pytest.MonkeyPatch) -> GCSFileSystem:
    """Beam's file system for ``gs://``."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    from apache_beam.io.gcp import gcsio
    from apache_beam.io.gcp.gcsfilesystem import GCSFileSystem
    from apache_beam.options.pipeline_options import PipelineOptions
    from google.cloud import storage

    monkeypatch.setattr(gcsio, "create_storage_client", lambda *_: storage.Client.create_anonymous_client())
    return GCSFileSystem(PipelineOptions([]))


def test_beam_writes_reads_matches_renames_and_deletes(beam: GCSFileSystem, server: GcsServer) -> None:
    from apache_beam.io.filesystem import CompressionTypes

    content = bytes(range(256)) * 4096
    for name in ("t/part-0", "t/part-1", "u"):
        with beam.create(f"gs://{BUCKET}/{name}", compression_type=CompressionTypes.UNCOMPRESSED) as file:
            file.write(content)
    with beam.open(f"gs://{BUCKET}/u", compression_type=CompressionTypes.UNCOMPRESSED) as file:
        file.seek(1000)
        assert (file.read(500), len(file.read())) == (content[1000:1500], len(content) - 1500)
    (matched,) = beam.match([f"gs://{BUCKET}/t/part-*"])
    assert [(found.path, found.size_in_bytes) for found in matched.metadata_list] == [
        (f"gs://{BUCKET}/t/part-{number}", len(content)) for number in range(2)
    ]
    beam.rename([f"gs://{BUCKET}/t/part-0", f"gs://{BUCKET}/t/part-1"], [f"gs://{BUCKET}/v/0", f"gs://{BUCKET}/v/1"])
    assert (beam.exists(f"gs://{BUCKET}/v/1"), beam.size(f"gs://{BUCKET}/v/1")) == (True, len(content))
    beam.delete([f"gs://{BUCKET}/v/0", f"gs://{BUCKET}/v/1"])
    assert server.objects.list(f"gs://{BUCKET}/") == [f"gs://{BUCKET}/u"]


def test_beam_makes_its_default_bucket(beam: GCSFileSystem, server: GcsServer) -> None:
    from apache_beam.io.gcp.gcsio import get_or_create_default_gcs_bucket
    from apache_beam.options.pipeline_options import GoogleCloudOptions

    options = GoogleCloudOptions(["--project=p", "--region=europe-west1"])
    made = get_or_create_default_gcs_bucket(options)
    assert get_or_create_default_gcs_bucket(options).name == made.name
    assert made.name in [bucket.name for bucket in server.objects.store.buckets()]


def test_beam_hears_what_is_missing(beam: GCSFileSystem) -> None:
    assert not beam.exists(f"gs://{BUCKET}/gone")
    with pytest.raises(Exception, match=r"gone"):
        beam.open(f"gs://{BUCKET}/gone").read()


def gcloud_parts(metadata: dict[str, Any], content: bytes) -> tuple[bytes, str]:
    """A body as apitools, which gcloud uses, writes it: lines end in a newline, the boundary is in single quotes in the header only."""
    boundary = "===============2292237263714331523=="
    head = f"--{boundary}\nContent-Type: application/json\nMIME-Version: 1.0\n\n{json.dumps(metadata)}\n--{boundary}\n"
    body = f"{head}Content-Type: text/plain\nMIME-Version: 1.0\nContent-Transfer-Encoding: binary\n\n".encode() + content
    return body + f"\n--{boundary}--".encode(), f"multipart/related; boundary='{boundary}'"


def test_gcloud_storage_cp_uploads_a_small_file(ask: Wire) -> None:
    body, content_type = gcloud_parts({"bucket": BUCKET, "contentType": "text/plain", "name": "dir/h.txt"}, b"hello\n")
    query = {"alt": "json", "uploadType": "multipart", "fields": "generation,customerEncryption,md5Hash,crc32c,etag,size"}
    answer = ask("POST", f"/upload{OBJECTS}", body, {"Content-Type": content_type}, **query)
    assert (answer.status, answer.json()["md5Hash"], answer.json()["crc32c"]) == (200, "sZRqySSS0jR8YjW00mERhA==", "NT3Yvg==")
    assert ask.object("GET", "dir/h.txt", alt="media").content == b"hello\n"


def test_gcloud_storage_cp_uploads_a_large_file(ask: Wire) -> None:
    content, metadata = b"0123456789abcdef" * 65536, {"bucket": BUCKET, "contentType": "application/octet-stream", "name": "big.bin"}
    begun = ask("POST", f"/resumable/upload{OBJECTS}", metadata, {"X-Upload-Content-Length": "1048576"}, alt="json", uploadType="resumable")
    path = begun.headers["location"].partition("//")[2].partition("/")[2]
    answer = ask("PUT", f"/{path}", content, {"Content-Range": "bytes 0-1048575/1048576"})
    assert (answer.status, answer.json()["size"]) == (200, "1048576")
    range_ = {"Range": "bytes=1048570-1048575", "Accept-Encoding": "gzip, deflate"}
    assert ask("GET", f"/download{OBJECTS}/big.bin", None, range_, alt="media").content == content[-6:]


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_gcloud_itself_copies_files_there_and_back(server: GcsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"CONFIG": tmp_path, "AUTH_DISABLE_CREDENTIALS": "true", "CORE_DISABLE_PROMPTS": "1", "CORE_DISABLE_USAGE_REPORTING": "true"}
    for name, value in {**settings, "API_ENDPOINT_OVERRIDES_STORAGE": f"{server.url}/", "CORE_PROJECT": "p"}.items():
        monkeypatch.setenv(f"CLOUDSDK_{name}", str(value))
    (tmp_path / "small").write_bytes(b"hello")
    (tmp_path / "large").write_bytes(b"0123456789abcdef" * 600_000)
    for command in (["small", "large", f"gs://{BUCKET}/d/"], [f"gs://{BUCKET}/d/large", "back"]):
        done = subprocess.run(["gcloud", "storage", "cp", *command], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
    assert server.objects.read(f"gs://{BUCKET}/d/small") == b"hello"
    assert (tmp_path / "back").read_bytes() == (tmp_path / "large").read_bytes()
