"""How the emulated Dataflow reads and writes objects of Cloud Storage."""

from __future__ import annotations

from typing import Protocol


class Objects(Protocol):
    """Objects by their ``gs://bucket/name`` path."""

    def read(self, path: str) -> bytes | None:
        """The object's content; ``None`` when there is none."""

    def write(self, path: str, content: bytes) -> None:
        """Make or replace an object."""


class MemoryObjects:
    """Objects in a dictionary, for an emulator that serves no storage."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def read(self, path: str) -> bytes | None:
        return self._contents.get(path)

    def write(self, path: str, content: bytes) -> None:
        self._contents[path] = content
