"""Conversion between the services' time stamps and seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def epoch(timestamp: Any, *, missing: float) -> float:
    """Seconds since the epoch of an RFC 3339 time with any fraction and offset; a time without an offset is in UTC.

    :param missing: the result if there is no time, or none that can be read: one odd entry must not end the search of a list.
    """
    text = str(timestamp).upper()
    try:
        found = datetime.fromisoformat(text) if "T" in text else None  # without T, it is a date, or no time at all
        return found.replace(tzinfo=found.tzinfo or UTC).timestamp() if found else missing
    except (ValueError, OverflowError):
        return missing


def rfc3339(seconds: float) -> str:
    """An RFC 3339 time with microseconds; the inverse of :func:`epoch`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
