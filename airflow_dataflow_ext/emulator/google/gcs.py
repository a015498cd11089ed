"""The emulated Cloud Storage: the routing of requests, and the server.

Source: https://cloud.google.com/storage/docs/json_api
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.emulator.dataflow.partial import Selection, select, selected
from airflow_dataflow_ext.emulator.google.backing import DiskBacking
from airflow_dataflow_ext.emulator.google.call import Asked, StorageCall, decoded, read_target, unpacked
from airflow_dataflow_ext.emulator.google.gcs_batch import answer_batch
from airflow_dataflow_ext.emulator.google.gcs_buckets import BucketMethods
from airflow_dataflow_ext.emulator.google.gcs_errors import refuse_json
from airflow_dataflow_ext.emulator.google.gcs_objects import ObjectMethods
from airflow_dataflow_ext.emulator.google.gcs_schema import document, methods, read_query
from airflow_dataflow_ext.emulator.google.gcs_server import StorageServer
from airflow_dataflow_ext.emulator.google.gcs_xml import answer_xml, refuse_xml
from airflow_dataflow_ext.emulator.google.names import StorageError
from airflow_dataflow_ext.emulator.google.oauth import IssuedTokens
from airflow_dataflow_ext.emulator.google.objects import Objects
from airflow_dataflow_ext.emulator.google.store import ObjectStore
from airflow_dataflow_ext.emulator.google.uploads import Uploads
from airflow_dataflow_ext.emulator.http.errors import ApiError
from airflow_dataflow_ext.emulator.http.override import query_and_body, verb_of
from airflow_dataflow_ext.emulator.http.router import Incoming, Outgoing, as_json

__all__ = ["GcsServer", "StorageError", "StorageService"]

_JSON_API = re.compile(r"/(storage|download/storage|upload/storage|resumable/upload/storage|batch)(/|\Z)")
_BATCHES = ("/batch", "/batch/storage/v1")
_UPLOADS = ("/upload/storage/v1/", "/resumable/upload/storage/v1/")
_INSERT = next(method for method in methods() if method.id == "storage.objects.insert")
_GET = next(method for method in methods() if method.id == "storage.objects.get")
Handler = Callable[[StorageCall], Mapping[str, Any] | Outgoing | None]


class StorageService:
    """Answers requests to Cloud Storage from a store.

    :param tokens: checks the token of each request; None checks nothing.
    """

    def __init__(self, store: ObjectStore, tokens: IssuedTokens | None = None) -> None:
        self._store = store
        self._tokens = tokens
        self._uploads = Uploads(store)
        self._handlers: dict[str, Handler] = {**BucketMethods(store).answers, **ObjectMethods(store).answers}
        self._routes = [(method, _pattern(method.path)) for method in methods()]

    def answer(self, verb: str, target: str, headers: Mapping[str, str], content: bytes, origin: str) -> Outgoing:
        """The answer, which may be a refusal; after a refusal, nothing has changed.

        :param target: path and query, as in the request line.
        :param headers: names in lower case.
        :param origin: scheme and host under which the client knows the service.
        """
        meant = verb_of(verb, headers)
        more, content = query_and_body(verb, meant, content)
        try:
            path, query = read_target(f"{target}?{more}" if more else target)
        except ApiError as error:
            return refuse_json(error)
        return self._answer(Asked(verb=meant, path=path, query=query, headers=headers, content=content, origin=origin))

    def _answer(self, asked: Asked) -> Outgoing:
        is_json = _JSON_API.match(asked.path) is not None
        try:
            self._check_token(asked)
            return self._answer_json(asked) if is_json else answer_xml(self._store, asked)
        except ApiError as refusal:
            error = refusal
        except OSError as failure:  # a disk error
            error = ApiError(503, f"The storage emulator cannot write or read its files: {failure.strerror or failure}")
        except Exception as failure:  # whatever happened, the client gets a server error in the service's form
            error = ApiError(500, f"The storage emulator failed: {type(failure).__name__}: {failure}")
        return refuse_json(error) if is_json else refuse_xml(error)

    def _check_token(self, asked: Asked) -> None:
        if self._tokens is not None:
            self._tokens.check(Incoming(method=_GET, path={}, query=asked.query, headers=asked.headers, content=b""))

    def _answer_json(self, asked: Asked) -> Outgoing:
        if asked.path in _BATCHES and asked.verb == "POST":
            return answer_batch(asked, self._answer)
        for start in _UPLOADS:
            if asked.path.startswith(start):
                return self._answer_upload(asked, asked.path.removeprefix(start))
        call = self._route(asked)
        handler = self._handlers.get(call.method.id)
        if call.method is _INSERT:
            message = "Upload requests must be uploaded to */upload/*. Re-send this request with the same path, but with /upload/ prefix."
            raise ApiError(400, message, reason="wrongUrlForUpload")
        if handler is None:
            raise ApiError(501, f"The emulator does not support {call.method.id}.", reason="notImplemented")
        if call.query.get("alt", "json") not in ("json", "media"):
            raise ApiError(400, f"Unknown output format: {call.query['alt'][:100]}", reason="invalidAltValue")
        fields = _selected(call)  # checked before anything changes
        return _shown(handler(call), fields)

    def _route(self, asked: Asked) -> StorageCall:
        verb = "GET" if asked.verb == "HEAD" else asked.verb
        path, media = asked.path.removeprefix("/download"), asked.path.startswith("/download/")
        for method, pattern in self._routes:
            found = pattern.fullmatch(path) if method.verb == verb and (method is _GET or not media) else None
            if found is not None:
                query = {**asked.query, "alt": "media"} if media else asked.query
                return _call(asked, method, found.groupdict(), query)
        raise ApiError(404, f"Not Found: {asked.verb} {asked.path[:300]}")

    def _answer_upload(self, asked: Asked, path: str) -> Outgoing:
        found = _pattern(_INSERT.path).fullmatch(f"/storage/v1/{path}")
        if found is None:
            raise ApiError(404, f"Not Found: {asked.verb} {asked.path[:300]}")
        call = _call(asked, _INSERT, found.groupdict(), asked.query)
        fields = _selected(call)
        return _shown(self._uploads.answer(call), fields)


def _call(asked: Asked, method: Method, path: Mapping[str, str], query: Mapping[str, str]) -> StorageCall:
    return StorageCall(
        method=method,
        verb=asked.verb,
        path={name: decoded(value) for name, value in path.items()},
        query=query,
        headers=asked.headers,
        content=unpacked(asked.headers, asked.content),
        parameters=read_query(method, query),
        origin=asked.origin,
    )


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("/storage/v1/" + re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))


def _selected(call: StorageCall) -> Selection:
    """The fields that the client selects; empty for all."""
    return selected(call.query.get("fields", ""), call.method.reply, document()["schemas"])


def _shown(answer: Mapping[str, Any] | Outgoing | None, fields: Selection) -> Outgoing:
    """A handler's answer as a reply with the fields that the client selects."""
    if answer is None:
        return Outgoing(status=204, content=b"")
    if isinstance(answer, Outgoing):
        return answer
    headers = {"ETag": answer["etag"]} if "etag" in answer else {}
    return as_json(select(fields, answer) if fields else answer, headers=headers)


class GcsServer:
    """An emulated Cloud Storage, for clients and for the emulator's own code.

    Clients reach it with ``STORAGE_EMULATOR_HOST=<url>``.

    :param host: loopback address to listen on.
    :param port: port to listen on; 0 takes any free one.
    :param data_dir: directory that keeps objects from run to run; None keeps them in memory.
    :param tokens: checks the token of each request; None checks nothing.
    :raises StorageError: the port is in use, or a stored record cannot be read.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, data_dir: str | Path | None = None, *, tokens: IssuedTokens | None = None
    ) -> None:
        self.objects = Objects(ObjectStore(DiskBacking(Path(data_dir)) if data_dir is not None else None))
        self._server = StorageServer(StorageService(self.objects.store, tokens).answer, host, port)
        self.url = self._server.url

    def start(self) -> None:
        """Start serving in a thread of its own."""
        self._server.start()

    def stop(self) -> None:
        """Stop serving and free the port; objects in memory are lost."""
        self._server.stop()
