"""The three kinds of uploads: the content alone, metadata and content in one body, or chunk by chunk.

Sources: https://cloud.google.com/storage/docs/uploads-downloads , https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from airflow_dataflow_ext.emulator.google.call import StorageCall
from airflow_dataflow_ext.emulator.google.metadata import check_object, object_body, settable
from airflow_dataflow_ext.emulator.google.multipart import read_parts
from airflow_dataflow_ext.emulator.google.names import check_object_name
from airflow_dataflow_ext.emulator.google.preconditions import Preconditions
from airflow_dataflow_ext.emulator.google.records import StoredObject, object_resource
from airflow_dataflow_ext.emulator.google.store import ObjectStore, crc32c_of, md5_of
from airflow_dataflow_ext.emulator.http.errors import ApiError
from airflow_dataflow_ext.emulator.http.router import Outgoing, read_body

CHUNK = 256 * 1024
"""Bytes; the size of every chunk but the last is a multiple of this."""
_LIFETIME = 7 * 24 * 3600.0
_RANGE = re.compile(r"bytes (?:([0-9]{1,18})-([0-9]{1,18})|\*)/([0-9]{1,18}|\*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An object without its content.

    :param hashes: the content's checksums as the client states them: ``crc32c`` and ``md5Hash``, in base64.
    """

    bucket: str
    name: str
    metadata: Mapping[str, Any]
    hashes: Mapping[str, str]
    preconditions: Preconditions


@dataclass(slots=True, kw_only=True)
class Session:
    """A resumable upload.

    :param size: size of the whole content, once the client has stated it.
    :param item: the object, once the upload is complete.
    """

    draft: Draft
    size: int | None = None
    content: bytearray = field(default_factory=bytearray)
    item: StoredObject | None = None
    begun: float = field(default_factory=time.time)


class Uploads:
    """Uploads into a store. Incomplete resumable uploads are kept in memory only."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._sessions: dict[str, Session] = {}

    def answer(self, call: StorageCall) -> dict[str, Any] | Outgoing:
        """Answer an upload, or a step of one; returns the object's resource once it is complete.

        :raises ApiError: it is refused; no object has changed.
        """
        if "upload_id" in call.query:
            return self._continue(call, call.query["upload_id"])
        kind = call.query.get("uploadType", "")
        if call.method.verb != call.verb or kind not in ("media", "multipart", "resumable"):
            raise ApiError(400, f"Invalid upload request: {call.verb} with uploadType '{kind[:50]}'", reason="badRequest")
        if kind == "resumable":
            return self._begin(call)
        if kind == "media":
            draft, content = _draft(call, {}, call.headers.get("content-type", "")), call.content
        else:
            draft, content = _read_multipart(call)
        return object_resource(self._finish(draft, content), call.origin)

    def _begin(self, call: StorageCall) -> Outgoing:
        body = read_body(call.content) if call.content.strip() else {}
        draft = _draft(call, body, call.headers.get("x-upload-content-type", ""))
        size = call.headers.get("x-upload-content-length", "")
        if size and not re.fullmatch("[0-9]{1,18}", size):
            raise ApiError(400, f"Invalid value for X-Upload-Content-Length: '{size[:50]}'", reason="invalid")
        draft.preconditions.check(self._store.live(draft.bucket, draft.name))
        self._forget_old()
        upload_id = secrets.token_urlsafe(48)
        self._sessions[upload_id] = Session(draft=draft, size=int(size) if size else None)
        place = f"{call.origin}/upload/storage/v1/b/{quote(draft.bucket)}/o?uploadType=resumable&name={quote(draft.name, safe='')}"
        headers = {"Location": f"{place}&upload_id={upload_id}", "X-GUploader-UploadID": upload_id}
        return Outgoing(content=b"", headers=headers)

    def _continue(self, call: StorageCall, upload_id: str) -> dict[str, Any] | Outgoing:
        self._forget_old()
        session = self._sessions.get(upload_id)
        if session is None or session.draft.bucket != call.path["bucket"]:
            raise ApiError(404, "Upload session not found: it is unknown, cancelled or older than a week.")
        if call.verb == "DELETE":
            del self._sessions[upload_id]
            return Outgoing(status=499, content=b"")
        if call.verb not in ("PUT", "POST"):
            raise ApiError(405, f"An upload session does not accept {call.verb}", reason="methodNotAllowed")
        if session.item is None:
            self._receive(session, call)
        if session.item is not None:
            return object_resource(session.item, call.origin)
        received = len(session.content)
        return Outgoing(status=308, content=b"", headers={"Range": f"bytes=0-{received - 1}"} if received else {})

    def _receive(self, session: Session, call: StorageCall) -> None:
        """Accept a chunk, and create the object if it was the last one."""
        start, size = _read_content_range(call)
        if size is not None and session.size not in (None, size):
            raise ApiError(400, f"Invalid request. The upload's size was {session.size} bytes, and is now {size}.", reason="badRequest")
        received = len(session.content)
        if start is None and size != received:  # the client asks how much has been received
            return
        chunk = b"" if start is None else _fitting(call.content, start, received)
        end = received + len(chunk)
        whole = session.size if size is None else size
        if whole is not None and end > whole:
            raise ApiError(400, f"Invalid request. The upload has {whole} bytes, but the chunk ends at {end}.", reason="badRequest")
        if whole is None or end < whole:
            session.content += chunk[: end // CHUNK * CHUNK - received]
            session.size = whole
            return
        hashes = {**session.draft.hashes, **header_hashes(call.headers)}
        session.item = self._finish(session.draft, bytes(session.content) + chunk, hashes)
        session.content.clear()

    def _finish(self, draft: Draft, content: bytes, hashes: Mapping[str, str] | None = None) -> StoredObject:
        check_hashes(hashes or draft.hashes, content)
        return self._store.put(draft.bucket, draft.name, content, draft.metadata, draft.preconditions.check)

    def _forget_old(self) -> None:
        oldest = time.time() - _LIFETIME
        for upload_id in [upload_id for upload_id, session in self._sessions.items() if session.begun < oldest]:
            del self._sessions[upload_id]


def _draft(call: StorageCall, body: Any, content_type: str) -> Draft:
    fields = object_body(body, {"bucket": call.path["bucket"]})
    name = call.parameters.get("name") or fields.get("name")
    metadata = settable(fields)
    if content_type:
        metadata.setdefault("contentType", content_type)
    if encoding := call.parameters.get("contentEncoding"):
        metadata.setdefault("contentEncoding", encoding)
    check_object(metadata)
    said = {name: fields[name] for name in ("crc32c", "md5Hash") if fields.get(name)}
    return Draft(
        bucket=call.path["bucket"],
        name=check_object_name(name),
        metadata=metadata,
        hashes={**said, **header_hashes(call.headers)},
        preconditions=Preconditions.of(call.parameters),
    )


def _read_multipart(call: StorageCall) -> tuple[Draft, bytes]:
    parts = read_parts(call.headers.get("content-type", ""), call.content)
    if len(parts) != 2:
        raise ApiError(400, f"Malformed multipart body: it has {len(parts)} parts instead of metadata and content.", reason="badContent")
    first, second = parts
    body = read_body(first.content) if first.content.strip() else {}
    return _draft(call, body, second.headers.get("content-type", "")), second.content


def _read_content_range(call: StorageCall) -> tuple[int | None, int | None]:
    """Start of the chunk, or None if the client only asks for the status; and the size of the whole content, or None if unknown."""
    text = call.headers.get("content-range", "")
    if not text:
        return 0, len(call.content)
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        raise ApiError(400, f"Invalid value for Content-Range: '{text[:100]}'", reason="invalid")
    size = None if found[3] == "*" else int(found[3])
    if found[1] is None:
        return None, size
    start, end = int(found[1]), int(found[2])
    if end - start + 1 != len(call.content):
        said = f"There were {len(call.content)} byte(s) in the request body. There should have been {end - start + 1} byte(s)"
        raise ApiError(400, f"Invalid request. {said} according to the Content-Range header.", reason="badRequest")
    return start, size


def _fitting(content: bytes, start: int, received: int) -> bytes:
    """The part of a chunk that is new."""
    if start > received:
        said = f"According to the Content-Range header, the upload offset is {start} byte(s)"
        raise ApiError(400, f"Invalid request. {said}, which exceeds already uploaded size of {received} byte(s).", reason="badRequest")
    return content[received - start :]


def header_hashes(headers: Mapping[str, str]) -> dict[str, str]:
    """The content's checksums in a request's headers: ``crc32c`` and ``md5Hash``, in base64."""
    names = {"crc32c": "crc32c", "md5": "md5Hash"}
    pairs = [pair.strip().partition("=") for pair in headers.get("x-goog-hash", "").split(",")]
    said = {names[kind]: value for kind, _, value in pairs if kind in names}
    if md5 := headers.get("content-md5"):
        said["md5Hash"] = md5
    return said


def check_hashes(said: Mapping[str, str], content: bytes) -> None:
    """
    :raises ApiError: 400 if the content does not match its checksums.
    """
    for name, compute, word in (("crc32c", crc32c_of, "CRC32C"), ("md5Hash", md5_of, "MD5 hash")):
        if name in said and said[name] != (found := compute(content)):
            raise ApiError(400, f'Provided {word} "{said[name][:100]}" doesn\'t match calculated {word} "{found}".', reason="invalid")
