"""From a reply to the error that it stands for, and whether it is worth asking again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import NoReply, Reply, Request
from airflow_dataflow_ext.api.rest.errors import (
    TRANSIENT_STATUSES,
    AllowanceSpentError,
    AlreadyExistsError,
    CallError,
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
    PermissionDeniedError,
    ServiceError,
    TooManyRequestsError,
)

RATE_LIMIT_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"})


_BY_STATUS: Mapping[int, type[CallError]] = {
    400: InvalidRequestError,
    401: NotAuthenticatedError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: AlreadyExistsError,
    429: TooManyRequestsError,
}


_ADVICE: Mapping[int, str] = {
    401: "Check the credentials of the connection.",
    403: "Check the roles of the account that the connection uses.",
    404: "Check the id, the project and the location.",
}


_SALESFORCE_ADVICE: Mapping[int, str] = {
    401: "Check the credentials of the connection.",
    403: "Check the permissions of the user that the connection logs in, and whether the feature is on in the org.",
    404: "Check the id, the org, and whether the user that the connection logs in may see it.",
}


_ALLOWANCE_SPENT = "REQUEST_LIMIT_EXCEEDED"


def error_of(request: Request, reply: Reply) -> CallError:
    """The error that a reply of status 300 and above stands for: what happened, to which call, and what may help."""
    message, code, reasons = _explain(reply)
    kind = _BY_STATUS.get(reply.status, ServiceError)
    if reply.status == 403 and reasons & RATE_LIMIT_REASONS:
        kind = TooManyRequestsError
    if code == _ALLOWANCE_SPENT:
        kind = AllowanceSpentError
        message += f" The org's API requests of the last 24 hours are used up ({reply.headers.get('sforce-limit-info', 'no figures')})."
    advice = _advice(request, reply) if kind not in (TooManyRequestsError, AllowanceSpentError) else ""
    text = f"{request} was answered {reply.status} {code}".rstrip() + f": {message}"
    return kind(f"{text} {advice}".rstrip(), status=reply.status, code=code, request=str(request))


def _advice(request: Request, reply: Reply) -> str:
    table = _SALESFORCE_ADVICE if request.path.lstrip("/").startswith("services/") else _ADVICE
    return table.get(reply.status, "")


def worth_retrying(answer: Reply | NoReply) -> bool:
    """Whether the trouble may be gone when asked again: no answer, overload, a server's fault, or a body that was cut off."""
    status = getattr(answer, "status", None)
    if status is None:
        return True
    if status in TRANSIENT_STATUSES:
        return True
    if status == 403:
        return bool(_explain(answer)[2] & RATE_LIMIT_REASONS)  # type: ignore[arg-type]
    return False


def _explain(reply: Reply) -> tuple[str, str, set[str]]:
    """Message, the service's code and its reasons, out of Google's envelope, Salesforce's list, or whatever came instead."""
    try:
        body = reply.json()
    except ValueError:
        return _plain(reply.content), "", set()
    if isinstance(body, list) and body and isinstance(body[0], Mapping):
        first = body[0]
        return str(first.get("message", "")), str(first.get("errorCode", "")), {str(first.get("errorCode", ""))}
    if isinstance(body, Mapping) and isinstance(body.get("Errors"), list):  # Salesforce, for what its own handlers refuse
        return "; ".join(str(entry.get("description", "")) for entry in body["Errors"] if isinstance(entry, Mapping)), "", set()
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return _plain(reply.content), str(error or ""), set()
    entries: list[Any] = [*(error.get("errors") or ()), *(error.get("details") or ())]
    reasons = {str(entry["reason"]) for entry in entries if isinstance(entry, Mapping) and "reason" in entry}
    return str(error.get("message", "")), str(error.get("status", "")), reasons


def _plain(content: bytes) -> str:
    """A short readable form of a body that is no JSON, such as a gateway's HTML page."""
    text = re.sub(r"<[^>]+>", " ", content.decode("utf-8", "replace"))
    return " ".join(text.split())[:300] or "the body was empty"
