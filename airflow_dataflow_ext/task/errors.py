"""The only place where this package's errors become Airflow's, and where a trigger's events become errors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.rest.errors import DataflowExtError, JobEndError, JobError
from airflow_dataflow_ext.exceptions import JobFailedError, NoCapacityError, UsageLimitError
from airflow_dataflow_ext.task.compat import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from types import TracebackType

    from airflow_dataflow_ext.api.rest.method import Json

LinkOf = Callable[["Json"], str]
"""Gives the URL of a job's page."""

log = logging.getLogger(__name__)


def task_errors(link_of: LinkOf | None = None) -> AbstractContextManager[None]:
    """Turn this package's errors into Airflow's; one that no retry can resolve fails the task at once.

    The task's log shows the error's own text. Its causes are logged at debug level: Airflow prints each exception with its whole chain,
    which would bury the reason.

    :param link_of: gives the URL of the page of a job that ended badly.
    """
    return _Boundary(link_of)


class _Boundary(AbstractContextManager[None]):
    """A class instead of a ``contextlib`` generator, so that a traceback shows only one line of it."""

    def __init__(self, link_of: LinkOf | None) -> None:
        self._link_of = link_of

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, DataflowExtError):
            log.debug("How this came about:", exc_info=error)
            raise airflow_error(error, self._link_of) from None


def airflow_error(error: DataflowExtError, link_of: LinkOf | None = None) -> AirflowException:
    """The exception by which Airflow fails or retries a task with this error."""
    if isinstance(error, JobEndError):
        job, link = error.job, link_of(error.job) if link_of else ""
        return _ENDS.get(error.cause, JobFailedError)(
            f"{error}\n{link}".rstrip(),
            job_id=str(job.get("id") or ""),
            name=str(job.get("name") or job.get("label") or ""),
            state=error.state,
            reason=error.reason,
            link=link,
        )
    if error.cause:
        return _ENDS[error.cause](str(error), reason=str(error))
    return (AirflowFailException if error.lasting else AirflowException)(str(error))


_ENDS: Mapping[str, type[JobFailedError]] = {"capacity": NoCapacityError, "limit": UsageLimitError}
"""The exception of a task whose job ended badly, by cause."""


def error_event(error: DataflowExtError) -> Json:
    """The event by which a trigger reports an error to the worker."""
    return {"error": str(error), "lasting": error.lasting}


def check_event(event: Mapping[str, Any]) -> None:
    """
    :raises JobError: the trigger's event reports an error.
    """
    if "error" in event:
        raise JobError(str(event["error"]), lasting=bool(event.get("lasting")))
