"""The fields of objects and buckets that clients may set, and how a patch changes them.

Sources: https://cloud.google.com/storage/docs/json_api/v1/objects , https://cloud.google.com/storage/docs/json_api/v1/buckets
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_dataflow_ext.emulator.google.gcs_schema import read_body
from airflow_dataflow_ext.emulator.http.errors import ApiError

Fields = dict[str, Any]
_HEADERS = ("cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "contentType")
_OBJECT_FIELDS = frozenset(
    (*_HEADERS, "contexts", "customTime", "eventBasedHold", "kmsKeyName", "metadata", "retention", "storageClass", "temporaryHold")
)
# Fields of a bucket that the service itself sets; access lists are accepted and ignored, because the emulator checks no permissions.
_OF_THE_SERVICE = frozenset(
    (
        *("kind", "id", "name", "selfLink", "projectNumber", "generation", "metageneration", "etag", "timeCreated", "updated", "owner"),
        *("locationType", "acl", "defaultObjectAcl", "softDeleteTime", "hardDeleteTime", "satisfiesPZI", "satisfiesPZS"),
    )
)
_CLASSES = ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE", "MULTI_REGIONAL", "REGIONAL", "DURABLE_REDUCED_AVAILABILITY")
_LOCATION = re.compile(r"[A-Z0-9-]{2,40}")
_LARGEST = 8 * 1024
"""Greatest size of an object's custom metadata, in bytes: https://cloud.google.com/storage/quotas#objects"""


def object_body(body: Any, path: Mapping[str, str]) -> Fields:
    """The checked body of a request about an object, with all fields that the client gave.

    :param path: the path values, with which the body must agree.
    :raises ApiError: 400.
    """
    read = read_body("Object", body)
    for field, name in (("name", "object"), ("bucket", "bucket")):
        said, meant = read.get(field), path.get(name)
        if said is not None and meant is not None and said != meant:
            what = f"Value '{said[:300]}' in content does not agree with value '{meant[:300]}'."
            raise ApiError(
                400, f"{what} This can happen when a value set through a parameter is inconsistent with a value set in the request."
            )
    check_object(read)
    return read


def check_object(fields: Mapping[str, Any]) -> None:
    """
    :raises ApiError: 400 if a field has a value that an object cannot have.
    """
    for name in _HEADERS:
        if any(not char.isprintable() for char in fields.get(name) or ""):
            raise ApiError(400, f"Invalid value for: {name}: it has characters that are not allowed in an HTTP header", reason="invalid")
    _check_class(fields)
    own = fields.get("metadata") or {}
    if sum(len(key.encode()) + len((value or "").encode()) for key, value in own.items()) > _LARGEST:
        raise ApiError(400, f"The metadata of an object has at most {_LARGEST} bytes.", reason="invalid")


def settable(fields: Mapping[str, Any]) -> Fields:
    """The fields that a client may set, without those that are null."""
    return merged({}, {name: value for name, value in fields.items() if name in _OBJECT_FIELDS})


def patched(before: Mapping[str, Any], fields: Mapping[str, Any]) -> Fields:
    """An object's metadata after a patch: null removes a field, and fields that the patch does not contain stay."""
    after = merged(before, {name: value for name, value in fields.items() if name in _OBJECT_FIELDS})
    after.setdefault("storageClass", before["storageClass"])
    check_object(after)
    return after


def bucket_body(body: Any) -> Fields:
    """The checked body of a request about a bucket, with the fields that a client may set.

    :raises ApiError: 400.
    """
    read = read_body("Bucket", body)
    _check_class(read)
    if read.get("location") is not None:
        read["location"] = location = read["location"].upper()
        if not _LOCATION.fullmatch(location):
            raise ApiError(400, "The specified location constraint is not valid.", reason="invalid")
    return {name: value for name, value in read.items() if name not in _OF_THE_SERVICE}


def location_type(location: str) -> str:
    """The kind of a bucket's location."""
    if location in ("US", "EU", "ASIA"):
        return "multi-region"
    return "region" if "-" in location else "dual-region"


def merged(before: Mapping[str, Any], patch: Mapping[str, Any]) -> Fields:
    """``before`` changed by ``patch``: null removes a field, objects are merged, lists are replaced.

    Source: https://www.rfc-editor.org/rfc/rfc7396
    """
    after = dict(before)
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, Mapping):
            old = after.get(name)
            after[name] = merged(old if isinstance(old, Mapping) else {}, value)
        else:
            after[name] = value
    return after


def _check_class(fields: Mapping[str, Any]) -> None:
    name = fields.get("storageClass")
    if name is not None and name not in _CLASSES:
        raise ApiError(400, f"Invalid storage class: '{name[:100]}'", reason="invalid")
