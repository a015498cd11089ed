"""The errors of this package, drawn as a tree.

::

    DataflowExtError                 the base of all errors
    ├── InvalidInputError            an argument is wrong; nothing was sent (also a ValueError)
    ├── CallError                    a call to a service failed
    │   ├── NoAnswerError            no answer, or only temporary errors, until the retries ended
    │   ├── InvalidRequestError      400: the service refused the request
    │   ├── NotAuthenticatedError    401
    │   ├── PermissionDeniedError    403
    │   ├── NotFoundError            404
    │   ├── AlreadyExistsError       409
    │   ├── TooManyRequestsError     429, and 403 with a rate-limit reason
    │   ├── AllowanceSpentError      Salesforce: the org's daily API requests are used up
    │   └── ServiceError             500 and above, and every other status
    ├── LaunchError                  a launch needs a person's decision
    │   ├── ForeignJobError          an active job has the launch's name, and another task or person started it
    │   ├── BusyError                what would be started is already running
    │   └── LaunchRecordError        the record of an earlier attempt cannot be read
    ├── NothingFoundError            the task requires something to act on, and there is nothing
    └── JobError                     a wait can no longer end well
        ├── JobEndError              a job did not end as expected
        └── JobLostError             the service no longer knows the job

Only ``task/errors.py`` turns one of these into an Airflow exception.
"""

from __future__ import annotations

from typing import Any, Self

TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})
NOT_IMPLEMENTED = 501
"""The status of a server that cannot do what it was asked: nothing has happened, and a retry cannot help."""


class DataflowExtError(Exception):
    """The base of all errors of this package.

    ``lasting`` is true if the error remains until a person changes something, so that the task is not retried.

    ``cause`` is the kind of failure, where tasks treat kinds differently: ``capacity`` if the service had no capacity for the job, which
    did no work; ``limit`` if the job was stopped because it used more than allowed; otherwise empty.
    """

    lasting: bool = False
    cause: str = ""


class InvalidInputError(DataflowExtError, ValueError):
    """An argument is wrong. Nothing was sent."""

    lasting = True


class CallError(DataflowExtError):
    """A call to a service failed.

    :param status: HTTP status, or 0 if there was no answer.
    :param code: the service's error code, for example ``PERMISSION_DENIED``.
    :param request: the call, as HTTP method and target.
    :param lasting: see :class:`DataflowExtError`; each Method states which of its refusals are lasting.
    :param sent: whether the request may have left this machine.
    """

    def __init__(
        self, message: str, *, status: int = 0, code: str = "", request: str = "", lasting: bool = False, sent: bool = True
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request = request
        self.lasting = lasting
        self.sent = sent
        self._hinted = False

    def hinting(self, hint: str) -> Self:
        """The same error with a sentence on what may help; an error that already has such a sentence is not changed."""
        if not self._hinted:
            self.args = (f"{self} {hint}",)
            self._hinted = True
        return self


class NoAnswerError(CallError):
    """The service gave no answer, or only temporary errors, until the retries ended."""


class InvalidRequestError(CallError):
    """400: the service understood the request and refused it."""


class NotAuthenticatedError(CallError):
    """401: no valid token, even after a renewal."""


class PermissionDeniedError(CallError):
    """403: the account may not do this."""


class NotFoundError(CallError):
    """404: the resource does not exist, or this account may not see it."""


class AlreadyExistsError(CallError):
    """409: an active job has this name."""


class TooManyRequestsError(CallError):
    """429, or 403 with a rate-limit reason: too many requests."""


class AllowanceSpentError(CallError):
    """403 REQUEST_LIMIT_EXCEEDED of Salesforce: the org has used all its API requests of the last 24 hours."""


class ServiceError(CallError):
    """500 and above, and every status that has no class of its own."""


class LaunchError(DataflowExtError):
    """A launch cannot continue until a person decides what to do."""


class ForeignJobError(LaunchError):
    """An active job has the launch's name, but this task did not start it."""


class BusyError(LaunchError):
    """What would be started is already running.

    :param job_id: id of the running job.
    """

    def __init__(self, message: str, *, job_id: str) -> None:
        super().__init__(message)
        self.job_id = job_id


class LaunchRecordError(LaunchError):
    """The record of an earlier attempt cannot be read; nothing is launched on a guess."""

    lasting = True


class NothingFoundError(DataflowExtError):
    """The task requires something to act on, and there is nothing."""


class JobError(DataflowExtError):
    """A wait can no longer end well.

    :param lasting: see :class:`DataflowExtError`.
    """

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


class JobEndError(JobError):
    """A job did not end as expected.

    :param job: the job as the REST API returns it.
    :param state: the job's last state, as the service names it.
    :param reason: why it ended badly, in one line; empty if the service gave no reason.
    :param cause: see :class:`DataflowExtError`; ``limit`` makes the error lasting.
    """

    def __init__(self, message: str, *, job: dict[str, Any], state: str, reason: str, cause: str = "") -> None:
        super().__init__(message, lasting=cause == "limit")
        self.job = job
        self.state = state
        self.reason = reason
        self.cause = cause


class JobLostError(JobError):
    """The service no longer knows the job."""


def transient(error: Exception) -> bool:
    """Whether an error may be temporary, so that it ends no wait."""
    if isinstance(error, NoAnswerError | TooManyRequestsError):
        return True
    return isinstance(error, CallError) and error.status in TRANSIENT_STATUSES


def lost(error: CallError) -> bool:
    """Whether the service may have done what it was asked, although there is no good answer."""
    return error.sent and isinstance(error, NoAnswerError | ServiceError) and error.status != NOT_IMPLEMENTED
