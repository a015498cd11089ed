"""The store's records of a bucket and of one generation of an object, and their form in the JSON API."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from airflow_dataflow_ext.emulator.dataflow.values import stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket.

    :param metadata: the fields of its resource that clients may set.
    :param created: seconds since 1970, like ``updated``.
    """

    name: str
    metadata: Mapping[str, Any]
    metageneration: int
    created: float
    updated: float

    @property
    def keeps_old_generations(self) -> bool:
        return bool(self.metadata.get("versioning", {}).get("enabled"))

    @property
    def etag(self) -> str:
        return _etag(f"{self.created}/{self.metageneration}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One generation of an object.

    :param crc32c: checksum in base64.
    :param md5: checksum in base64; None for a composed object.
    :param metadata: the fields of its resource that clients may set.
    :param created: seconds since 1970, like ``updated`` and ``deleted``; ``deleted`` is None while the generation is live.
    :param components: number of objects that it was composed of.
    """

    bucket: str
    name: str
    generation: int
    metageneration: int
    size: int
    crc32c: str
    md5: str | None
    metadata: Mapping[str, Any]
    created: float
    updated: float
    components: int | None = None
    deleted: float | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        """The unique key of this generation."""
        return self.bucket, self.name, self.generation

    @property
    def etag(self) -> str:
        return _etag(f"{self.generation}/{self.metageneration}")

    @property
    def hashes(self) -> str:
        """The header ``X-Goog-Hash``."""
        return f"crc32c={self.crc32c}" + (f",md5={self.md5}" if self.md5 else "")


def bucket_resource(bucket: Bucket, origin: str) -> dict[str, Any]:
    """A bucket as the JSON API shows it, except for the project number, which would make Beam ask Google about the project.

    :param origin: scheme and host under which the client knows the service.

    Source: https://cloud.google.com/storage/docs/json_api/v1/buckets
    """
    return {
        **bucket.metadata,
        "kind": "storage#bucket",
        "id": bucket.name,
        "name": bucket.name,
        "selfLink": f"{origin}/storage/v1/b/{bucket.name}",
        "metageneration": str(bucket.metageneration),
        "etag": bucket.etag,
        "timeCreated": stamp(bucket.created),
        "updated": stamp(bucket.updated),
    }


def object_resource(item: StoredObject, origin: str) -> dict[str, Any]:
    """A generation of an object as the JSON API shows it.

    :param origin: scheme and host under which the client knows the service.

    Source: https://cloud.google.com/storage/docs/json_api/v1/objects
    """
    place = f"storage/v1/b/{item.bucket}/o/{quote(item.name, safe='')}"
    resource = {
        **item.metadata,
        "kind": "storage#object",
        "id": f"{item.bucket}/{item.name}/{item.generation}",
        "name": item.name,
        "bucket": item.bucket,
        "selfLink": f"{origin}/{place}",
        "mediaLink": f"{origin}/download/{place}?generation={item.generation}&alt=media",
        "generation": str(item.generation),
        "metageneration": str(item.metageneration),
        "size": str(item.size),
        "crc32c": item.crc32c,
        "etag": item.etag,
        "timeCreated": stamp(item.created),
        "timeFinalized": stamp(item.created),
        "timeStorageClassUpdated": stamp(item.created),
        "updated": stamp(item.updated),
    }
    if item.md5:
        resource["md5Hash"] = item.md5
    if item.components is not None:
        resource["componentCount"] = item.components
    if item.deleted is not None:
        resource["timeDeleted"] = stamp(item.deleted)
    return resource


def _etag(version: str) -> str:
    return base64.b64encode(version.encode()).decode()
