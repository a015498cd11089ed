"""Lists of objects: prefixes, pages, offsets, patterns."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud import storage

from airflow_dataflow_ext.emulator.google.gcs import GcsServer
from tests.emulator.google.wire import BUCKET, OBJECTS, Wire

NAMES = ["a", "b/", "b/1", "b/2", "b/c/3", "b0", "d/4", "é"]


@pytest.fixture
def full(server: GcsServer, ask: Wire) -> Wire:
    """A bucket with all of ``NAMES``."""
    for name in reversed(NAMES):
        server.objects.write(f"gs://{BUCKET}/{name}", b"x")
    return ask


@pytest.mark.parametrize(
    ("query", "names", "prefixes"),
    [
        ({}, NAMES, []),
        ({"prefix": "b/"}, ["b/", "b/1", "b/2", "b/c/3"], []),
        ({"delimiter": "/"}, ["a", "b0", "é"], ["b/", "d/"]),
        ({"delimiter": "/", "includeTrailingDelimiter": "true"}, ["a", "b/", "b0", "é"], ["b/", "d/"]),
        ({"delimiter": "/", "prefix": "b/"}, ["b/", "b/1", "b/2"], ["b/c/"]),
        ({"delimiter": "c/", "prefix": "b"}, ["b/", "b/1", "b/2", "b0"], ["b/c/"]),
        ({"startOffset": "b/2", "endOffset": "d/4"}, ["b/2", "b/c/3", "b0"], []),
        ({"startOffset": "e"}, ["é"], []),
        ({"matchGlob": "b/*"}, ["b/", "b/1", "b/2"], []),
        ({"matchGlob": "**/[0-9]"}, ["b/1", "b/2", "b/c/3", "d/4"], []),
        ({"matchGlob": "{a,b?}"}, ["a", "b0"], []),
        ({"prefix": "zzz"}, [], []),
        ({"softDeleted": "true"}, [], []),
    ],
)
def test_a_list_has_what_was_asked_for(full: Wire, query: dict[str, str], names: list[str], prefixes: list[str]) -> None:
    reply = full("GET", OBJECTS, **query).json()
    assert ([item["name"] for item in reply.get("items", [])], reply.get("prefixes", [])) == (names, prefixes)
    assert "nextPageToken" not in reply


def walked(ask: Wire, **query: Any) -> list[list[str]]:
    """The names and prefixes of each page."""
    pages, token = [], {}
    while True:
        reply = ask("GET", OBJECTS, **query, **token).json()
        pages.append(reply.get("prefixes", []) + [item["name"] for item in reply.get("items", [])])
        if "nextPageToken" not in reply:
            return pages
        token = {"pageToken": reply["nextPageToken"]}


@pytest.mark.parametrize("size", [1, 3, 8, 9])
def test_the_pages_of_a_list_have_everything_once(full: Wire, size: int) -> None:
    pages = walked(full, maxResults=size)
    assert [name for page in pages for name in page] == NAMES
    assert {len(page) for page in pages[:-1]} <= {size}


def test_prefixes_count_as_lines_of_a_page(full: Wire) -> None:
    assert walked(full, maxResults=2, delimiter="/") == [["b/", "a"], ["d/", "b0"], ["é"]]


def test_a_list_that_changes_between_pages_goes_on_where_it_was(full: Wire) -> None:
    token = full("GET", OBJECTS, maxResults=3).json()["nextPageToken"]
    full.object("DELETE", "b/1")
    full.upload("aa")
    assert full.names(pageToken=token) == NAMES[3:]


def test_old_generations_are_listed_in_their_order_and_in_pages(ask: Wire) -> None:
    ask("PATCH", f"/storage/v1/b/{BUCKET}", {"versioning": {"enabled": True}})
    generations = [ask.upload(name).json()["generation"] for name in ("o", "o", "p")]
    found = ask("GET", OBJECTS, versions="true").json()["items"]
    assert [item["generation"] for item in found] == generations
    assert walked(ask, versions="true", maxResults=1) == [["o"], ["o"], ["p"]]
    assert ask.names() == ["o", "p"]


@pytest.mark.parametrize("token", ["x", "bm9uZQ", "W10", "WyJ7fSIsIFsxLCAyXV0"])
def test_a_page_token_that_is_none_is_refused(full: Wire, token: str) -> None:
    assert full("GET", OBJECTS, pageToken=token).status == 400


def test_a_page_token_of_another_list_is_refused(full: Wire) -> None:
    token = full("GET", OBJECTS, maxResults=1).json()["nextPageToken"]
    assert full("GET", OBJECTS, pageToken=token, prefix="b").status == 400


@pytest.mark.parametrize(
    "query", [{"maxResults": "-1"}, {"maxResults": "many"}, {"matchGlob": "{a"}, {"matchGlob": "{a,b}" * 9}, {"versions": "1"}]
)
def test_a_list_that_cannot_be_is_refused(full: Wire, query: dict[str, str]) -> None:
    assert full("GET", OBJECTS, **query).status == 400


def test_no_pattern_takes_for_ever(server: GcsServer, ask: Wire) -> None:
    server.objects.write(f"gs://{BUCKET}/{'a' * 1000}", b"")
    assert ask.names(matchGlob="**a" * 300 + "b") == []


def test_a_client_walks_through_folders(full: Wire, bucket: storage.Bucket) -> None:
    found = bucket.list_blobs(delimiter="/", prefix="b/", page_size=1)
    assert [blob.name for blob in found] == ["b/", "b/1", "b/2"]
    assert found.prefixes == {"b/c/"}
