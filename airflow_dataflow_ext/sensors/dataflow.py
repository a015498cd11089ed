"""Sensors for Google Cloud Dataflow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow_watch import JobRef, JobWatch
from airflow_dataflow_ext.links.dataflow import DataflowJobLink
from airflow_dataflow_ext.sensors.base import JobSensor

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from airflow_dataflow_ext.hooks.dataflow import DataflowHook


class DataflowJobStatusSensor(JobSensor):
    """Wait until a job is in one of some states; a job that ends in another fails the task. The result is the Job.

    :param job_id: the job (templated).
    :param expected_statuses: a state, or some, for example ``JOB_STATE_DONE``.
    :param project_id: project of the job; the connection's by default.
    :param location: location of the job; the connection's, or ``us-central1``, by default.
    :param gcp_conn_id: connection of type ``google_cloud_platform``.
    :param impersonation_chain: service account, or chain of them, to act as.

    See :class:`~airflow_dataflow_ext.sensors.base.JobSensor` for the other arguments.
    """

    template_fields: Sequence[str] = ("job_id", "project_id", "location", "gcp_conn_id", "impersonation_chain")
    operator_extra_links = (DataflowJobLink(),)

    def __init__(
        self,
        *,
        job_id: str,
        expected_statuses: Iterable[str] | str,
        project_id: str | None = None,
        location: str | None = None,
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.expected_statuses = {expected_statuses} if isinstance(expected_statuses, str) else set(expected_statuses)
        self.project_id = project_id
        self.location = location
        self.gcp_conn_id = gcp_conn_id
        self.impersonation_chain = impersonation_chain
        self._watch(JobRef(project_id="-", location="-", job_id="-"))  # a wrong argument fails the DAG file, not the run

    @cached_property
    def hook(self) -> DataflowHook:
        """The hook of the connection."""
        from airflow_dataflow_ext.hooks.dataflow import DataflowHook

        return DataflowHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

    def watch(self) -> JobWatch:
        return self._watch(self.hook.job(self.job_id, self.project_id, self.location))

    def trigger(self, watch: JobWatch) -> BaseTrigger:
        from airflow_dataflow_ext.triggers.dataflow import DataflowJobTrigger

        return DataflowJobTrigger(watch=watch.serialize(), conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

    def show(self, context: Context) -> None:
        where = self.hook.job(self.job_id, self.project_id, self.location)
        DataflowJobLink.persist(context, project_id=where.project_id, location=where.location, job_id=where.job_id)

    def _watch(self, job: JobRef) -> JobWatch:
        expected = tuple(sorted(self.expected_statuses))
        return JobWatch(job=job, expected=expected, to_the_end=True, poll_sleep=self.poll_interval, importance=None)
