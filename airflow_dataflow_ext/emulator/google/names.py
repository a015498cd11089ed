"""Names of buckets and objects that Cloud Storage accepts, and ``gs://`` paths.

Sources: https://cloud.google.com/storage/docs/buckets#naming , https://cloud.google.com/storage/docs/objects#naming
"""

from __future__ import annotations

import re

from airflow_dataflow_ext.emulator.http.errors import ApiError

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]*[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_RESERVED = re.compile(r"^goog|google|g00gle")
_LONGEST_OBJECT_NAME = 1024


class StorageError(Exception):
    """The emulated Cloud Storage cannot do what was asked, for example because a path is not valid, or a port is in use."""


def split_path(gs_path: str) -> tuple[str, str]:
    """Bucket and object name of a path such as ``gs://bucket/some/object``; the object name may be empty.

    :raises StorageError: it is not such a path.
    """
    scheme, _, rest = gs_path.partition("://")
    bucket, _, name = rest.partition("/")
    if scheme != "gs" or not bucket:
        raise StorageError(f"Not a Cloud Storage path: {gs_path!r}; expected gs://bucket/object.")
    return bucket, name


def check_bucket_name(name: object) -> str:
    """Check the name of a new bucket.

    :raises ApiError: 400 if it is missing or not valid.
    """
    if not isinstance(name, str) or not name:
        raise ApiError(400, "Required parameter: name", reason="required")
    parts = name.split(".")
    long = len(name) > (222 if len(parts) > 1 else 63) or any(len(part) > 63 for part in parts)
    beside_a_dot = any(not part or part[0] == "-" or part[-1] == "-" for part in parts)
    if len(name) < 3 or long or beside_a_dot or not _BUCKET.fullmatch(name) or _ADDRESS.fullmatch(name) or _RESERVED.search(name):
        raise ApiError(400, f"Invalid bucket name: '{name[:300]}'", reason="invalid")
    return name


def check_object_name(name: object) -> str:
    """Check the name of a new object.

    :raises ApiError: 400 if it is missing or not valid.
    """
    if not isinstance(name, str) or not name:
        raise ApiError(400, "Required parameter: name", reason="required")
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise ApiError(400, "The object's name is not valid UTF-8", reason="invalid") from error
    if size > _LONGEST_OBJECT_NAME:
        raise ApiError(
            400, f"The maximum object length is {_LONGEST_OBJECT_NAME} characters, but got a name with {size} characters.", reason="invalid"
        )
    if name in (".", "..") or "\r" in name or "\n" in name or name.startswith(".well-known/acme-challenge/"):
        raise ApiError(400, f"Disallowed unicode characters present in object name '{name[:300]}'", reason="invalid")
    return name
