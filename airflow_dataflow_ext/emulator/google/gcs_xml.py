"""The part of the XML API that plain URLs of objects need: reading, writing and deleting ``/bucket/object``.

Source: https://cloud.google.com/storage/docs/xml-api/reference-methods
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from airflow_dataflow_ext.emulator.google.call import Asked, decoded
from airflow_dataflow_ext.emulator.google.downloads import download
from airflow_dataflow_ext.emulator.google.gcs_errors import error_headers
from airflow_dataflow_ext.emulator.google.metadata import check_object
from airflow_dataflow_ext.emulator.google.preconditions import Preconditions
from airflow_dataflow_ext.emulator.google.store import NO_BUCKET, ObjectStore
from airflow_dataflow_ext.emulator.google.uploads import check_hashes, header_hashes
from airflow_dataflow_ext.emulator.http.errors import ApiError
from airflow_dataflow_ext.emulator.http.router import Outgoing

_CODES: Mapping[int, str] = {
    400: "InvalidArgument",
    401: "AuthenticationRequired",
    403: "AccessDenied",
    404: "NoSuchKey",
    405: "MethodNotAllowed",
    412: "PreconditionFailed",
    416: "InvalidRange",
}
_FIELDS = {
    "cache-control": "cacheControl",
    "content-disposition": "contentDisposition",
    "content-encoding": "contentEncoding",
    "content-language": "contentLanguage",
    "content-type": "contentType",
    "x-goog-storage-class": "storageClass",
}
_OWN = "x-goog-meta-"


def answer_xml(store: ObjectStore, asked: Asked) -> Outgoing:
    """Answer a request for ``/bucket/object``.

    :raises ApiError: the request is refused; nothing has changed.
    """
    bucket, _, name = asked.path.lstrip("/").partition("/")
    bucket, name = decoded(bucket), decoded(name)
    if not name or asked.verb not in ("GET", "HEAD", "PUT", "DELETE"):
        raise ApiError(404, f"Not Found: {asked.verb} {asked.path[:300]}")
    preconditions = _preconditions(asked.headers)
    if asked.verb == "PUT":
        return _put(store, asked, bucket, name, preconditions)
    generation = _number("generation", asked.query.get("generation"))
    if asked.verb == "DELETE":
        store.delete(bucket, name, generation, preconditions.check)
        return Outgoing(status=204, content=b"")
    item = store.find(bucket, name, generation)
    preconditions.check(item)
    answer = download(store, item, asked.headers)
    own = {f"{_OWN}{key}": value for key, value in item.metadata.get("metadata", {}).items() if _fits_a_header(key, value)}
    return Outgoing(status=answer.status, content=answer.content, headers={**answer.headers, **own}, content_type=answer.content_type)


def _put(store: ObjectStore, asked: Asked, bucket: str, name: str, preconditions: Preconditions) -> Outgoing:
    if "x-goog-copy-source" in asked.headers or "uploadId" in asked.query or "uploads" in asked.query:
        raise ApiError(501, "The emulator does not support copies and multipart uploads of the XML API.")
    metadata: dict[str, Any] = {field: asked.headers[header] for header, field in _FIELDS.items() if header in asked.headers}
    own = {header.removeprefix(_OWN): value for header, value in asked.headers.items() if header.startswith(_OWN)}
    check_object(metadata | {"metadata": own})
    check_hashes(header_hashes(asked.headers), asked.content)
    item = store.put(bucket, name, asked.content, metadata | ({"metadata": own} if own else {}), preconditions.check)
    return Outgoing(content=b"", headers={"ETag": f'"{item.etag}"', "X-Goog-Generation": str(item.generation), "X-Goog-Hash": item.hashes})


def refuse_xml(error: ApiError) -> Outgoing:
    """A refusal in the XML API's form."""
    if error.status == 304:
        return Outgoing(status=304, content=b"")
    code = _CODES.get(error.status, "InvalidArgument" if error.status < 500 else "InternalError")
    if str(error) == NO_BUCKET:
        code = "NoSuchBucket"
    text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{escape(str(error))}</Message></Error>"
    content = text.encode("utf-8", "replace")
    return Outgoing(status=error.status, content=content, headers=error_headers(error), content_type="application/xml; charset=UTF-8")


def _preconditions(headers: Mapping[str, str]) -> Preconditions:
    names = {"ifGenerationMatch": "x-goog-if-generation-match", "ifMetagenerationMatch": "x-goog-if-metageneration-match"}
    return Preconditions.of({field: _number(header, headers.get(header)) for field, header in names.items()}, headers=headers)


def _number(name: str, text: str | None) -> int | None:
    if text is not None and not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ApiError(400, f"Invalid value for {name}: '{text[:100]}'", reason="invalid")
    return None if text is None else int(text)


def _fits_a_header(key: str, value: str) -> bool:
    return key.isascii() and key.replace("-", "").replace("_", "").isalnum() and value.isprintable()
