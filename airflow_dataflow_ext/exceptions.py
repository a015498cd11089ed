"""The public exceptions that a task of this package raises when its job ends badly."""

from __future__ import annotations

from airflow_dataflow_ext.task.compat import AirflowException, AirflowFailException


class JobFailedError(AirflowException):
    """The task failed because its job did not end as expected. A failure callback finds it in ``context["exception"]``.

    It is the same whether a worker or the triggerer waited. The first line of its text is the reason.

    :param job_id: id of the job or, for CRM Analytics, of the run.
    :param name: the job's name or, for CRM Analytics, the run's label.
    :param state: the job's last state as the service names it, for example ``JOB_STATE_FAILED``.
    :param reason: why the job ended badly, in one line; empty if the service gave no reason.
    :param link: URL of the job's page.
    """

    def __init__(self, message: str, *, job_id: str = "", name: str = "", state: str = "", reason: str = "", link: str = "") -> None:
        super().__init__(message)
        self.job_id = job_id
        self.name = name
        self.state = state
        self.reason = reason
        self.link = link


class NoCapacityError(JobFailedError):
    """The service had no capacity for the job: a quota is used up, or no machines are available. ``reason`` says which, and what helps.

    If the service refused the launch, there is no job, and ``job_id`` is empty.
    """


class UsageLimitError(JobFailedError, AirflowFailException):
    """The job was stopped because it used more than ``max_cost`` or ``max_vcpu_hours`` allows. Airflow does not retry the task, since a
    retry would cost as much again.

    ``reason`` states the limit and what the job used.
    """
