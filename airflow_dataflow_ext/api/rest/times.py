"""Conversion between the services' time stamps and seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow_dataflow_ext.api.rest.errors import ServiceError
from airflow_dataflow_ext.api.rest.texts import shown


def epoch(timestamp: str | None, *, missing: float | None = None) -> float:
    """Seconds since the epoch of an RFC 3339 time with any fraction and offset; a time without an offset is in UTC.

    :param missing: the result if there is no time; without this argument, that is an error.
    :raises ServiceError: it is not a time.
    """
    if not timestamp and missing is not None:
        return missing
    try:
        found = datetime.fromisoformat(str(timestamp).upper())
        if "T" not in str(timestamp).upper():
            raise ValueError("a date without a time")
    except ValueError:
        raise ServiceError(f"The service gave a time that cannot be read: {shown(timestamp)}.") from None
    return found.replace(tzinfo=found.tzinfo or UTC).timestamp()


def rfc3339(seconds: float) -> str:
    """An RFC 3339 time with microseconds; the inverse of :func:`epoch`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
