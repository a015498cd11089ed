"""Conversion between the services' time stamps and seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import number, text


def epoch(timestamp: Any, *, missing: float) -> float:
    """Seconds since the epoch of an RFC 3339 time with any fraction and offset; a time without an offset is in UTC.

    :param missing: the result if there is no time, or none that can be read: one odd entry must not end the search of a list.
    """
    stamp = str(timestamp).upper()
    try:
        found = datetime.fromisoformat(stamp) if "T" in stamp else None  # without T, it is a date, or no time at all
        return found.replace(tzinfo=found.tzinfo or UTC).timestamp() if found else missing
    except (ValueError, OverflowError):
        return missing


def moment(value: float | str | date, at: str) -> float:
    """Seconds since the epoch of a user's time: such seconds, a time, a date, or ISO 8601 text; without a time zone it is UTC.

    :param at: name of the argument, for the error message.
    :raises InvalidInputError: it is none of these.
    """
    if isinstance(value, int | float):
        return number(value, at)
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(text(value, at).strip())
    except ValueError as error:
        raise InvalidInputError(f"{at} must be an ISO 8601 time, not {shown(value)}") from error
    return found.replace(tzinfo=found.tzinfo or UTC).timestamp()


def rfc3339(seconds: float) -> str:
    """An RFC 3339 time with microseconds; the inverse of :func:`epoch`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
