"""Access to objects by ``gs://bucket/name`` path, for code in the emulator's own process."""

from __future__ import annotations

import contextlib

from airflow_dataflow_ext.emulator.google.names import StorageError, split_path
from airflow_dataflow_ext.emulator.google.records import StoredObject
from airflow_dataflow_ext.emulator.google.store import ObjectStore
from airflow_dataflow_ext.emulator.http.errors import ApiError


class Objects:
    """Reads and writes a store by path. It is the store that the emulated Cloud Storage serves, if it is served."""

    def __init__(self, store: ObjectStore | None = None) -> None:
        self.store = store or ObjectStore()

    def read(self, gs_path: str) -> bytes | None:
        """The object's content, or None if it does not exist.

        :raises StorageError: the path is not valid.
        """
        try:
            return self.store.read(self.store.find(*split_path(gs_path)))
        except ApiError:
            return None

    def write(self, gs_path: str, content: bytes) -> None:
        """Create or replace an object; a bucket that does not exist is created, with any name.

        :raises StorageError: the path names no object.
        """
        bucket, name = split_path(gs_path)
        if not name:
            raise StorageError(f"Not an object: {gs_path!r} names a bucket only.")
        self.make_bucket(bucket)
        try:
            self.store.put(bucket, name, content, {}, _no_matter)
        except ApiError as error:
            raise StorageError(f"Cannot write {gs_path}: {error}") from error

    def make_bucket(self, name: str) -> None:
        """Create a bucket, with any name, unless it exists."""
        with contextlib.suppress(ApiError):
            self.store.create_bucket(name)

    def list(self, prefix: str) -> list[str]:
        """The sorted ``gs://`` paths of all objects that begin with the prefix; empty for an unknown bucket.

        :raises StorageError: the prefix names no bucket.
        """
        bucket, start = split_path(prefix)
        try:
            return [f"gs://{bucket}/{item.name}" for item in self.store.generations(bucket) if item.name.startswith(start)]
        except ApiError:
            return []


def _no_matter(item: StoredObject | None) -> None:
    """A check that always passes, so that an existing object is replaced."""
