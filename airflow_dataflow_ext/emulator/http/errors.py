"""The refusals of the emulated services, in Google's form."""

from __future__ import annotations

import reprlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

CODES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
REASONS: Mapping[int, str] = {
    400: "badRequest",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    409: "alreadyExists",
    429: "rateLimitExceeded",
    501: "notImplemented",
}


_LONGEST = 2000
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 100


def short(value: object) -> str:
    """A value as a message shows it: as in Python, shortened if it is long."""
    return _SHORT.repr(value)


class ApiError(Exception):
    """A call is refused; nothing has changed.

    :param code: Google's error code; by default the one for the status.
    :param reason: reason in the legacy ``errors`` list; by default the one for the status.
    :param details: typed details, each with its ``@type``.
    """

    def __init__(self, status: int, message: str, *, code: str = "", reason: str = "", details: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message if len(message) <= _LONGEST else f"{message[:_LONGEST]}...")
        self.status = status
        self.code = code or CODES.get(status, "UNKNOWN" if status < 500 else "INTERNAL")
        self.reason = reason or REASONS.get(status, "backendError" if status >= 500 else "badRequest")
        self.details = details


def invalid(message: str) -> ApiError:
    """400 INVALID_ARGUMENT."""
    return ApiError(400, message)


def not_now(message: str) -> ApiError:
    """400 FAILED_PRECONDITION: the request is valid, but the resource is in the wrong state."""
    return ApiError(400, message, code="FAILED_PRECONDITION", reason="failedPrecondition")


def missing(message: str) -> ApiError:
    """404 NOT_FOUND."""
    return ApiError(404, message)


def envelope(error: ApiError) -> dict[str, Any]:
    """The body of a refusal, with the error id that the service puts before its messages."""
    message = f"({secrets.token_hex(8)}): {error}"
    body: dict[str, Any] = {
        "code": error.status,
        "message": message,
        "errors": [{"message": message, "domain": "global", "reason": error.reason}],
        "status": error.code,
    }
    if error.details:
        body["details"] = list(error.details)
    return {"error": body}
