"""Sensors for Google Cloud Dataflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue, conf

from airflow_dataflow_ext.api.dataflow_watch import JobRef, JobWatch
from airflow_dataflow_ext.api.errors import JobError
from airflow_dataflow_ext.api.states import Phase
from airflow_dataflow_ext.api.watching import Outcome, watching
from airflow_dataflow_ext.links.dataflow import DataflowJobLink
from airflow_dataflow_ext.operators.edge import task_edge

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_dataflow_ext.hooks.dataflow import DataflowHook


class DataflowJobStatusSensor(BaseSensorOperator):
    """Wait until a job is in one of some states; a job that ends in another fails the task. The result is the Job.

    :param job_id: the job (templated).
    :param expected_statuses: a state, or some, for example ``JOB_STATE_DONE``.
    :param project_id: project of the job; the connection's by default.
    :param location: location of the job; the connection's, or ``us-central1``, by default.
    :param gcp_conn_id: connection of type ``google_cloud_platform``.
    :param impersonation_chain: service account, or chain of them, to act as.
    :param deferrable: wait in the triggerer.
    :param poll_interval: seconds between two looks.
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
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"poke_interval": poll_interval, **kwargs})
        self.job_id = job_id
        self.expected_statuses = {expected_statuses} if isinstance(expected_statuses, str) else set(expected_statuses)
        self.project_id = project_id
        self.location = location
        self.gcp_conn_id = gcp_conn_id
        self.impersonation_chain = impersonation_chain
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self._watch(JobRef(project_id="-", location="-", job_id="-"))  # a wrong argument fails the DAG file, not the run

    @cached_property
    def hook(self) -> DataflowHook:
        """The hook of the connection."""
        from airflow_dataflow_ext.hooks.dataflow import DataflowHook

        return DataflowHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        with task_edge():
            watch = self._watch(self.hook.job(self.job_id, self.project_id, self.location))
            job = self.hook.run(watch.read())
            if watch.judge(job) is Phase.MOVING:
                self.log.info("%s is in state %s", watch.job, watch.state(job))
                return PokeReturnValue(is_done=False)
            return PokeReturnValue(is_done=True, xcom_value=self.hook.run(watching(watch)).result())

    def execute(self, context: Context) -> Any:
        """Look once; then wait here, or in the triggerer."""
        with task_edge():
            where = self.hook.job(self.job_id, self.project_id, self.location)
        DataflowJobLink.persist(context, project_id=where.project_id, location=where.location, job_id=where.job_id)
        if not self.deferrable:
            return super().execute(context)
        looked = self.poke(context)
        if looked.is_done:
            return looked.xcom_value
        from airflow_dataflow_ext.triggers.dataflow import DataflowJobTrigger

        trigger = DataflowJobTrigger(
            watch=self._watch(where).serialize(), conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain
        )
        limits = [limit for limit in (self.execution_timeout, timedelta(seconds=self.timeout)) if limit is not None]
        self.defer(trigger=trigger, method_name="execute_complete", timeout=min(limits))

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> Any:
        """What the trigger saw decides exactly as if this worker had looked."""
        with task_edge():
            if "error" in event:
                raise JobError(str(event["error"]))
            return Outcome.deserialize(event).result()

    def _watch(self, job: JobRef) -> JobWatch:
        expected = tuple(sorted(self.expected_statuses))
        return JobWatch(job=job, expected=expected, to_the_end=True, poll_sleep=self.poll_interval, importance=None)
