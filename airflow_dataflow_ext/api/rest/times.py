"""Times as the services write them, and as seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow_dataflow_ext.api.rest.errors import ServiceError
from airflow_dataflow_ext.api.rest.texts import shown


def epoch(timestamp: str | None, *, missing: float | None = None) -> float:
    """Seconds since the epoch of an RFC 3339 time with any fraction and offset; one without an offset is in UTC.

    :param missing: what counts where there is no time; without it that is an error, too.
    :raises ServiceError: it is no time.
    """
    if not timestamp and missing is not None:
        return missing
    try:
        found = datetime.fromisoformat((timestamp or "").upper())
        if "T" not in str(timestamp).upper():
            raise ValueError("a date without a time")
    except ValueError:
        raise ServiceError(f"The service gave a time that cannot be read: {shown(timestamp)}.") from None
    return found.replace(tzinfo=found.tzinfo or UTC).timestamp()


def rfc3339(seconds: float) -> str:
    """The inverse of :func:`epoch`, to the microsecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
