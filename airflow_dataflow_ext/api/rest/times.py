"""Conversion between the services' time stamps and seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from airflow_dataflow_ext.api.rest.errors import InvalidInputError, ServiceError
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import number, text


def epoch(timestamp: Any) -> float:
    """Seconds since the epoch of an RFC 3339 time with any fraction and offset; a time without an offset is in UTC.

    :raises ServiceError: there is no time, or none that can be read.
    """
    stamp = str(timestamp).upper()
    try:
        if "T" not in stamp:
            raise ValueError("a date without a time")
        found = datetime.fromisoformat(stamp)
        return found.replace(tzinfo=found.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        raise ServiceError(f"The service gave a time that cannot be read: {shown(timestamp)}.") from None


def epoch_or(timestamp: Any, unknown: float) -> float:
    """Seconds since the epoch of a time, where one odd entry must not end the search of a list.

    :param unknown: the result if there is no time, or none that can be read.
    """
    try:
        return epoch(timestamp)
    except ServiceError:
        return unknown


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
