"""The methods of buckets.

Source: https://cloud.google.com/storage/docs/json_api/v1/buckets
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow_dataflow_ext.emulator.google.call import StorageCall
from airflow_dataflow_ext.emulator.google.metadata import Fields, bucket_body, location_type, merged
from airflow_dataflow_ext.emulator.google.names import check_bucket_name
from airflow_dataflow_ext.emulator.google.object_lists import list_buckets
from airflow_dataflow_ext.emulator.google.preconditions import Preconditions
from airflow_dataflow_ext.emulator.google.records import Bucket, bucket_resource
from airflow_dataflow_ext.emulator.google.store import ObjectStore

_FIXED = ("location", "locationType")


class BucketMethods:
    """Answers the methods of buckets from a store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.answers = {
            "storage.buckets.delete": self._delete,
            "storage.buckets.get": self._get,
            "storage.buckets.getStorageLayout": self._layout,
            "storage.buckets.insert": self._insert,
            "storage.buckets.list": self._list,
            "storage.buckets.patch": self._patch,
            "storage.buckets.update": self._update,
        }

    def _insert(self, call: StorageCall) -> Fields:
        body = call.json()
        fields = bucket_body(body)
        name = check_bucket_name(body.get("name"))
        metadata = merged({}, fields)
        if "location" in metadata:
            metadata["locationType"] = location_type(metadata["location"])
        return bucket_resource(self._store.create_bucket(name, metadata), call.origin)

    def _get(self, call: StorageCall) -> Fields:
        bucket = self._store.bucket(call.path["bucket"])
        Preconditions.of(call.parameters, headers=call.headers).check(bucket)
        return bucket_resource(bucket, call.origin)

    def _layout(self, call: StorageCall) -> dict[str, Any]:
        bucket = self._store.bucket(call.path["bucket"])
        place = {name: bucket.metadata[name] for name in _FIXED}
        hierarchy = {"enabled": bool(bucket.metadata.get("hierarchicalNamespace", {}).get("enabled"))}
        return {"kind": "storage#storageLayout", "bucket": bucket.name, **place, "hierarchicalNamespace": hierarchy}

    def _list(self, call: StorageCall) -> Fields:
        return list_buckets(self._store, call)

    def _patch(self, call: StorageCall) -> Fields:
        fields = bucket_body(call.json())
        fields.pop("location", None)  # a bucket's location cannot be changed
        return self._change(call, lambda bucket: merged(bucket.metadata, fields))

    def _update(self, call: StorageCall) -> Fields:
        fields = merged({}, bucket_body(call.json()))
        return self._change(call, lambda bucket: fields | {name: bucket.metadata[name] for name in _FIXED})

    def _change(self, call: StorageCall, change: Callable[[Bucket], Fields]) -> Fields:
        check = Preconditions.of(call.parameters).check
        return bucket_resource(self._store.update_bucket(call.path["bucket"], change, check), call.origin)

    def _delete(self, call: StorageCall) -> None:
        self._store.delete_bucket(call.path["bucket"], Preconditions.of(call.parameters).check)
