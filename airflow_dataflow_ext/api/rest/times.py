"""Times as the services write them, and as seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime


def epoch(timestamp: str) -> float:
    """Seconds since the epoch of an RFC 3339 time as Google writes it (up to nanoseconds), 0 for an unreadable one."""
    try:
        head, _, fraction = timestamp.rstrip("Z").partition(".")
        return datetime.fromisoformat(head).replace(tzinfo=UTC).timestamp() + float(f"0.{fraction or 0}")
    except ValueError:
        return 0.0


def rfc3339(seconds: float) -> str:
    """The inverse of :func:`epoch`, to the microsecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
