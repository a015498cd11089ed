"""Lists of objects and buckets: their entries, order and pages.

Source: https://cloud.google.com/storage/docs/json_api/v1/objects/list
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_dataflow_ext.emulator.dataflow.values import page_key, page_token
from airflow_dataflow_ext.emulator.google.call import StorageCall
from airflow_dataflow_ext.emulator.google.globs import read_glob
from airflow_dataflow_ext.emulator.google.records import StoredObject, bucket_resource, object_resource
from airflow_dataflow_ext.emulator.google.store import ObjectStore
from airflow_dataflow_ext.emulator.http.errors import ApiError

_LARGEST_PAGE = 1000
# Parameters that may differ from page to page.
_OF_THE_PAGE = ("pageToken", "maxResults", "projection", "userProject")


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of a list: an object, the name of a bucket, or the common prefix of several names."""

    name: str
    generation: int
    item: StoredObject | None


def list_buckets(store: ObjectStore, call: StorageCall) -> dict[str, Any]:
    """A page of buckets."""
    start = call.parameters.get("prefix", "")
    names = [] if call.parameters.get("softDeleted") else [bucket.name for bucket in store.buckets() if bucket.name.startswith(start)]
    page, rest = _page((_Entry(name, 0, None) for name in names), call)
    return {"kind": "storage#buckets", **rest, "items": [bucket_resource(store.bucket(entry.name), call.origin) for entry in page]}


def list_objects(store: ObjectStore, call: StorageCall) -> dict[str, Any]:
    """A page of a bucket's objects, and of their common prefixes up to the delimiter.

    :raises ApiError: 404 if there is no such bucket; 400 if the token or the pattern is not valid.
    """
    if call.parameters.get("softDeleted"):
        store.bucket(call.path["bucket"])
        return {"kind": "storage#objects"}
    items = store.generations(call.path["bucket"], old=call.parameters.get("versions", False))
    page, rest = _page(_entries(items, call.parameters), call)
    reply: dict[str, Any] = {"kind": "storage#objects", **rest}
    if shared := [entry.name for entry in page if entry.item is None]:
        reply["prefixes"] = shared
    if found := [object_resource(entry.item, call.origin) for entry in page if entry.item is not None]:
        reply["items"] = found
    return reply


def _entries(items: Iterable[StoredObject], parameters: Mapping[str, Any]) -> Iterator[_Entry]:
    start, delimiter = parameters.get("prefix", ""), parameters.get("delimiter", "")
    first, end = parameters.get("startOffset", "").encode(), parameters.get("endOffset", "").encode()
    fits = read_glob(parameters["matchGlob"]) if parameters.get("matchGlob") else None
    last_shared = None
    for item in items:
        name = item.name.encode()
        if not item.name.startswith(start) or name < first or (end and name >= end) or (fits and not fits(item.name)):
            continue
        head, found, tail = item.name[len(start) :].partition(delimiter) if delimiter else (item.name, "", "")
        if found:
            shared = start + head + found
            if shared != last_shared:
                yield _Entry(shared, 0, None)
            last_shared = shared
        if not found or (not tail and parameters.get("includeTrailingDelimiter")):
            yield _Entry(item.name, item.generation, item)


def _page(entries: Iterable[_Entry], call: StorageCall) -> tuple[list[_Entry], dict[str, str]]:
    """The entries of the requested page, and the token of the next one, if there is one."""
    question = {"path": dict(call.path)} | {name: value for name, value in call.parameters.items() if name not in _OF_THE_PAGE}
    size = min(call.parameters.get("maxResults") or _LARGEST_PAGE, _LARGEST_PAGE)
    after = _read_token(question, call.parameters.get("pageToken", ""))
    page: list[_Entry] = []
    for entry in entries:
        if (entry.name.encode(), entry.generation) <= after:
            continue
        if len(page) == size:
            last = page[-1]
            return page, {"nextPageToken": page_token(question, [last.name, last.generation])}
        page.append(entry)
    return page, {}


def _read_token(question: Mapping[str, Any], token: str) -> tuple[bytes, int]:
    if not token:
        return b"", -1
    match page_key(question, token):
        case [str(name), int(generation)]:
            return name.encode("utf-8", "replace"), generation
    raise ApiError(400, f"Invalid page token: '{token[:100]}'", reason="invalid")
