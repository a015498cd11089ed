"""The bucket side of the emulator: the ``gcp-storage-emulator`` package, served so that several clients can talk to it at once."""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import threading
import urllib.error
import urllib.request
import uuid
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gcp_storage_emulator.storage import Storage

_WRITE_TIMEOUT = 60.0


class StorageError(Exception):
    """The storage emulator cannot do what was asked: a path that is none, a port in use, a missing package."""


def split_path(gs_path: str) -> tuple[str, str]:
    """``gs://bucket/some/object`` as bucket and object name; the object may be empty.

    :raises StorageError: it is no such path.
    """
    scheme, _, rest = gs_path.partition("://")
    bucket, _, name = rest.partition("/")
    if scheme != "gs" or not bucket:
        raise StorageError(f"Not a Cloud Storage path: {gs_path!r}; expected gs://bucket/object.")
    return bucket, name


class StoredObjects:
    """Objects by their ``gs://`` paths, for code that runs in the emulator's own process."""

    def __init__(self, storage: Storage, lock: threading.Lock, url: str) -> None:
        self._storage = storage
        self._lock = lock
        self._url = url

    def read(self, gs_path: str) -> bytes | None:
        """The object's content, or None where there is no such object.

        :raises StorageError: the path is none.
        """
        from gcp_storage_emulator.exceptions import NotFound

        bucket, name = split_path(gs_path)
        with self._lock:
            try:
                self._storage.get_file_obj(bucket, name)
                content: bytes = self._storage.get_file(bucket, name, show_error=False)
            except NotFound:
                return None
        return content

    def write(self, gs_path: str, content: bytes) -> None:
        """Create or replace an object; a bucket that is not there is made.

        :raises StorageError: the path names no object, or the server does not answer.
        """
        bucket, name = split_path(gs_path)
        if not name:
            raise StorageError(f"Not an object: {gs_path!r} names a bucket only.")
        request = urllib.request.Request(  # noqa: S310 - our own http:// address
            f"{self._url}/upload/storage/v1/b/{bucket}/o?uploadType=multipart",
            data=_multipart(name, content),
            headers={"Content-Type": f"multipart/related; boundary={_BOUNDARY}"},
            method="POST",
        )
        try:
            with _DIRECT.open(request, timeout=_WRITE_TIMEOUT) as reply:
                reply.read()
        except urllib.error.URLError as error:
            raise StorageError(f"Cannot write {gs_path}: {error}") from error

    def list(self, prefix: str) -> list[str]:
        """The ``gs://`` paths of all objects that begin with the prefix, sorted; of an unknown bucket none.

        :raises StorageError: the prefix names no bucket.
        """
        from gcp_storage_emulator.exceptions import NotFound

        bucket, start = split_path(prefix)
        with self._lock:
            try:
                found, _ = self._storage.get_file_list(bucket, prefix=start)
            except NotFound:
                return []
            return [f"gs://{bucket}/{item['name']}" for item in found]


class GcsServer:
    """A Cloud Storage JSON API on this machine.

    It answers ``STORAGE_EMULATOR_HOST=<url>``. A write into a bucket that is not there makes the bucket.

    :param host: the address to listen on, a loopback one.
    :param port: the port; 0 takes a free one.
    :param data_dir: where objects are kept from run to run; None keeps them in memory.
    :raises StorageError: the package is missing, or the port is in use.

    Package: https://github.com/oittaa/gcp-storage-emulator
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, data_dir: str | Path | None = None) -> None:
        if importlib.util.find_spec("gcp_storage_emulator") is None:
            raise StorageError("The storage emulator needs the package gcp-storage-emulator: pip install 'airflow-dataflow-ext[emulator]'.")
        lock = threading.Lock()
        storage = _storage(data_dir)
        try:
            self._server = _HttpServer((host, port), _handler(storage, lock))
        except OSError as error:
            raise StorageError(f"The storage emulator cannot listen on {host}:{port}: {error.strerror or error}.") from error
        self.url = f"http://{host}:{self._server.server_address[1]}"
        self.objects = StoredObjects(storage, lock, self.url)
        self._thread = threading.Thread(target=self._server.serve_forever, name="gcs-emulator", kwargs={"poll_interval": 0.05}, daemon=True)

    def start(self) -> None:
        """Serve, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port; objects in memory are gone."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


# The package fails on an empty object in a plain upload; only in parts may it be empty.
_BOUNDARY = uuid.uuid4().hex


def _multipart(name: str, content: bytes) -> bytes:
    start = f"--{_BOUNDARY}\r\nContent-Type: application/json\r\n\r\n{json.dumps({'name': name})}\r\n"
    return f"{start}--{_BOUNDARY}\r\nContent-Type: application/octet-stream\r\n\r\n".encode() + content + f"\r\n--{_BOUNDARY}--".encode()


# A proxy that the environment names must not see calls to this machine.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


# It warns of each answer that is a string, which is no matter.
logging.getLogger("gcp_storage_emulator.server").setLevel(logging.ERROR)


class _HttpServer(ThreadingHTTPServer):
    # A thread per connection: a client that keeps one open without a word must not stop the others.
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


def _storage(data_dir: str | Path | None) -> Storage:
    from gcp_storage_emulator.handlers import buckets
    from gcp_storage_emulator.storage import Storage

    class OpenStorage(Storage):  # type: ignore[misc]  # the package has no types
        """Storage where a write makes the bucket that it needs."""

        def create_file(self, bucket_name: str, *args: Any, **kwargs: Any) -> Any:
            self._ensure(bucket_name)
            return super().create_file(bucket_name, *args, **kwargs)

        def create_resumable_upload(self, bucket_name: str, *args: Any, **kwargs: Any) -> Any:
            self._ensure(bucket_name)
            return super().create_resumable_upload(bucket_name, *args, **kwargs)

        def _ensure(self, bucket_name: str) -> None:
            if self.get_bucket(bucket_name) is None:
                buckets.create_bucket(bucket_name, self)

    if data_dir is None:
        return OpenStorage(use_memory_fs=True)
    return OpenStorage(data_dir=str(Path(data_dir).absolute()))


def _handler(storage: Storage, lock: threading.Lock) -> type[Any]:
    from gcp_storage_emulator.server import RequestHandler

    class Handler(RequestHandler):  # type: ignore[misc]  # the package has no types
        """The package's handler: one request at a time touches the storage, while reading and sending run side by side."""

        protocol_version = "HTTP/1.1"
        rfile: Any
        wfile: Any

        def __init__(self, *args: Any) -> None:
            super().__init__(storage, *args)

        def _exchange(self) -> None:
            body = self._body()
            del self.headers["Transfer-Encoding"]
            del self.headers["Content-Length"]
            self.headers["Content-Length"] = str(len(body))
            incoming, outgoing = self.rfile, self.wfile
            self.rfile, self.wfile = io.BytesIO(body), io.BytesIO()
            try:
                with lock:
                    getattr(super(), f"do_{self.command}")()
                answer = self.wfile.getvalue()
            except (LookupError, TypeError, ValueError) as error:  # what the package lets through where a request is malformed
                self.wfile = io.BytesIO()
                self._refuse(f"Malformed request: {error!r}")
                answer = self.wfile.getvalue()
            finally:
                self.rfile, self.wfile = incoming, outgoing
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _exchange  # noqa: N815 - http.server calls them so

        def _refuse(self, message: str) -> None:
            content = json.dumps({"error": {"code": 400, "message": message}}).encode()
            self.send_response(400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return bytes(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass  # trailers
            return b"".join(chunks)

    return Handler
