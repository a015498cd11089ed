"""The hook for Google Cloud Dataflow."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from airflow_dataflow_ext.api.dataflow import methods as dataflow
from airflow_dataflow_ext.api.dataflow.bodies import check_gcs_path, check_zone, read_body
from airflow_dataflow_ext.api.dataflow.fields import FIELDS
from airflow_dataflow_ext.api.dataflow.launcher import DataflowLauncher
from airflow_dataflow_ext.api.dataflow.states import DataflowJobStatus, DataflowJobType, read_states
from airflow_dataflow_ext.api.dataflow.stop import stop
from airflow_dataflow_ext.api.dataflow.templates import FlexTemplateLaunch, Launch, TemplateLaunch
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.dataflow.where import at_job
from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import launch_once
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask, entries
from airflow_dataflow_ext.api.rest.errors import DataflowExtError
from airflow_dataflow_ext.hooks.data_pipelines import PipelineVerbs
from airflow_dataflow_ext.hooks.google import Where
from airflow_dataflow_ext.hooks.verbs import verb
from airflow_dataflow_ext.hooks.workers import WorkerVerbs

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json, Method, Request
    from airflow_dataflow_ext.api.rest.steps import Conversation

__all__ = ["DataflowHook", "DataflowJobStatus", "DataflowJobType"]


class DataflowHook(PipelineVerbs, WorkerVerbs):
    """Calls Google Cloud Dataflow v1b3 and Data Pipelines.

    Every method has three forms: ``hook.get_job(...)`` blocks, ``await hook.get_job.aio(...)`` runs on an event loop, and
    ``hook.get_job.conversation(...)`` is part of a longer conversation. All take ``project_id`` and ``location`` as keyword
    arguments, and raise :class:`~airflow_dataflow_ext.api.rest.errors.CallError` if the service refuses. :attr:`call` reaches REST
    methods that have no method here. See :class:`~airflow_dataflow_ext.hooks.google.DataflowConnection` for the constructor's arguments.

    https://cloud.google.com/dataflow/docs/reference/rest
    """

    @verb
    def call(self, method: Method, body: Mapping[str, Any] | None = None, /, **values: Any) -> Conversation[Any]:
        """Call any method of :mod:`airflow_dataflow_ext.api.dataflow.methods`; project and location are filled in.

        :param body: the request body. Text is read as the type of its field, as in the operators; ``None`` is left out.
        :param values: path and query parameters under the service's own names, for example ``jobId``; ``location=""`` uses the
            path without a location.
        """
        values["projectId"] = self.project_of(values.get("projectId"))
        if "location" in method.placeholders and values.get("location") != "":
            values["location"] = self.location_of(values.get("location"))
        if body is not None and method.body is not None and method.body in FIELDS:
            body = read_body(method.body, body, "body")
        return self._ask(method.request(body, **{name: value for name, value in values.items() if value != ""}))

    @verb
    def launch_template(
        self,
        template: str,
        job_name: str,
        parameters: Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None,
        *,
        append_job_name: bool = True,
        **where: Unpack[Where],
    ) -> Conversation[Json]:
        """Launch a classic template once, even if an answer is lost; returns the Job, which may not have started yet.

        https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.templates/launch

        :param template: ``gs://`` path of the template.
        :param parameters: the template's parameters; they are not checked against its metadata.
        :param environment: a RuntimeEnvironment. Text is read as the type of its field.
        :param append_job_name: append a suffix to ``job_name`` that is unique to this call.
        """
        launch = TemplateLaunch(template=template, job_name=job_name, parameters=parameters or {}, environment=environment or {})
        return self._launch(launch, append_job_name, where)

    @verb
    def launch_flex_template(self, body: Mapping[str, Any], *, append_job_name: bool = True, **where: Unpack[Where]) -> Conversation[Json]:
        """Launch a Flex template once, even if an answer is lost; returns the Job, which may not have started yet.

        https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.flexTemplates/launch

        :param body: a LaunchFlexTemplateRequest. Text is read as the type of its field.
        :param append_job_name: append a suffix to the job's name that is unique to this call.
        """
        return self._launch(FlexTemplateLaunch(body=body), append_job_name, where)

    def _launch(self, launch: Launch, append_job_name: bool, where: Where) -> Conversation[Json]:
        launcher = DataflowLauncher(launch=launch, place=self.place(**where), append_job_name=append_job_name)
        if not where.get("location"):
            check_zone(launch.environment, launcher.place)
        identity = LaunchIdentity(dag_id="", run_id=uuid.uuid4().hex, task_id="")
        return (yield from launch_once(launcher, identity, clear_key=0)).job

    @verb
    def get_job(self, job_id: str, *, view: str | None = None, **where: Unpack[Where]) -> Conversation[Json]:
        """The Job.

        :param view: ``JOB_VIEW_SUMMARY`` (default), ``JOB_VIEW_DESCRIPTION`` or ``JOB_VIEW_ALL``.
        """
        job = self.job(job_id, **where)
        return at_job(job, self._ask(dataflow.Job.get.request(**job.path, view=view)))

    @verb
    def list_jobs(
        self,
        *,
        name: str | None = None,
        filter: str | None = None,  # noqa: A002  (the service's name)
        limit: int | None = None,
        **where: Unpack[Where],
    ) -> Conversation[list[Json]]:
        """Summaries of the jobs of a location.

        :param name: only jobs of exactly this name.
        :param filter: ``ALL``, ``ACTIVE`` or ``TERMINATED``.
        :param limit: greatest number of jobs.
        """
        request = dataflow.Job.list.request(**self.place(**where).path, name=name, filter=filter)
        return self._entries(request, "jobs", limit)

    @verb
    def wait(
        self, job_id: str, *, expected_states: Sequence[str] | str = (), poll_sleep: float = budgets.POLL_SLEEP, **where: Unpack[Where]
    ) -> Conversation[Json]:
        """Wait for a job's end, or for one of the expected states; log its messages. Returns the Job.

        :param poll_sleep: seconds between two looks.
        :raises JobError: the job ended in another state.
        """
        expected = tuple(read_states(expected_states, "expected_states")) if expected_states else ()
        policy = WaitPolicy(expected=expected, to_the_end=True, poll_sleep=poll_sleep)
        return (yield from wait_for_job(JobWatch(job=self.job(job_id, **where), policy=policy))).result()

    @verb
    def cancel(
        self, job_id: str, *, wait_for: float = budgets.STOP_WAIT, poll_sleep: float = budgets.POLL_SLEEP, **where: Unpack[Where]
    ) -> Conversation[Json]:
        """Cancel a job and wait up to ``wait_for`` seconds for its end, with ``poll_sleep`` seconds between two looks; see
        :func:`airflow_dataflow_ext.api.dataflow.stop.stop`."""
        return stop(self.job(job_id, **where), wait_for=wait_for, poll_sleep=poll_sleep)

    @verb
    def drain(
        self, job_id: str, *, wait_for: float = budgets.DRAIN_WAIT, poll_sleep: float = budgets.POLL_SLEEP, **where: Unpack[Where]
    ) -> Conversation[Json]:
        """Drain a streaming job and wait up to ``wait_for`` seconds for its end, with ``poll_sleep`` seconds between two looks."""
        return stop(self.job(job_id, **where), drain=True, wait_for=wait_for, poll_sleep=poll_sleep)

    @verb
    def update_job(
        self, job_id: str, body: Mapping[str, Any], *, update_mask: str | None = None, **where: Unpack[Where]
    ) -> Conversation[Json]:
        """Change a running job; returns the Job.

        https://cloud.google.com/dataflow/docs/guides/updating-a-pipeline

        :param body: a Job with the fields to change.
        :param update_mask: names of these fields, separated by commas.
        """
        job = self.job(job_id, **where)
        read = read_body("Job", body, "body")
        return at_job(job, self._ask(dataflow.Job.update.request(read, **job.path, updateMask=update_mask)))

    @verb
    def messages(
        self,
        job_id: str,
        *,
        minimum_importance: str = "JOB_MESSAGE_BASIC",
        start_time: str | None = None,
        **where: Unpack[Where],
    ) -> Conversation[list[Json]]:
        """JobMessages, oldest first.

        :param minimum_importance: least importance, for example ``JOB_MESSAGE_DETAILED``.
        :param start_time: RFC 3339 time of the first message, inclusive; by default all.
        """
        job = self.job(job_id, **where)
        request = dataflow.Message.list.request(**job.path, minimumImportance=minimum_importance, startTime=start_time)
        return at_job(job, self._entries(request, "jobMessages"))

    @verb
    def autoscaling_events(self, job_id: str, *, start_time: str | None = None, **where: Unpack[Where]) -> Conversation[list[Json]]:
        """AutoscalingEvents of a job from ``start_time`` (RFC 3339, inclusive); the service lists them with the messages."""
        job = self.job(job_id, **where)
        return at_job(job, self._entries(dataflow.Message.list.request(**job.path, startTime=start_time), "autoscalingEvents"))

    @verb
    def metrics(self, job_id: str, **where: Unpack[Where]) -> Conversation[list[Json]]:
        """MetricUpdates of a job; most come twice, as a committed and a tentative value (``context.tentative``)."""
        job = self.job(job_id, **where)
        return at_job(job, self._entries(dataflow.Job.get_metrics.request(**job.path), "metrics"))

    @verb
    def execution_details(self, job_id: str, **where: Unpack[Where]) -> Conversation[list[Json]]:
        """StageSummaries of a job."""
        job = self.job(job_id, **where)
        return at_job(job, self._entries(dataflow.Job.get_execution_details.request(**job.path), "stages"))

    @verb
    def stage_execution_details(self, job_id: str, stage_id: str, **where: Unpack[Where]) -> Conversation[list[Json]]:
        """WorkerDetails of one stage."""
        request = dataflow.Stage.get_execution_details.request(**self.job(job_id, **where).path, stageId=stage_id)
        return self._entries(request, "workers")

    @verb
    def template_metadata(self, gcs_path: str, **where: Unpack[Where]) -> Conversation[Json]:
        """GetTemplateResponse of a classic or Flex template; its ``status`` describes errors of the template."""
        return self._ask(
            dataflow.Template.get.request(
                **self.place(**where).path, gcsPath=check_gcs_path(gcs_path, "the template"), view="METADATA_ONLY"
            )
        )

    @verb
    def create_snapshot(
        self,
        job_id: str,
        *,
        ttl: str = "604800s",
        description: str | None = None,
        snapshot_sources: bool = False,
        **where: Unpack[Where],
    ) -> Conversation[Json]:
        """Take a snapshot of a running streaming job; returns the Snapshot.

        :param ttl: how long the service keeps it, for example ``604800s``.
        :param description: a text that the console shows.
        :param snapshot_sources: also snapshot the job's Pub/Sub sources.
        """
        body = read_body("SnapshotJobRequest", {"ttl": ttl, "snapshotSources": snapshot_sources, "description": description}, "snapshot")
        job = self.job(job_id, **where)
        return at_job(job, self._ask(dataflow.Job.snapshot.request(body, **job.path)))

    @verb
    def get_snapshot(self, snapshot_id: str, **where: Unpack[Where]) -> Conversation[Json]:
        """One Snapshot."""
        return self._ask(dataflow.Snapshot.get.request(**self.place(**where).path, snapshotId=snapshot_id))

    @verb
    def list_snapshots(self, *, job_id: str | None = None, **where: Unpack[Where]) -> Conversation[list[Json]]:
        """Snapshots of a location, or of one job in it."""
        return self._entries(dataflow.Snapshot.list.request(**self.place(**where).path, jobId=job_id), "snapshots")

    @verb
    def delete_snapshot(self, snapshot_id: str, **where: Unpack[Where]) -> Conversation[Json]:
        """Delete a Snapshot."""
        return self._ask(dataflow.Snapshot.delete.request(**self.place(**where).path, snapshotId=snapshot_id))

    def _entries(self, request: Request, key: str, limit: int | None = None) -> Conversation[list[Json]]:
        return entries(request, key, retry_for=self.retry_for, limit=limit)

    def test_connection(self) -> tuple[bool, str]:
        """Read one job of the connection's project, without retries; the Test button of the connection form calls this."""
        try:
            self.run(ask(dataflow.Job.list.request(**self.place().path, pageSize=1), retry_for=0.0))
        except (DataflowExtError, ValueError) as error:
            return False, str(error)
        return True, f"{self.root} answers for project {self.project_of()} in {self.location_of()}"
