"""The log of requests and their answers."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 10_000
"""Number of requests whose details are kept; the counts include all requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request.

    :param method: id of the method; empty for an unknown path.
    :param body: the body, as JSON if it is JSON, else as text.
    :param status: status of the answer; 0 if the connection was closed instead.
    :param at: time on the emulator's clock, in seconds since 1970.
    :param took: seconds of the machine's time.
    """

    method: str
    verb: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int
    at: float
    took: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class RequestLog:
    """The newest requests, and counts of all. Tokens are not kept."""

    def __init__(self, kept: int = KEPT) -> None:
        self._entries: deque[Entry] = deque(maxlen=kept)
        self._counts: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def counts(self) -> dict[str, int]:
        """Requests by method id."""
        return dict(self._counts)

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._counts[entry.method] += 1

    def of(self, method: str) -> list[Entry]:
        """The requests to one method, oldest first."""
        return [entry for entry in self if entry.method == method]

    def clear(self) -> None:
        self._entries.clear()
        self._counts.clear()
