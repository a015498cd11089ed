"""What a task of this package raises where a callback can catch it: the public exceptions of a job that ended badly."""

from __future__ import annotations

from airflow_dataflow_ext.task.compat import AirflowException, AirflowFailException


class JobFailedError(AirflowException):
    """A task has failed because its job ended in another way than asked; ``context["exception"]`` of a failure callback is one.

    It is the same whether a worker waited or the triggerer did. Its text begins with the reason, in one line.

    :param job_id: id of the job; of the run, for CRM Analytics.
    :param name: the job's name; the run's label.
    :param state: how it ended, in the service's own word, for example ``JOB_STATE_FAILED``.
    :param reason: why, in one line; empty where the service gave no reason.
    :param link: URL of the page where a person sees the job.
    """

    def __init__(self, message: str, *, job_id: str = "", name: str = "", state: str = "", reason: str = "", link: str = "") -> None:
        super().__init__(message)
        self.job_id = job_id
        self.name = name
        self.state = state
        self.reason = reason
        self.link = link


class NoCapacityError(JobFailedError):
    """The service had no room for the job: a quota is used up, or there are no machines. ``reason`` says which, and what helps.

    Where the service refused the launch there is no job, and ``job_id`` is empty.
    """


class UsageLimitError(JobFailedError, AirflowFailException):
    """The job was stopped because it used more than ``max_cost`` or ``max_vcpu_hours`` allow; a retry would use it again, so there is none.

    ``reason`` holds the figures.
    """
