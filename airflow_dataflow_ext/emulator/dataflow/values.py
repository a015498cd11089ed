"""The small values of Google's JSON: timestamps, durations, names of jobs and labels, ids, page tokens."""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow_dataflow_ext.emulator.http.errors import invalid

EPOCH = "1970-01-01T00:00:00Z"
_PACIFIC = ZoneInfo("America/Los_Angeles")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_DURATION = re.compile(r"-?\d{1,12}(\.\d{1,9})?s")
_JOB_NAME = re.compile(r"[a-z]([-a-z0-9]{0,1022}[a-z0-9])?")
_SNAKE = re.compile(r"_([a-z0-9])")


def stamp(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC, to the microsecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def seconds_of(text: str) -> float:
    """RFC 3339 to seconds since 1970.

    :raises ValueError: it is none.
    """
    if not _TIME.fullmatch(text):
        raise ValueError(f"{text!r} is no RFC 3339 timestamp")
    short = re.sub(r"(\.\d{6})\d+", r"\1", text.upper())
    return datetime.fromisoformat(short).timestamp()


def duration_of(text: str) -> float:
    """``"604800s"`` to seconds.

    :raises ValueError: it is no duration.
    """
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is no duration in seconds with an 's' at its end")
    return float(text[:-1])


def camel(name: str) -> str:
    """``job_metadata`` to ``jobMetadata``; a name in camel case stays as it is."""
    return _SNAKE.sub(lambda match: match[1].upper(), name)


def new_job_id(now: float) -> str:
    """An id in the service's form; its time is US Pacific, whatever the region."""
    moment = datetime.fromtimestamp(now, _PACIFIC)
    return f"{moment:%Y-%m-%d_%H_%M_%S}-{random.randrange(10**18, 10**19)}"


def check_job_name(name: object) -> str:
    """A job's name as the service takes it.

    :raises ApiError: 400, it is missing or breaks the pattern.
    """
    if not isinstance(name, str) or not _JOB_NAME.fullmatch(name):
        raise invalid(f"The workflow could not be created. Causes: The job name {name!r} must match the pattern {_JOB_NAME.pattern}")
    return name


def check_labels(labels: Mapping[str, str]) -> None:
    """Labels under Compute's rule.

    :raises ApiError: 400, names the label.
    """
    if len(labels) > 64:
        raise invalid(f"A job has at most 64 labels; {len(labels)} were given")
    for key, value in labels.items():
        if not (_fits(key) and key and key[0].isalpha()):
            raise invalid(f"Label key {key!r} must start with a lower case letter and hold only such, digits, '_' and '-', at most 63")
        if not _fits(value):
            raise invalid(f"Value {value!r} of label {key!r} must hold only lower case letters, digits, '_' and '-', at most 63")


def _fits(text: str) -> bool:
    plain = all(char in "_-" or (char.isalnum() and char == char.lower()) for char in text)
    return plain and len(text) <= 63 and len(text.encode()) <= 128


def page_token(question: Mapping[str, Any], key: Any) -> str:
    """An opaque token that continues this question after that key."""
    return base64.urlsafe_b64encode(json.dumps([_mark(question), key]).encode()).decode().rstrip("=")


def page_key(question: Mapping[str, Any], token: str) -> Any:
    """The key in a token.

    :raises ApiError: 400, it is no token, or one of another question.
    """
    try:
        mark, key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, TypeError) as error:
        raise invalid(f"Invalid page token: {token!r}") from error
    if mark != _mark(question):
        raise invalid("The page token belongs to a request with other parameters")
    return key


def _mark(question: Mapping[str, Any]) -> str:
    return json.dumps({name: value for name, value in question.items() if name not in ("pageToken", "pageSize")}, sort_keys=True)
