"""The errors of this package, drawn as a tree, and how a reply becomes one.

::

    DataflowExtError                 anything that this package says went wrong
    ├── InvalidInputError            an argument is wrong; nothing was sent (also a ValueError)
    ├── CallError                    a call did not give what was asked
    │   ├── NoAnswerError            no answer, or none but trouble, for as long as it was worth asking again
    │   ├── InvalidRequestError      400: the service understood, and refused
    │   ├── NotAuthenticatedError    401
    │   ├── PermissionDeniedError    403
    │   ├── NotFoundError            404
    │   ├── AlreadyExistsError       409
    │   ├── TooManyRequestsError     429, and 403 with a rate-limit reason
    │   ├── AllowanceSpentError      Salesforce: the org's API requests of a day are used up
    │   └── ServiceError             500 and above, and whatever has no line of its own
    ├── LaunchError                  a launch cannot go on without a person's decision
    │   ├── ForeignJobError          an active job has our name and is not ours
    │   ├── BusyError                what would be started is running already
    │   └── LaunchRecordError        the record of an earlier attempt cannot be read
    └── JobError                     a job ended in another way than asked
        └── JobLostError             the service no longer knows the job

Only the edge of a task turns one of these into an Airflow exception.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.method import NoReply, Reply, Request

RATE_LIMIT_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"})
TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})


class DataflowExtError(Exception):
    """Anything that this package says went wrong."""


class InvalidInputError(DataflowExtError, ValueError):
    """An argument is wrong. Nothing was sent."""


class CallError(DataflowExtError):
    """A call did not give what was asked.

    :param status: HTTP status, or 0 when there was no answer.
    :param code: the service's own word, for example ``PERMISSION_DENIED``.
    :param request: the call, as verb and target.
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "", request: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request = request


class NoAnswerError(CallError):
    """No answer, or none but trouble, for as long as it was worth asking again."""


class InvalidRequestError(CallError):
    """400: the service understood the request and refused it."""


class NotAuthenticatedError(CallError):
    """401: no valid token, also after a new one."""


class PermissionDeniedError(CallError):
    """403: the account may not do this."""


class NotFoundError(CallError):
    """404: no such thing, or not visible to this account."""


class AlreadyExistsError(CallError):
    """409: an active job has this name."""


class TooManyRequestsError(CallError):
    """429, or 403 with a rate-limit reason: asked too often."""


class AllowanceSpentError(CallError):
    """Salesforce's 403 REQUEST_LIMIT_EXCEEDED: the org has no API requests left until its 24 hours have moved on."""


class ServiceError(CallError):
    """500 and above, and any status without an error class of its own."""


class LaunchError(DataflowExtError):
    """A launch cannot go on without a person's decision."""


class ForeignJobError(LaunchError):
    """An active job has the name of the launch and is not ours."""


class BusyError(LaunchError):
    """What would be started is running already.

    :param job_id: the job that runs.
    """

    def __init__(self, message: str, *, job_id: str) -> None:
        super().__init__(message)
        self.job_id = job_id


class LaunchRecordError(LaunchError):
    """The record of an earlier attempt cannot be read; nothing is launched on a guess."""


class JobError(DataflowExtError):
    """A job ended in another way than asked."""


class JobLostError(JobError):
    """The service no longer knows the job."""


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


def transient(error: Exception) -> bool:
    """Whether an error came of trouble that may pass, so that no wait ends by it."""
    if isinstance(error, NoAnswerError | TooManyRequestsError):
        return True
    return isinstance(error, CallError) and error.status in TRANSIENT_STATUSES


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
