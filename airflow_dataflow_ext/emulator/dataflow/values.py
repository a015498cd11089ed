"""The simple values of Google's JSON: time stamps, durations, names, labels, ids, page tokens."""

from __future__ import annotations

import base64
import hmac
import json
import random
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow_dataflow_ext.emulator.http.errors import invalid, short
from airflow_dataflow_ext.emulator.http.payload import read_json

EPOCH = "1970-01-01T00:00:00Z"
_PACIFIC = ZoneInfo("America/Los_Angeles")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DURATION = re.compile(r"-?\d{1,12}(\.\d{1,9})?s", re.ASCII)
_JOB_NAME = re.compile(r"[a-z]([-a-z0-9]{0,1022}[a-z0-9])?")
_SECRET = secrets.token_bytes(16)
_SNAKE = re.compile(r"_([a-z0-9])")


def stamp(seconds: float) -> str:
    """Seconds since 1970 as an RFC 3339 time in UTC, with microseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def seconds_of(text: str) -> float:
    """Seconds since 1970 of an RFC 3339 time.

    :raises ValueError: it is not such a time.
    """
    if not _TIME.fullmatch(text):
        raise ValueError(f"{short(text)} is not an RFC 3339 timestamp")
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper()))
    try:
        return moment.astimezone(UTC).timestamp()
    except OverflowError:
        raise ValueError(f"{short(text)} is not within the years 1 to 9999") from None


def duration_of(text: str) -> float:
    """Seconds of a duration such as ``"604800s"``.

    :raises ValueError: it is not a duration.
    """
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{short(text)} is not a duration in seconds that ends with 's'")
    return float(text[:-1])


def camel(name: str) -> str:
    """A name in camel case, for example ``jobMetadata`` for ``job_metadata``."""
    return _SNAKE.sub(lambda match: match[1].upper(), name)


def read_mask(text: str) -> list[str]:
    """The paths of an update mask, in camel case: its fields may be written in either case."""
    return [".".join(camel(part) for part in path.strip().split(".")) for path in text.split(",") if path.strip()]


def new_job_id(now: float) -> str:
    """A new id in the service's form, which contains the US Pacific time in every region."""
    moment = datetime.fromtimestamp(now, _PACIFIC)
    return f"{moment:%Y-%m-%d_%H_%M_%S}-{random.randrange(10**18, 10**19)}"


def check_job_name(name: object) -> str:
    """Check a job's name.

    :raises ApiError: 400 if it is missing, or does not match the pattern.
    """
    if not isinstance(name, str) or not _JOB_NAME.fullmatch(name):
        raise invalid(f"The workflow could not be created. Causes: The job name {short(name)} must match the pattern {_JOB_NAME.pattern}")
    return name


def check_labels(labels: Mapping[str, str]) -> None:
    """Check labels by Compute Engine's rules.

    :raises ApiError: 400; the message names the label.
    """
    if len(labels) > 64:
        raise invalid(f"A job has at most 64 labels; {len(labels)} were given")
    for key, value in labels.items():
        if not (_fits(key) and key and key[0].isalpha()):
            raise invalid(f"Label key {short(key)} must be at most 63 lower case letters, digits, '_' and '-', beginning with a letter")
        if not _fits(value):
            raise invalid(f"Value {short(value)} of label {short(key)} must be at most 63 lower case letters, digits, '_' and '-'")


def _fits(text: str) -> bool:
    if len(text) > 63 or len(text.encode()) > 128:
        return False
    return all(char in "_-" or (char.isalnum() and char == char.lower()) for char in text)


def page_token(question: Mapping[str, Any], key: Any) -> str:
    """An opaque token that continues a list after a key."""
    return base64.urlsafe_b64encode(json.dumps([_mark(question, key), key]).encode()).decode().rstrip("=")


def page_key(question: Mapping[str, Any], token: str) -> Any:
    """The key in a token.

    :raises ApiError: 400 if this emulator did not issue the token, or issued it for another list.
    """
    try:
        mark, key = read_json(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, TypeError) as error:
        raise invalid(f"Invalid page token: {short(token)}") from error
    if mark != _mark(question, key):
        raise invalid("The page token is invalid, or belongs to a request with other parameters")
    return key


def _mark(question: Mapping[str, Any], key: Any) -> str:
    """A checksum that ties a key to its list, so that other tokens are refused."""
    asked = {name: value for name, value in question.items() if name not in ("pageToken", "pageSize")}
    return hmac.new(_SECRET, json.dumps([asked, key], sort_keys=True).encode(), "sha256").hexdigest()[:16]
