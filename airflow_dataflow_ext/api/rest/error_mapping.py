"""Turns a reply into an error, and decides whether a retry may help."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.rest.errors import (
    NOT_IMPLEMENTED,
    TRANSIENT_STATUSES,
    AlreadyExistsError,
    CallError,
    InvalidRequestError,
    NoAnswerError,
    NotAuthenticatedError,
    NotFoundError,
    PermissionDeniedError,
    ServiceError,
    TooManyRequestsError,
)
from airflow_dataflow_ext.api.rest.method import Refusal
from airflow_dataflow_ext.api.rest.texts import sentence, shortened, shown

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import NoReply, Reply, Request

RATE_LIMIT_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"})


_BY_STATUS: Mapping[int, type[CallError]] = {
    400: InvalidRequestError,
    401: NotAuthenticatedError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: AlreadyExistsError,
    429: TooManyRequestsError,
}


LONGEST_MESSAGE = 2000
"""Greatest length of a service's text in an error, in characters."""


def error_of(request: Request, reply: Reply) -> CallError:
    """The error for a reply of status 300 and above: what happened, to which call, and what may help."""
    message, code, reasons = _explain(reply)
    refusals = request.method.refusals
    refusal = refusals.get(code) or refusals.get(reply.status, Refusal())
    kind = refusal.error or _BY_STATUS.get(reply.status, ServiceError)
    if reply.status == 403 and reasons & RATE_LIMIT_REASONS:
        kind, refusal = TooManyRequestsError, Refusal()
    text = f"{request} was answered {reply.status} {code}".rstrip() + f": {sentence(shortened(message, LONGEST_MESSAGE))}"
    if leads_to := reply.headers.get("location", "").partition("?")[0]:  # its query may hold a secret
        text += f" It is a redirection to {shown(leads_to)}, which is not followed: check the endpoint of the connection, and the proxy."
    advice = refusal.advice.replace("{header}", reply.headers.get(refusal.header, "no figures"))
    return kind(
        f"{text} {advice}".rstrip(),
        status=reply.status,
        code=code,
        request=str(request),
        lasting=refusal.lasts(f"{code} {message}") or reply.status == NOT_IMPLEMENTED,
    )


def silence_of(question: str, answer: NoReply, spent: float) -> NoAnswerError:
    """The error for a missing answer.

    :param question: the request, for the message.
    :param spent: seconds since the first attempt.
    """
    what = f"got no answer in {spent:.0f} s" if answer.sent else "was not sent"
    return NoAnswerError(sentence(f"{question} {what}: {' '.join(answer.reason.split())}"), request=question, sent=answer.sent)


def worth_retrying(answer: Reply | NoReply) -> bool:
    """Whether a retry may help: no answer, overload, a server error, or a truncated body."""
    status = getattr(answer, "status", None)
    if status is None:
        return True
    if status in TRANSIENT_STATUSES:
        return True
    if status == 403:
        return bool(_explain(answer)[2] & RATE_LIMIT_REASONS)  # type: ignore[arg-type]
    return False


def _explain(reply: Reply) -> tuple[str, str, set[str]]:
    """Message, code and reasons, from Google's error envelope, Salesforce's list, or any other body."""
    try:
        body = reply.json()
    except ValueError:
        return readable(reply.content), "", set()
    if isinstance(body, list) and body and isinstance(body[0], Mapping):
        first = body[0]
        return str(first.get("message", "")), str(first.get("errorCode", "")), {str(first.get("errorCode", ""))}
    if isinstance(body, Mapping) and isinstance(body.get("Errors"), list):  # the form of Salesforce's own handlers
        return "; ".join(str(entry.get("description", "")) for entry in body["Errors"] if isinstance(entry, Mapping)), "", set()
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return readable(reply.content), str(error or ""), set()
    entries: list[Any] = [*(error.get("errors") or ()), *(error.get("details") or ())]
    reasons = {str(entry["reason"]) for entry in entries if isinstance(entry, Mapping) and "reason" in entry}
    return str(error.get("message", "")), str(error.get("status", "")), reasons


def readable(content: bytes) -> str:
    """A short readable form of a body that is not JSON, such as a gateway's HTML page."""
    text = re.sub(r"<[^>]+>", " ", content.decode("utf-8", "replace"))
    return shortened(" ".join(text.split()), 300) or "the body was empty"
