"""An object's content as a reply: the whole content, a range, or decompressed.

Sources: https://cloud.google.com/storage/docs/transcoding , https://www.rfc-editor.org/rfc/rfc9110#section-14
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import formatdate

from airflow_dataflow_ext.emulator.google.call import gunzip
from airflow_dataflow_ext.emulator.google.gcs_errors import RangeError
from airflow_dataflow_ext.emulator.google.records import StoredObject
from airflow_dataflow_ext.emulator.google.store import ObjectStore
from airflow_dataflow_ext.emulator.http.router import Outgoing

_RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")
_LARGEST_UNPACKED = 1024 * 1024 * 1024
_SHOWN = {
    "cacheControl": "Cache-Control",
    "contentDisposition": "Content-Disposition",
    "contentEncoding": "Content-Encoding",
    "contentLanguage": "Content-Language",
}


def download(store: ObjectStore, item: StoredObject, headers: Mapping[str, str]) -> Outgoing:
    """The content in the form that the request's headers ask for.

    :param headers: headers of the request, with names in lower case.
    :raises RangeError: the range is beyond the content.
    """
    shown = _headers(item)
    content_type = str(item.metadata.get("contentType") or "application/octet-stream")
    if _is_to_be_unpacked(item, headers):
        plain = gunzip(store.read(item), _LARGEST_UNPACKED)
        if plain is not None:  # ranges refer to the stored bytes, so decompressed content has none
            del shown["Content-Encoding"]
            shown["Warning"] = "214 UploadServer gunzipped"
            return Outgoing(content=plain, headers=shown, content_type=content_type)
    part = read_range(headers.get("range", ""), item.size)
    if part is None:
        return Outgoing(content=store.read(item), headers=shown, content_type=content_type)
    start, end = part
    shown["Content-Range"] = f"bytes {start}-{end - 1}/{item.size}"
    return Outgoing(status=206, content=store.read(item, start, end), headers=shown, content_type=content_type)


def read_range(text: str, size: int) -> tuple[int, int] | None:
    """First byte and end (exclusive) of a ``Range`` header; None if it is not a single valid range.

    :raises RangeError: the range is beyond the content.
    """
    found = _RANGE.fullmatch(text.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= size:
        raise RangeError(size)
    return start, end


def _is_to_be_unpacked(item: StoredObject, headers: Mapping[str, str]) -> bool:
    packed = item.metadata.get("contentEncoding") == "gzip"
    as_it_is = "no-transform" in item.metadata.get("cacheControl", "")
    return packed and not as_it_is and "gzip" not in headers.get("accept-encoding", "")


def _headers(item: StoredObject) -> dict[str, str]:
    own = {header: str(item.metadata[field]) for field, header in _SHOWN.items() if item.metadata.get(field)}
    return own | {
        "ETag": f'"{item.etag}"',
        "Last-Modified": formatdate(item.updated, usegmt=True),
        "Accept-Ranges": "bytes",
        "X-Goog-Generation": str(item.generation),
        "X-Goog-Metageneration": str(item.metageneration),
        "X-Goog-Hash": item.hashes,
        "X-Goog-Storage-Class": str(item.metadata["storageClass"]),
        "X-Goog-Stored-Content-Encoding": str(item.metadata.get("contentEncoding") or "identity"),
        "X-Goog-Stored-Content-Length": str(item.size),
    }
