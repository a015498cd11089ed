"""Objects: their names, generations, metadata, and what holds of them before they are changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import storage

from airflow_dataflow_ext.emulator.google.gcs import GcsServer
from tests.emulator.google.wire import BUCKET, OBJECTS, Answer, Wire

NAMES = ["lead", "/lead", "p/q", "p//q", "keep", "keep/sub", "x" * 300, "ü" * 512, "a b+c%2F?#&=", "..", "a/../b"]


@pytest.mark.parametrize("name", [name for name in NAMES if name != ".."])
def test_objects_whose_names_look_alike_all_exist(bucket: storage.Bucket, name: str) -> None:
    for other in NAMES:
        if other != "..":
            bucket.blob(other).upload_from_string(other)
    assert bucket.blob(name).download_as_text() == name
    bucket.blob(name).delete()
    assert sorted(blob.name for blob in bucket.list_blobs()) == sorted(set(NAMES) - {"..", name})


@pytest.mark.parametrize("name", ["..", ".", "x" * 1025, "ü" * 513, "a\nb", "a\rb", ".well-known/acme-challenge/x", ""])
def test_a_name_that_no_object_can_have_is_refused(ask: Wire, name: str) -> None:
    assert ask.upload(name).status == 400
    assert ask("POST", f"/upload{OBJECTS}", {"name": name}, uploadType="resumable").status == 400
    assert ask.names() == []


def test_an_object_that_is_not_there_is_said_to_be_missing(bucket: storage.Bucket, ask: Wire) -> None:
    message = f"No such object: {BUCKET}/a/b"
    assert ask.object("GET", "a/b").json() == {
        "error": {"code": 404, "message": message, "errors": [{"message": message, "domain": "global", "reason": "notFound"}]}
    }
    assert ask.object("GET", "a/b", alt="media").status == 404
    assert not bucket.blob("a/b").exists()
    with pytest.raises(NotFound, match="No such object"):
        bucket.blob("a/b").delete()


def test_an_object_says_what_it_is(server: GcsServer, bucket: storage.Bucket) -> None:
    blob = bucket.blob("d/o.txt")
    blob.metadata, blob.cache_control, blob.custom_time = {"k": "v"}, "no-cache", datetime(2026, 1, 2, tzinfo=UTC)
    blob.upload_from_string("123456789", content_type="text/plain")
    found = bucket.get_blob("d/o.txt")
    assert found is not None
    assert (found.size, found.content_type, found.cache_control, found.metadata) == (9, "text/plain", "no-cache", {"k": "v"})
    assert (found.crc32c, found.md5_hash) == ("4waSgw==", "JfnnlDI7RTiF9RgfG2JNCw==")
    assert (found.storage_class, found.metageneration, found.custom_time) == ("STANDARD", 1, datetime(2026, 1, 2, tzinfo=UTC))
    assert found.time_created == found.updated
    assert found.etag
    assert found.id == f"{BUCKET}/d/o.txt/{found.generation}"
    assert found.media_link == f"{server.url}/download/storage/v1/b/{BUCKET}/o/d%2Fo.txt?generation={found.generation}&alt=media"


def test_head_says_as_much_as_get_without_the_body(ask: Wire) -> None:
    ask.upload("o", b"content")
    for query in ({}, {"alt": "media"}):
        get, head = ask.object("GET", "o", **query), ask.object("HEAD", "o", **query)
        assert (head.status, head.content, head.headers["content-length"]) == (200, b"", str(len(get.content)))
        assert head.headers["etag"] == get.headers["etag"]
    assert ask.object("HEAD", "gone").status == 404


def test_only_the_live_generation_is_there_unless_versions_are_kept(bucket: storage.Bucket) -> None:
    blob = bucket.blob("o")
    blob.upload_from_string("1")
    first = blob.generation
    blob.upload_from_string("2")
    assert blob.generation > first
    assert not bucket.blob("o", generation=first).exists()
    with pytest.raises(NotFound):
        bucket.blob("o", generation=first).download_as_bytes()
    assert [found.generation for found in bucket.list_blobs(versions=True)] == [blob.generation]


def test_a_bucket_that_keeps_versions_gives_old_generations(bucket: storage.Bucket) -> None:
    bucket.versioning_enabled = True
    bucket.patch()
    blob = bucket.blob("o")
    blob.upload_from_string("1")
    first = blob.generation
    blob.upload_from_string("2")
    bucket.delete_blob("o")
    assert not bucket.blob("o").exists()
    assert bucket.blob("o", generation=first).download_as_bytes() == b"1"
    assert [found.time_deleted is None for found in bucket.list_blobs(versions=True)] == [False, False]
    bucket.blob("o", generation=first).delete()
    assert [found.generation for found in bucket.list_blobs(versions=True)] == [blob.generation]


def test_an_upload_meant_for_a_new_object_does_not_overwrite_one(bucket: storage.Bucket) -> None:
    bucket.blob("o").upload_from_string("first", if_generation_match=0)
    with pytest.raises(PreconditionFailed, match="At least one of the pre-conditions you specified did not hold"):
        bucket.blob("o").upload_from_string("second", if_generation_match=0)
    assert bucket.blob("o").download_as_text() == "first"


def test_a_delete_of_another_generation_deletes_nothing(bucket: storage.Bucket, ask: Wire) -> None:
    bucket.blob("o").upload_from_string("x")
    with pytest.raises(PreconditionFailed):
        bucket.blob("o").delete(if_generation_match=1)
    answer = ask.object("DELETE", "o", generation=1)
    assert (answer.status, ask.names()) == (404, ["o"])


Act = Callable[[Wire, dict[str, Any]], Answer]
ACTS: dict[str, Act] = {
    "get": lambda ask, query: ask.object("GET", "o", **query),
    "download": lambda ask, query: ask.object("GET", "o", alt="media", **query),
    "upload": lambda ask, query: ask.upload("o", b"new", **query),
    "begin a resumable upload": lambda ask, query: ask("POST", f"/upload{OBJECTS}", {"name": "o"}, uploadType="resumable", **query),
    "delete": lambda ask, query: ask.object("DELETE", "o", **query),
    "patch": lambda ask, query: ask.object("PATCH", "o", {"metadata": {"a": "b"}}, **query),
    "update": lambda ask, query: ask.object("PUT", "o", {"metadata": {"a": "b"}}, **query),
    "copy": lambda ask, query: ask("POST", f"{OBJECTS}/s/copyTo/b/{BUCKET}/o/o", {}, **query),
    "rewrite": lambda ask, query: ask("POST", f"{OBJECTS}/s/rewriteTo/b/{BUCKET}/o/o", {}, **query),
    "move": lambda ask, query: ask("POST", f"{OBJECTS}/s/moveTo/o/o", {}, **query),
}


@pytest.mark.parametrize("act", [*ACTS, "compose"])
def test_whatever_does_not_match_is_a_412_and_changes_nothing(ask: Wire, act: str) -> None:
    ACTS["compose"] = lambda ask, query: ask("POST", f"{OBJECTS}/o/compose", {"sourceObjects": [{"name": "s"}]}, **query)
    generation = int(ask.upload("o", b"old").json()["generation"])
    ask.upload("s", b"source")
    before = ask.everything()
    for query in ({"ifGenerationMatch": 0}, {"ifGenerationMatch": generation + 1}, {"ifMetagenerationMatch": 2}):
        answer = ACTS[act](ask, query)
        assert (answer.status, answer.reason) == (412, "conditionNotMet")
    assert ask.everything() == before
    assert ACTS[act](ask, {"ifGenerationMatch": generation, "ifMetagenerationMatch": 1}).status in (200, 204)


@pytest.mark.parametrize("act", ACTS)
def test_whatever_matches_and_must_not_is_a_304_and_changes_nothing(ask: Wire, act: str) -> None:
    generation = int(ask.upload("o", b"old").json()["generation"])
    ask.upload("s", b"source")
    before = ask.everything()
    for query in ({"ifGenerationNotMatch": generation}, {"ifMetagenerationNotMatch": 1}):
        answer = ACTS[act](ask, query)
        assert (answer.status, answer.content) == (304, b"")
    assert ask.everything() == before
    assert ACTS[act](ask, {"ifGenerationNotMatch": 0, "ifMetagenerationNotMatch": 9}).status in (200, 204)


@pytest.mark.parametrize("act", ["copy", "rewrite", "move"])
def test_a_copy_of_a_source_that_has_changed_is_a_412(ask: Wire, act: str) -> None:
    generation = int(ask.upload("s", b"source").json()["generation"])
    before = ask.everything()
    assert ACTS[act](ask, {"ifSourceGenerationMatch": generation + 1}).status == 412
    assert ACTS[act](ask, {"ifSourceMetagenerationNotMatch": 1}).status == 304
    assert ask.everything() == before
    assert ACTS[act](ask, {"ifSourceGenerationMatch": generation}).status == 200


def test_etags_are_preconditions_too(bucket: storage.Bucket, ask: Wire) -> None:
    bucket.blob("o").upload_from_string("x")
    etag = ask.object("GET", "o").json()["etag"]
    assert ask.object("GET", "o", headers={"If-None-Match": etag}).status == 304
    assert ask.object("GET", "o", headers={"If-Match": '"other"'}).status == 412
    assert ask.object("GET", "o", headers={"If-Match": f'"{etag}"'}).status == 200


def test_a_patch_keeps_what_it_does_not_name_and_null_removes(bucket: storage.Bucket, ask: Wire) -> None:
    ask("POST", f"/upload{OBJECTS}", b"x", {"Content-Type": "text/plain"}, uploadType="media", name="o")
    ask.object("PATCH", "o", {"metadata": {"a": "1", "b": "2"}, "cacheControl": "no-store"})
    patched = ask.object("PATCH", "o", {"metadata": {"a": None, "c": "3"}, "cacheControl": None}).json()
    assert (patched["metadata"], patched["contentType"], patched["metageneration"]) == ({"b": "2", "c": "3"}, "text/plain", "3")
    assert "cacheControl" not in patched
    assert patched["timeCreated"] < patched["updated"]


def test_an_update_replaces_all_metadata_and_leaves_the_content(bucket: storage.Bucket) -> None:
    blob = bucket.blob("o")
    blob.metadata = {"a": "1"}
    blob.upload_from_string("x", content_type="text/plain")
    fresh = bucket.blob("o")
    fresh.content_language = "en"
    fresh.update()
    found = bucket.get_blob("o")
    assert found is not None
    assert (found.content_language, found.metadata, found.download_as_bytes()) == ("en", None, b"x")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "other"},
        {"bucket": "other"},
        {"metadata": {"a": 1}},
        {"metadata": "a"},
        {"contentType": "a\r\nSet-Cookie: b"},
        {"customTime": "yesterday"},
        {"temporaryHold": "yes"},
        {"generation": "one"},
        {"size": -1},
        {"contenttype": "x"},
        {"storageClass": "HOT"},
        {"metadata": {"a": "x" * 9000}},
        [],
    ],
)
def test_a_patch_that_says_what_cannot_be_changes_nothing(ask: Wire, body: object) -> None:
    ask.upload("o")
    before = ask.everything()
    assert ask.object("PATCH", "o", body).status == 400
    assert ask.everything() == before


def test_a_copy_has_the_metadata_of_its_source_unless_it_is_given_others(bucket: storage.Bucket, ask: Wire) -> None:
    blob = bucket.blob("s")
    blob.metadata = {"a": "1"}
    blob.upload_from_string("content", content_type="text/plain")
    copy = bucket.copy_blob(blob, bucket, "copy")
    assert (copy.metadata, copy.content_type, copy.download_as_bytes()) == ({"a": "1"}, "text/plain", b"content")
    assert copy.generation > blob.generation
    body = {"contentType": "text/csv"}
    rewritten = ask("POST", f"{OBJECTS}/s/rewriteTo/b/{BUCKET}/o/other", body).json()
    assert (rewritten["done"], rewritten["objectSize"], rewritten["resource"]["contentType"]) == (True, "7", "text/csv")
    assert "metadata" not in rewritten["resource"]


def test_a_move_leaves_no_source(bucket: storage.Bucket) -> None:
    bucket.blob("from").upload_from_string("x")
    bucket.move_blob(bucket.blob("from"), "to")
    assert [blob.name for blob in bucket.list_blobs()] == ["to"]


def test_a_composed_object_has_the_contents_in_their_order(bucket: storage.Bucket) -> None:
    parts = [bucket.blob(name) for name in "ba"]
    for part in parts:
        part.upload_from_string(f"<{part.name}>")
    whole = bucket.blob("whole")
    whole.content_type = "text/plain"
    whole.compose(parts)
    whole.reload()
    assert (whole.download_as_bytes(), whole.component_count, whole.md5_hash, whole.content_type) == (b"<b><a>", 2, None, "text/plain")
    whole.compose([whole, parts[0]])
    assert (whole.download_as_bytes(), whole.component_count) == (b"<b><a><b>", 3)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"sourceObjects": []}, 400),
        ({"sourceObjects": [{"name": "s"}] * 33}, 400),
        ({"sourceObjects": [None]}, 400),
        ({"sourceObjects": [{}]}, 400),
        ({"sourceObjects": [{"name": "s"}, {"name": "gone"}]}, 404),
        ({"sourceObjects": [{"name": "s", "generation": "1"}]}, 404),
        ({"sourceObjects": [{"name": "s", "objectPreconditions": {"ifGenerationMatch": "1"}}]}, 412),
        ({"sourceObjects": [{"name": "s"}], "destination": {"name": "other"}}, 400),
    ],
)
def test_what_cannot_be_composed_is_refused(ask: Wire, body: object, status: int) -> None:
    ask.upload("s")
    before = ask.everything()
    assert ask("POST", f"{OBJECTS}/whole/compose", body).status == status
    assert ask.everything() == before


def test_a_held_object_is_neither_deleted_nor_replaced(ask: Wire) -> None:
    ask.upload("o")
    ask.upload("s")
    ask.object("PATCH", "o", {"temporaryHold": True})
    before = ask.everything()
    using = {"sourceObjects": [{"name": "s"}, {"name": "o"}], "deleteSourceObjects": True}
    answers = [
        ask.object("DELETE", "o"),
        ask.upload("o", b"new"),
        ask("POST", f"{OBJECTS}/o/moveTo/o/p"),
        ask("POST", f"{OBJECTS}/whole/compose", using),
    ]
    assert [answer.status for answer in answers] == [403] * 4
    assert ask.everything() == before


@pytest.mark.parametrize("text", [" 5 ", "１", "+5", "1_0", "0x1", "", "1.0", "9223372036854775808"])
def test_a_number_is_read_as_the_service_reads_it(ask: Wire, text: str) -> None:
    ask.upload("o")
    answer = ask.object("DELETE", "o", ifGenerationNotMatch=text)
    assert (answer.status, ask.names()) == (400, ["o"])


def test_a_parameter_that_the_method_does_not_have_is_refused(ask: Wire) -> None:
    ask.upload("o")
    assert ask.object("DELETE", "o", ifGenerationmatch=0).status == 400
    assert ask.names() == ["o"]


def test_a_post_can_stand_for_another_method(ask: Wire) -> None:
    ask.upload("o")
    patched = ask.object("POST", "o", {"contentType": "text/plain"}, {"X-HTTP-Method-Override": "PATCH"})
    assert patched.json()["contentType"] == "text/plain"
    listed = ask("POST", OBJECTS, b"prefix=o&fields=items(name)", {"X-HTTP-Method-Override": "GET"})
    assert listed.json() == {"items": [{"name": "o"}]}
    assert ask.object("GET", "o", None, {"X-HTTP-Method-Override": "DELETE"}).status == 200


def test_a_partial_response_has_what_was_asked_for(ask: Wire) -> None:
    ask.upload("o")
    assert ask.object("GET", "o", fields="name,size").json() == {"name": "o", "size": "1"}
    assert ask("GET", OBJECTS, fields="items(name),prefixes").json() == {"items": [{"name": "o"}]}
    assert ask.upload("p", fields="name").json() == {"name": "p"}
    assert ask.object("PATCH", "o", {"metadata": {"k": "v"}}, fields="metadata/k").json() == {"metadata": {"k": "v"}}
    assert ask("GET", OBJECTS, fields="items/*/k").json() == {"items": [{"metadata": {"k": "v"}}, {}]}
    assert ask.object("GET", "o", fields="name(").status == 400
    assert ask.object("GET", "o", fields="nope").status == 400


@pytest.mark.parametrize("fields", ["/", "name(", "((", "(" * 5000, ","])
def test_a_request_whose_fields_cannot_be_read_does_nothing(ask: Wire, fields: str) -> None:
    ask.upload("o")
    ask.upload("s")
    before = ask.everything()
    answers = [act(ask, {"fields": fields}) for name, act in ACTS.items() if name != "download"]
    assert {answer.status for answer in answers} == {400}
    assert ask.everything() == before
