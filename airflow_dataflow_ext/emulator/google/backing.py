"""Stores buckets and objects: in memory, or as files in a directory that outlives the process.

On disk, a bucket is a folder, and a generation of an object is two files in it, ``<digest of the name>.<generation>.content`` and
``.json``. The ``.json`` record is written last and removed first, and each file has another name until it is complete, so that an object
with a record is always complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, TypeVar

from airflow_dataflow_ext.emulator.google.names import StorageError
from airflow_dataflow_ext.emulator.google.records import Bucket, StoredObject

Record = TypeVar("Record", Bucket, StoredObject)


class Backing(Protocol):
    """Keeps the content of a store."""

    def buckets(self) -> Iterator[Bucket]:
        """The stored buckets.

        :raises StorageError: a record cannot be read; ``objects`` raises it, too.
        """

    def objects(self, bucket: str) -> Iterator[StoredObject]:
        """The stored generations of a bucket's objects, in any order."""

    def save_bucket(self, bucket: Bucket) -> None:
        """Store a bucket, or its changes."""

    def drop_bucket(self, name: str) -> None:
        """Delete a bucket and everything in it."""

    def save_object(self, item: StoredObject, content: bytes | None) -> None:
        """Store a generation or, without content, the changes of its record."""

    def drop_object(self, item: StoredObject) -> None:
        """Delete a generation."""

    def read(self, item: StoredObject, start: int, end: int) -> bytes:
        """The bytes of a generation from ``start`` to ``end`` (exclusive)."""


class MemoryBacking:
    """Keeps contents in a dictionary; nothing outlives the process."""

    def __init__(self) -> None:
        self._contents: dict[tuple[str, str, int], bytes] = {}

    def buckets(self) -> Iterator[Bucket]:
        return iter(())

    def objects(self, bucket: str) -> Iterator[StoredObject]:
        return iter(())

    def save_bucket(self, bucket: Bucket) -> None:
        """Do nothing: the store itself keeps buckets."""

    def drop_bucket(self, name: str) -> None:
        """Do nothing: the bucket was empty."""

    def save_object(self, item: StoredObject, content: bytes | None) -> None:
        if content is not None:
            self._contents[item.key] = content

    def drop_object(self, item: StoredObject) -> None:
        del self._contents[item.key]

    def read(self, item: StoredObject, start: int, end: int) -> bytes:
        return self._contents[item.key][start:end]


class DiskBacking:
    """Keeps everything in a directory. File names are digests, since there may be objects ``keep`` and ``keep/sub`` at the same time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()

    def buckets(self) -> Iterator[Bucket]:
        for file in self._directory.glob("*/bucket.json"):
            yield _read(Bucket, file)

    def objects(self, bucket: str) -> Iterator[StoredObject]:
        for file in self._folder(bucket).glob("*.*.json"):
            yield _read(StoredObject, file)

    def save_bucket(self, bucket: Bucket) -> None:
        _write(self._folder(bucket.name) / "bucket.json", json.dumps(asdict(bucket)).encode())

    def drop_bucket(self, name: str) -> None:
        (self._folder(name) / "bucket.json").unlink()
        shutil.rmtree(self._folder(name))

    def save_object(self, item: StoredObject, content: bytes | None) -> None:
        if content is not None:
            _write(self._file(item, "content"), content)
        _write(self._file(item, "json"), json.dumps(asdict(item)).encode())

    def drop_object(self, item: StoredObject) -> None:
        for kind in ("json", "content"):
            with contextlib.suppress(FileNotFoundError):
                self._file(item, kind).unlink()

    def read(self, item: StoredObject, start: int, end: int) -> bytes:
        with self._file(item, "content").open("rb") as file:
            file.seek(start)
            return file.read(max(0, end - start))

    def _folder(self, bucket: str) -> Path:
        return self._directory / _digest(bucket)

    def _file(self, item: StoredObject, kind: str) -> Path:
        return self._folder(item.bucket) / f"{_digest(item.name)}.{item.generation}.{kind}"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _read(record: type[Record], file: Path) -> Record:
    try:
        return record(**json.loads(file.read_bytes()))
    except (ValueError, TypeError) as error:
        raise StorageError(f"The storage emulator cannot read {file}: {error}. Delete the file, or serve another directory.") from error


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    partly = file.with_name(file.name + ".part")
    partly.write_bytes(content)
    partly.replace(file)
