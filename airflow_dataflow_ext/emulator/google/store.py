"""Buckets and their objects: live and older generations, and what may not be changed."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from google_crc32c import Checksum

from airflow_dataflow_ext.emulator.google.backing import Backing, MemoryBacking
from airflow_dataflow_ext.emulator.google.names import check_object_name
from airflow_dataflow_ext.emulator.google.records import Bucket, StoredObject
from airflow_dataflow_ext.emulator.http.errors import ApiError, missing

Check = Callable[[StoredObject | None], None]
"""Checks the generation that an operation is about; it raises ``ApiError`` if the operation must not happen."""
BucketCheck = Callable[[Bucket], None]
NO_BUCKET = "The specified bucket does not exist."
_HOLDS = {"temporaryHold": "Temporary", "eventBasedHold": "Event-Based"}
_DEFAULTS: Mapping[str, Any] = {"location": "US", "locationType": "multi-region", "storageClass": "STANDARD"}


class ObjectStore:
    """Buckets and objects; it is thread-safe.

    Each operation is carried out as a whole, or refused with an ``ApiError`` before anything changes.
    """

    def __init__(self, backing: Backing | None = None) -> None:
        self._backing: Backing = backing or MemoryBacking()
        self._lock = threading.RLock()
        self._buckets: dict[str, Bucket] = {}
        self._objects: dict[str, dict[str, list[StoredObject]]] = {}
        self._newest = 0
        for bucket in self._backing.buckets():
            self._load(bucket)

    def buckets(self) -> list[Bucket]:
        """All buckets, sorted by name."""
        with self._lock:
            return sorted(self._buckets.values(), key=lambda bucket: bucket.name)

    def bucket(self, name: str) -> Bucket:
        """
        :raises ApiError: 404.
        """
        with self._lock:
            if name not in self._buckets:
                raise missing(NO_BUCKET)
            return self._buckets[name]

    def create_bucket(self, name: str, metadata: Mapping[str, Any] | None = None) -> Bucket:
        """Create a bucket; the caller checks its name.

        :raises ApiError: 409 if it exists.
        """
        with self._lock:
            if name in self._buckets:
                message = "Your previous request to create the named bucket succeeded and you already own it."
                raise ApiError(409, message, reason="conflict")
            now = time.time()
            bucket = Bucket(name=name, metadata={**_DEFAULTS, **(metadata or {})}, metageneration=1, created=now, updated=now)
            self._backing.save_bucket(bucket)
            self._buckets[name], self._objects[name] = bucket, {}
            return bucket

    def update_bucket(self, name: str, change: Callable[[Bucket], Mapping[str, Any]], check: BucketCheck) -> Bucket:
        """Set a bucket's metadata to the result of ``change``.

        :raises ApiError: 404, or the check fails.
        """
        with self._lock:
            bucket = self.bucket(name)
            check(bucket)
            metadata = {**_DEFAULTS, **change(bucket)}
            changed = replace(bucket, metadata=metadata, metageneration=bucket.metageneration + 1, updated=time.time())
            self._backing.save_bucket(changed)
            self._buckets[name] = changed
            return changed

    def delete_bucket(self, name: str, check: BucketCheck) -> None:
        """
        :raises ApiError: 404; 409 if it is not empty; or the check fails.
        """
        with self._lock:
            check(self.bucket(name))
            if self._objects[name]:
                raise ApiError(409, "The bucket you tried to delete is not empty.", reason="conflict")
            self._backing.drop_bucket(name)
            del self._buckets[name], self._objects[name]

    def generations(self, bucket: str, *, old: bool = False) -> list[StoredObject]:
        """The live objects of a bucket, sorted by name; with ``old``, all generations, oldest first.

        :raises ApiError: 404.
        """
        with self._lock:
            self.bucket(bucket)
            names = sorted(self._objects[bucket], key=str.encode)
            return [item for name in names for item in self._objects[bucket][name] if old or item.deleted is None]

    def live(self, bucket: str, name: str) -> StoredObject | None:
        """The live generation of an object.

        :raises ApiError: 404 if there is no such bucket.
        """
        with self._lock:
            self.bucket(bucket)
            return next((item for item in self._objects[bucket].get(name, []) if item.deleted is None), None)

    def find(self, bucket: str, name: str, generation: int | None = None) -> StoredObject:
        """The live generation, or the one with the given number.

        :raises ApiError: 404.
        """
        with self._lock:
            found = self.live(bucket, name)
            if generation is not None:
                found = next((item for item in self._objects[bucket].get(name, []) if item.generation == generation), None)
            if found is None:
                raise missing(f"No such object: {bucket}/{name}")
            return found

    def read(self, item: StoredObject, start: int = 0, end: int | None = None) -> bytes:
        """Bytes of a generation.

        :raises ApiError: 404 if it has been deleted meanwhile.
        """
        with self._lock:
            self.find(*item.key)
            return self._backing.read(item, start, item.size if end is None else end)

    def put(
        self, bucket: str, name: str, content: bytes, metadata: Mapping[str, Any], check: Check, *, components: int | None = None
    ) -> StoredObject:
        """Create a new generation of an object.

        :param components: number of objects that it was composed of.
        :raises ApiError: 400 for an invalid name; 403 if the object is held; 404 if there is no such bucket; or the check fails.
        """
        with self._lock:
            before = self.live(bucket, check_object_name(name))
            check(before)
            refuse_held(before)
            now = time.time()
            item = StoredObject(
                bucket=bucket,
                name=name,
                generation=max(self._newest + 1, int(now * 1_000_000)),
                metageneration=1,
                size=len(content),
                crc32c=crc32c_of(content),
                md5=md5_of(content) if components is None else None,
                metadata={"storageClass": self.bucket(bucket).metadata["storageClass"], **metadata},
                created=now,
                updated=now,
                components=components,
            )
            self._backing.save_object(item, content)
            self._newest = item.generation
            self._retire(before)
            self._objects[bucket].setdefault(name, []).append(item)
            return item

    def update(self, item: StoredObject, change: Callable[[StoredObject], Mapping[str, Any]], check: Check) -> StoredObject:
        """Set a generation's metadata to the result of ``change``.

        :raises ApiError: 404, or the check fails.
        """
        with self._lock:
            current = self.find(*item.key)
            check(current)
            changed = replace(current, metadata=change(current), metageneration=current.metageneration + 1, updated=time.time())
            self._backing.save_object(changed, None)
            self._replace(current, changed)
            return changed

    def delete(self, bucket: str, name: str, generation: int | None, check: Check) -> None:
        """Delete the live generation, which a bucket with versioning keeps as an old one; or permanently the one with the given number.

        :raises ApiError: 403 if the object is held; 404; or the check fails.
        """
        with self._lock:
            item = self.find(bucket, name, generation)
            check(item)
            refuse_held(item)
            if generation is None:
                self._retire(item)
            else:
                self._drop(item)

    def _retire(self, item: StoredObject | None) -> None:
        if item is not None and self._buckets[item.bucket].keeps_old_generations:
            old = replace(item, deleted=time.time())
            self._backing.save_object(old, None)
            self._replace(item, old)
        elif item is not None:
            self._drop(item)

    def _replace(self, item: StoredObject, other: StoredObject) -> None:
        generations = self._objects[item.bucket][item.name]
        generations[generations.index(item)] = other

    def _drop(self, item: StoredObject) -> None:
        self._backing.drop_object(item)
        self._objects[item.bucket][item.name].remove(item)
        if not self._objects[item.bucket][item.name]:
            del self._objects[item.bucket][item.name]

    def _load(self, bucket: Bucket) -> None:
        self._buckets[bucket.name], self._objects[bucket.name] = bucket, {}
        for item in sorted(self._backing.objects(bucket.name), key=lambda item: item.generation):
            if item.deleted is None:  # a process that died between writing two files may have left an older one live
                self._retire(self.live(bucket.name, item.name))
            self._objects[bucket.name].setdefault(item.name, []).append(item)
            self._newest = max(self._newest, item.generation)


def crc32c_of(content: bytes) -> str:
    """The CRC32C checksum, big-endian, in base64."""
    return base64.b64encode(Checksum(content).digest()).decode()


def md5_of(content: bytes) -> str:
    """The MD5 checksum in base64."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def refuse_held(item: StoredObject | None) -> None:
    """
    :raises ApiError: 403 if the object is held, so that it can be neither deleted nor replaced.
    """
    for hold, word in _HOLDS.items():
        if item is not None and item.metadata.get(hold):
            what = f"Object '{item.bucket}/{item.name}' is under active {word} hold"
            raise ApiError(403, f"{what} and cannot be deleted, overwritten or archived until hold is removed.")
