"""The methods of objects, except uploads.

Source: https://cloud.google.com/storage/docs/json_api/v1/objects
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_dataflow_ext.emulator.google.call import StorageCall
from airflow_dataflow_ext.emulator.google.downloads import download
from airflow_dataflow_ext.emulator.google.gcs_schema import read_body
from airflow_dataflow_ext.emulator.google.metadata import Fields, object_body, patched, settable
from airflow_dataflow_ext.emulator.google.names import check_object_name
from airflow_dataflow_ext.emulator.google.object_lists import list_objects
from airflow_dataflow_ext.emulator.google.preconditions import Preconditions
from airflow_dataflow_ext.emulator.google.records import StoredObject, object_resource
from airflow_dataflow_ext.emulator.google.store import ObjectStore, refuse_held
from airflow_dataflow_ext.emulator.http.errors import ApiError
from airflow_dataflow_ext.emulator.http.router import Outgoing

_MOST_SOURCES = 32
_NOT_COPIED = ("temporaryHold", "eventBasedHold", "retention")


class ObjectMethods:
    """Answers the methods of objects from a store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.answers = {
            "storage.objects.compose": self._compose,
            "storage.objects.copy": self._copy,
            "storage.objects.delete": self._delete,
            "storage.objects.get": self._get,
            "storage.objects.list": self._list,
            "storage.objects.move": self._move,
            "storage.objects.patch": self._patch,
            "storage.objects.rewrite": self._rewrite,
            "storage.objects.update": self._update,
        }

    def _get(self, call: StorageCall) -> Fields | Outgoing:
        if call.parameters.get("softDeleted"):
            raise ApiError(404, f"No such object: {call.path['bucket']}/{call.path['object']}")
        item = self._find(call)
        Preconditions.of(call.parameters, headers=call.headers).check(item)
        if call.query.get("alt") == "media":
            return download(self._store, item, call.headers)
        return object_resource(item, call.origin)

    def _list(self, call: StorageCall) -> Fields:
        return list_objects(self._store, call)

    def _delete(self, call: StorageCall) -> None:
        check = Preconditions.of(call.parameters).check
        self._store.delete(call.path["bucket"], call.path["object"], call.parameters.get("generation"), check)

    def _patch(self, call: StorageCall) -> Fields:
        fields = object_body(call.json(), call.path)
        changed = self._store.update(self._find(call), lambda item: patched(item.metadata, fields), Preconditions.of(call.parameters).check)
        return object_resource(changed, call.origin)

    def _update(self, call: StorageCall) -> Fields:
        fields = settable(object_body(call.json(), call.path))

        def replaced(item: StoredObject) -> Fields:
            return {"storageClass": item.metadata["storageClass"], **fields}

        changed = self._store.update(self._find(call), replaced, Preconditions.of(call.parameters).check)
        return object_resource(changed, call.origin)

    def _copy(self, call: StorageCall) -> Fields:
        item, _ = self._copied(call, call.path["destinationBucket"])
        return object_resource(item, call.origin)

    def _rewrite(self, call: StorageCall) -> Fields:
        if call.parameters.get("rewriteToken"):
            raise ApiError(400, "Invalid rewriteToken: the emulator rewrites in one call and issues no tokens.", reason="invalid")
        item, _ = self._copied(call, call.path["destinationBucket"])
        size = str(item.size)
        progress = {"kind": "storage#rewriteResponse", "totalBytesRewritten": size, "objectSize": size, "done": True}
        return {**progress, "resource": object_resource(item, call.origin)}

    def _move(self, call: StorageCall) -> Fields:
        if call.path["sourceObject"] == call.path["destinationObject"]:
            raise ApiError(400, "The source and the destination of a move must differ.", reason="invalid")
        refuse_held(self._store.live(call.path["bucket"], call.path["sourceObject"]))
        item, source = self._copied(call, call.path["bucket"])
        self._store.delete(source.bucket, source.name, None, Preconditions().check)
        return object_resource(item, call.origin)

    def _copied(self, call: StorageCall, bucket: str) -> tuple[StoredObject, StoredObject]:
        """The copy and its source."""
        source_bucket = call.path.get("sourceBucket", bucket)
        fields = object_body(call.json(), {"bucket": bucket, "object": call.path["destinationObject"]})
        source = self._store.find(source_bucket, call.path["sourceObject"], call.parameters.get("sourceGeneration"))
        Preconditions.of(call.parameters, source=True).check(source)
        metadata = _metadata_of_copy(source.metadata, settable(fields))
        check = Preconditions.of(call.parameters).check
        copy = self._store.put(
            bucket, call.path["destinationObject"], self._store.read(source), metadata, check, components=source.components
        )
        return copy, source

    def _compose(self, call: StorageCall) -> Fields:
        body = read_body("ComposeRequest", call.json())
        bucket, name = call.path["destinationBucket"], call.path["destinationObject"]
        fields = object_body(body.get("destination") or {}, {"bucket": bucket, "object": name})
        sources = [self._source(bucket, source) for source in body.get("sourceObjects") or []]
        if not 0 < len(sources) <= _MOST_SOURCES:
            raise ApiError(400, f"You must provide 1 to {_MOST_SOURCES} source objects, not {len(sources)}.", reason="invalid")
        used = {source.name: source for source in sources if source.name != name} if body.get("deleteSourceObjects") else {}
        for source in used.values():
            refuse_held(source)
        content = b"".join(self._store.read(source) for source in sources)
        components = sum(source.components or 1 for source in sources)
        check = Preconditions.of(call.parameters).check
        item = self._store.put(bucket, name, content, settable(fields), check, components=components)
        for source in used.values():
            self._store.delete(bucket, source.name, source.generation if source.deleted else None, Preconditions().check)
        return object_resource(item, call.origin)

    def _source(self, bucket: str, source: Mapping[str, Any]) -> StoredObject:
        generation = source.get("generation")
        item = self._store.find(bucket, check_object_name(source.get("name")), None if generation is None else int(generation))
        wanted = (source.get("objectPreconditions") or {}).get("ifGenerationMatch")
        Preconditions(generation=None if wanted is None else int(wanted)).check(item)
        return item

    def _find(self, call: StorageCall) -> StoredObject:
        return self._store.find(call.path["bucket"], call.path["object"], call.parameters.get("generation"))


def _metadata_of_copy(source: Mapping[str, Any], given: Fields) -> Fields:
    """A copy's metadata: the source's, unless the request gives others; a storage class alone replaces nothing else."""
    if set(given) <= {"storageClass"}:
        return {name: value for name, value in source.items() if name not in _NOT_COPIED} | given
    return given
