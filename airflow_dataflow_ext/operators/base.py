"""What every operator that launches a Dataflow job has in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.conversations import ask
from airflow_dataflow_ext.api.dataflow_service import DataflowService
from airflow_dataflow_ext.api.dataflow_watch import JobRef, JobWatch
from airflow_dataflow_ext.links.dataflow import DataflowJobLink
from airflow_dataflow_ext.operators.edge import task_edge
from airflow_dataflow_ext.operators.launching import LaunchOperator

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from airflow_dataflow_ext.api.launch import Launch
    from airflow_dataflow_ext.api.launching import Launched
    from airflow_dataflow_ext.api.method import Json
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook


class DataflowLaunchOperator(LaunchOperator):
    """Launches one Dataflow job and follows it; the result is the Job.

    See :class:`~airflow_dataflow_ext.operators.launching.LaunchOperator` for ``poll_sleep``, ``deferrable``,
    ``cancel_timeout``, ``reattach``, and for what happens on retries.

    :param project_id: project of the job; the connection's by default.
    :param location: location of the job; the connection's, or ``us-central1``, by default.
    :param gcp_conn_id: connection of type ``google_cloud_platform``.
    :param impersonation_chain: service account, or chain of them, to act as.
    :param append_job_name: give each launch a job name of its own by a suffix that stays the same over retries.
    :param wait_until_finished: None waits for a batch job's end and for a streaming job to run; True waits for the end of
        either; False does not wait.
    :param expected_terminal_state: the state that ends the task well, when it is another one; every other end fails it.
    :param drain_pipeline: drain a streaming job instead of cancelling it when the task is killed.
    :param message_importance: the least importance of job messages that are shown in the task's log, for example
        ``JOB_MESSAGE_DETAILED``; None shows none.
    """

    ui_color = "#0273d4"
    operator_extra_links = (DataflowJobLink(),)

    def __init__(
        self,
        *,
        project_id: str | None = None,
        location: str | None = None,
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        append_job_name: bool = True,
        expected_terminal_state: str | None = None,
        drain_pipeline: bool = False,
        message_importance: str | None = "JOB_MESSAGE_BASIC",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_id = project_id
        self.location = location
        self.gcp_conn_id = gcp_conn_id
        self.impersonation_chain = impersonation_chain
        self.append_job_name = append_job_name
        self.expected_terminal_state = expected_terminal_state
        self.drain_pipeline = drain_pipeline
        self.message_importance = message_importance
        self._watch(JobRef(project_id="-", location="-", job_id="-"))  # a wrong argument fails the DAG file, not the run

    @abstractmethod
    def launch(self) -> Launch:
        """What is launched, from the rendered fields.

        :raises InvalidInputError: a field is wrong.
        """

    @cached_property
    def hook(self) -> DataflowHook:
        """The hook of the connection."""
        from airflow_dataflow_ext.hooks.dataflow import DataflowHook

        return DataflowHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

    def execute(self, context: Context) -> Json:
        with task_edge():
            launch = self.launch()
            if launch.validate_only:
                return self._validate(launch)
        return super().execute(context)

    def service(self) -> DataflowService:
        launch = self.launch()  # may settle the location
        return DataflowService(
            launch=launch,
            watch=self._watch(self.hook.job("-", self.project_id, self.location)),
            append_job_name=self.append_job_name,
            drain=self.drain_pipeline,
            cancel_timeout=float(self.cancel_timeout or 0),
        )

    def watch(self, launched: Launched) -> JobWatch:
        return self._watch(self.hook.job(launched.record.job_id, self.project_id, self.location))

    def trigger(self, watch: JobWatch, *, stop_on_kill: bool) -> BaseTrigger:
        from airflow_dataflow_ext.triggers.dataflow import DataflowJobTrigger

        return DataflowJobTrigger(
            watch=watch.serialize(),
            stop_on_kill=stop_on_kill,
            drain=self.drain_pipeline,
            conn_id=self.gcp_conn_id,
            impersonation_chain=self.impersonation_chain,
        )

    def show(self, context: Context, job: Json) -> None:
        where = self.hook.job(str(job["id"]), self.project_id, self.location)
        DataflowJobLink.persist(context, project_id=where.project_id, location=where.location, job_id=where.job_id)
        self.log.info("%s: %s", where, job.get("name"))

    def _watch(self, job: JobRef) -> JobWatch:
        return JobWatch(
            job=job,
            expected=(self.expected_terminal_state,) if self.expected_terminal_state else (),
            to_the_end=bool(self.wait_until_finished),
            poll_sleep=self.poll_sleep,
            importance=self.message_importance,
        )

    def _validate(self, launch: Launch) -> Json:
        where = self.hook.place(self.project_id, self.location)
        answer: Json = self.hook.run(ask(launch.request(where["projectId"], where["location"], launch.job_name, {})))
        return answer
