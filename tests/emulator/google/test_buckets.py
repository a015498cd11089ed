"""Buckets, as a client makes, changes and deletes them."""

from __future__ import annotations

import pytest
from google.api_core.exceptions import Conflict, NotFound, PreconditionFailed
from google.cloud import storage

from airflow_dataflow_ext.emulator.google.gcs import GcsServer
from tests.emulator.google.wire import BUCKET, OBJECTS, Wire


def test_a_bucket_is_made_found_listed_and_deleted(client: storage.Client) -> None:
    made = client.create_bucket("my-bucket", location="europe-west1")
    assert (made.location, made.location_type, made.storage_class) == ("EUROPE-WEST1", "region", "STANDARD")
    assert client.get_bucket("my-bucket").time_created == made.time_created
    assert [bucket.name for bucket in client.list_buckets()] == [BUCKET, "my-bucket"]
    made.delete()
    assert client.lookup_bucket("my-bucket") is None


def test_a_bucket_that_is_there_is_a_conflict(client: storage.Client, ask: Wire) -> None:
    with pytest.raises(Conflict, match="previous request to create the named bucket succeeded and you already own it"):
        client.create_bucket(BUCKET)
    answer = ask("POST", "/storage/v1/b", {"name": BUCKET}, project="p")
    assert (answer.status, answer.json()["error"]["code"], answer.reason) == (409, 409, "conflict")


def test_a_bucket_that_is_not_there_is_said_to_be_missing(client: storage.Client, ask: Wire) -> None:
    with pytest.raises(NotFound, match="The specified bucket does not exist"):
        client.get_bucket("no-such-bucket")
    answer = ask("GET", "/storage/v1/b/no-such-bucket/o")
    message = "The specified bucket does not exist."
    entry = {"message": message, "domain": "global", "reason": "notFound"}
    assert answer.json() == {"error": {"code": 404, "message": message, "errors": [entry]}}


@pytest.mark.parametrize("verb", ["POST", "PATCH", "DELETE", "PUT"])
def test_nothing_is_written_into_a_bucket_that_is_not_there(ask: Wire, verb: str) -> None:
    before = ask.everything()
    path = "/upload/storage/v1/b/gone/o?uploadType=media&name=o" if verb == "POST" else "/storage/v1/b/gone/o/o"
    answer = ask(verb, path, {} if verb != "POST" else b"x")
    assert (answer.status, answer.reason) == (404, "notFound")
    assert ask.everything() == before


BAD_NAMES = [
    "ab",
    "a" * 64,
    "Upper",
    "under-",
    "-dash",
    "a..b",
    "a.-b",
    "192.168.0.1",
    "goog-x",
    "my-google",
    "sp ace",
    "ü-bucket",
    "",
    "x" * 223,
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bucket_name_that_is_refused_is_not_in_the_list_afterwards(ask: Wire, name: str) -> None:
    before = ask.everything()
    assert ask("POST", "/storage/v1/b", {"name": name}, project="p").status == 400
    assert ask.everything() == before


@pytest.mark.parametrize("name", ["abc", "a" * 63, "a_b-c.d", "123", ".".join(["a" * 60] * 3)])
def test_a_bucket_name_that_cloud_storage_takes_is_taken(ask: Wire, name: str) -> None:
    assert ask("POST", "/storage/v1/b", {"name": name}, project="p").json()["name"] == name
    assert ask("GET", f"/storage/v1/b/{name}").status == 200


def test_a_bucket_with_objects_cannot_be_deleted(server: GcsServer, client: storage.Client) -> None:
    server.objects.write(f"gs://{BUCKET}/o", b"x")
    with pytest.raises(Conflict, match="not empty"):
        client.bucket(BUCKET).delete()
    client.bucket(BUCKET).delete(force=True)
    assert list(client.list_buckets()) == []


def test_a_patch_changes_what_it_names_and_null_removes(client: storage.Client) -> None:
    bucket = client.get_bucket(BUCKET)
    bucket.labels = {"a": "1", "b": "2"}
    bucket.versioning_enabled = True
    bucket.patch()
    bucket.labels = {"a": "3"}
    bucket.patch()
    again = client.get_bucket(BUCKET)
    assert (again.labels, again.versioning_enabled, again.metageneration, again.location) == ({"a": "3"}, True, 3, "US")


def test_a_bucket_is_changed_only_in_the_metageneration_that_was_meant(client: storage.Client, ask: Wire) -> None:
    before = ask.everything()
    bucket = client.get_bucket(BUCKET)
    bucket.labels = {"a": "1"}
    with pytest.raises(PreconditionFailed):
        bucket.patch(if_metageneration_match=7)
    assert ask("DELETE", f"/storage/v1/b/{BUCKET}", ifMetagenerationMatch=7).status == 412
    assert ask("GET", f"/storage/v1/b/{BUCKET}", ifMetagenerationNotMatch=1).status == 304
    assert ask.everything() == before


def test_the_list_of_buckets_comes_in_pages(client: storage.Client, ask: Wire) -> None:
    for number in range(5):
        client.create_bucket(f"page-{number}")
    pages = client.list_buckets(prefix="page", page_size=2).pages
    assert [[bucket.name for bucket in page] for page in pages] == [["page-0", "page-1"], ["page-2", "page-3"], ["page-4"]]
    assert ask("GET", "/storage/v1/b").reason == "required"


@pytest.mark.parametrize(
    "body",
    [
        {"name": 5},
        {"nmae": "my-bucket"},
        {"name": "my-bucket", "labels": {"a": 1}},
        {"name": "my-bucket", "versioning": True},
        [],
        "my-bucket",
        None,
    ],
)
def test_a_body_that_is_no_bucket_is_refused(ask: Wire, body: object) -> None:
    before = ask.everything()
    assert ask("POST", "/storage/v1/b", body, project="p").status == 400
    assert ask.everything() == before


def test_a_storage_class_that_there_is_none_of_is_refused(ask: Wire) -> None:
    answer = ask("POST", "/storage/v1/b", {"name": "my-bucket", "storageClass": "WARM"}, project="p")
    assert (answer.status, answer.json()["error"]["message"]) == (400, "Invalid storage class: 'WARM'")


def test_the_layout_of_a_bucket_is_flat(ask: Wire) -> None:
    layout = ask("GET", f"/storage/v1/b/{BUCKET}/storageLayout").json()
    assert layout["hierarchicalNamespace"] == {"enabled": False}


def test_a_method_that_is_not_played_is_named(ask: Wire) -> None:
    answer = ask("GET", f"/storage/v1/b/{BUCKET}/acl")
    assert (answer.status, answer.json()["error"]["message"]) == (501, "The emulator does not support storage.bucketAccessControls.list.")
    assert ask("GET", f"{OBJECTS}x").status == 404
