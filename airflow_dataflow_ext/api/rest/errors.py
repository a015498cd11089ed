"""The errors of this package, drawn as a tree.

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
    ├── NothingFoundError            nothing is there to act on, and the task asks for something
    └── JobError                     a wait cannot come to its good end
        ├── JobEndError              a job ended in another way than asked
        └── JobLostError             the service no longer knows the job

Only ``task/errors.py`` turns one of these into an Airflow exception.
"""

from __future__ import annotations

from typing import Any, Self

TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})


class DataflowExtError(Exception):
    """Anything that this package says went wrong.

    ``lasting`` says that it stays wrong until a person changes something: a task that ends so is not worth a retry.

    ``cause`` is what kind of trouble it is where tasks tell that apart: ``capacity``, the service had no room for the job, which did no
    work; ``limit``, the job was stopped because it used more than it may. Else it is empty.
    """

    lasting: bool = False
    cause: str = ""


class InvalidInputError(DataflowExtError, ValueError):
    """An argument is wrong. Nothing was sent."""

    lasting = True


class CallError(DataflowExtError):
    """A call did not give what was asked.

    :param status: HTTP status, or 0 when there was no answer.
    :param code: the service's own word, for example ``PERMISSION_DENIED``.
    :param request: the call, as verb and target.
    :param lasting: see :class:`DataflowExtError`; each Method says which of its refusals last.
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
        """The same error with a sentence more on what may help; one that has such a sentence stays as it is."""
        if not self._hinted:
            self.args = (f"{self} {hint}",)
            self._hinted = True
        return self


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

    lasting = True


class NothingFoundError(DataflowExtError):
    """Nothing is there to act on, and the task asks for something."""


class JobError(DataflowExtError):
    """A wait cannot come to its good end.

    :param lasting: see :class:`DataflowExtError`.
    """

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting


class JobEndError(JobError):
    """A job ended in another way than asked.

    :param job: the job as the REST API gives it.
    :param state: how it ended, in the service's own word.
    :param reason: why, in one line; empty where the service gave no reason.
    :param cause: see :class:`DataflowExtError`; what has used too much would do so again.
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
    """Whether an error came of trouble that may pass, so that no wait ends by it."""
    if isinstance(error, NoAnswerError | TooManyRequestsError):
        return True
    return isinstance(error, CallError) and error.status in TRANSIENT_STATUSES
