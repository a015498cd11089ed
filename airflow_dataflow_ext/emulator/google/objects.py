"""Objects by their ``gs://bucket/name`` path, for code that runs in the emulator's own process."""

from __future__ import annotations

import contextlib

from airflow_dataflow_ext.emulator.google.names import StorageError, split_path
from airflow_dataflow_ext.emulator.google.records import StoredObject
from airflow_dataflow_ext.emulator.google.store import ObjectStore
from airflow_dataflow_ext.emulator.http.errors import ApiError


class Objects:
    """A store, read and written by path. It is the one that the storage emulator serves, where it serves one."""

    def __init__(self, store: ObjectStore | None = None) -> None:
        self.store = store or ObjectStore()

    def read(self, gs_path: str) -> bytes | None:
        """The object's content, or None where there is no such object.

        :raises StorageError: the path is none.
        """
        try:
            return self.store.read(self.store.find(*split_path(gs_path)))
        except ApiError:
            return None

    def write(self, gs_path: str, content: bytes) -> None:
        """Create or replace an object; a bucket that is not there is made, whatever its name.

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
        """A bucket, unless it is there; of any name."""
        with contextlib.suppress(ApiError):
            self.store.create_bucket(name)

    def list(self, prefix: str) -> list[str]:
        """The ``gs://`` paths of all objects that begin with the prefix, sorted; of an unknown bucket none.

        :raises StorageError: the prefix names no bucket.
        """
        bucket, start = split_path(prefix)
        try:
            return [f"gs://{bucket}/{item.name}" for item in self.store.generations(bucket) if item.name.startswith(start)]
        except ApiError:
            return []


def _no_matter(item: StoredObject | None) -> None:
    """Whatever is there is replaced."""
