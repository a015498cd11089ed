"""Operators that create a Dataflow job from its graph, stop jobs, and change one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow.stop import check_force_after
from airflow_dataflow_ext.api.rest.arguments import given, only_given
from airflow_dataflow_ext.api.rest.values import seconds
from airflow_dataflow_ext.operators.dataflow_base import DataflowActionOperator
from airflow_dataflow_ext.operators.dataflow_launch import DataflowLaunchOperator
from airflow_dataflow_ext.operators.waiting import until
from airflow_dataflow_ext.task.connection import DataflowTask
from airflow_dataflow_ext.task.errors import task_errors
from airflow_dataflow_ext.task.flags import Flag
from airflow_dataflow_ext.task.templating import FileFields, is_template

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_dataflow_ext.api.dataflow.actions import StopAction
    from airflow_dataflow_ext.api.dataflow.job import Place
    from airflow_dataflow_ext.api.dataflow.templates import Launch
    from airflow_dataflow_ext.api.dataflow.update import JobUpdate
    from airflow_dataflow_ext.api.rest.method import Json

_CHANGES = ("min_num_workers", "max_num_workers", "worker_utilization_hint", "latency_tier", "archived", "display_properties")


class DataflowCreateJobOperator(FileFields, DataflowLaunchOperator):
    """Create a job from a job graph, as Beam's SDK writes it to a file instead of submitting it.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs/create

    :param job: a Job (templated) with ``name``, ``type``, ``environment``, and ``steps`` or ``stepsLocation``; ``labels`` are kept. It may
        also be JSON text, or the name of a ``.json`` file beside the DAG file. Text is read as the type of its field.
        Airflow renders ``{{ }}`` in every text of it. To protect a part, wrap it in :func:`airflow.sdk.literal`:
        ``{**graph, "steps": literal(graph["steps"])}``.
    :param snapshot_id: snapshot of a streaming job from whose state the job starts (templated).

    See :class:`~airflow_dataflow_ext.operators.dataflow_launch.DataflowLaunchOperator` for the other arguments, the result and retries.
    """

    template_fields: Sequence[str] = ("job", "snapshot_id", *DataflowLaunchOperator.template_fields)
    template_ext: Sequence[str] = (".json",)
    file_fields = ("job",)
    template_fields_renderers = {"job": "json"}  # noqa: RUF012  (Airflow's own form)

    def __init__(self, *, job: Mapping[str, Any] | str, snapshot_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job: Any = job
        self.snapshot_id = snapshot_id

    def launch(self) -> tuple[Launch, Place]:
        from airflow_dataflow_ext.api.dataflow.job_graph import CreateJobLaunch

        return CreateJobLaunch(job=self.job, snapshot_id=given(self.snapshot_id)), self.place


class DataflowStopJobOperator(DataflowActionOperator):
    """Stop a job, or all active jobs of a name, and wait until they have ended; the result is the list of these Jobs.

    The task succeeds whichever way the jobs end. If a streaming job was to be drained but failed or was cancelled, the task logs a warning,
    since data may be lost. If a job is too young to be stopped, the task tries again. If there is nothing to stop, the task logs a warning
    that lists running jobs of similar names, or fails with ``fail_if_nothing_found``; it always fails for a ``job_id`` that does not exist.

    https://cloud.google.com/dataflow/docs/guides/stopping-a-pipeline

    :param job_name_prefix: stop *all* active jobs whose name begins with this (templated), whoever launched them: ``etl`` also stops
        ``etl-backfill``. The task logs each job before it stops it.
    :param job_id: stop this job (templated).
    :param job_name: stop the active job of exactly this name (templated), and the jobs that operators of this package have launched with
        this ``job_name``, whose names have a suffix.
    :param drain_pipeline: drain streaming jobs, which finish what they have read; False cancels them (templated).
    :param fail_if_nothing_found: fail if there is nothing to stop (templated).
    :param stop_timeout: seconds to wait for the end; None waits until the task's own timeout, 0 does not wait.
    :param force_after: seconds after which a job that is still being cancelled is cancelled by force; at least 1800. A forced cancel may
        leave virtual machines and other resources behind.

    See :class:`~airflow_dataflow_ext.operators.dataflow_base.DataflowActionOperator` for the other arguments.
    """

    template_fields = (
        *("job_id", "job_name", "job_name_prefix", "drain_pipeline", "fail_if_nothing_found"),
        *DataflowTask.template_fields,
    )
    drain_pipeline = Flag()
    fail_if_nothing_found = Flag()

    def __init__(
        self,
        *,
        job_name_prefix: str | None = None,
        job_id: str | None = None,
        job_name: str | None = None,
        drain_pipeline: bool | str = True,
        stop_timeout: float | None = 10 * 60,
        force_after: float | None = None,
        fail_if_nothing_found: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        only_given(job_id=job_id, job_name=job_name, job_name_prefix=job_name_prefix)
        self.job_name_prefix = job_name_prefix
        self.job_id = job_id
        self.job_name = job_name
        self.drain_pipeline = drain_pipeline
        self.stop_timeout = seconds(stop_timeout, "stop_timeout")
        self.force_after = check_force_after(force_after)
        self.fail_if_nothing_found = fail_if_nothing_found

    def action(self, context: Context, *, clear_key: int) -> StopAction:
        from airflow_dataflow_ext.api.dataflow.actions import StopAction
        from airflow_dataflow_ext.api.dataflow.find_jobs import find_jobs

        place = self.place
        if only_given(job_id=self.job_id, job_name=self.job_name, job_name_prefix=self.job_name_prefix) == "job_id":
            at = self.hook.job(self.job_id, self.project_id, self.location)
            self.show_job(context, at)
            job_ids = [at.id]
        else:
            finding = find_jobs(place, name=self.job_name, prefix=self.job_name_prefix, must_find=self.fail_if_nothing_found)
            job_ids = [str(job["id"]) for job in self.hook.run(finding)]
        return StopAction(
            place=place,
            job_ids=tuple(job_ids),
            drain=self.drain_pipeline,
            wait=self.stop_timeout != 0,
            until=until(self.stop_timeout),
            force_after=self.force_after,
            poll_sleep=self.poll_sleep,
        )


class DataflowUpdateJobOperator(DataflowTask):
    """Change a job in place; the result is the Job.

    You can change the scaling of a running streaming job with Streaming Engine, and archive a job that has ended. Arguments that you omit
    change nothing. All arguments listed here are templated.

    https://cloud.google.com/dataflow/docs/guides/updating-a-pipeline and https://cloud.google.com/dataflow/docs/guides/archive-jobs

    :param job_id: the job.
    :param min_num_workers: smallest number of workers, 1 to 1000.
    :param max_num_workers: largest number of workers, 1 to 1000.
    :param worker_utilization_hint: CPU utilization that autoscaling aims at, 0.1 to 0.9.
    :param latency_tier: ``low-latency``, ``medium-latency`` or ``high-latency``.
    :param archived: True hides a job that has ended from lists; False shows it again.
    :param display_properties: other properties that the console shows, as texts.

    See :class:`~airflow_dataflow_ext.task.connection.DataflowTask` for the other arguments.
    """

    template_fields = ("job_id", *_CHANGES, *DataflowTask.template_fields)

    def __init__(
        self,
        *,
        job_id: str,
        min_num_workers: int | str | None = None,
        max_num_workers: int | str | None = None,
        worker_utilization_hint: float | str | None = None,
        latency_tier: str | None = None,
        archived: bool | str | None = None,
        display_properties: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.min_num_workers = min_num_workers
        self.max_num_workers = max_num_workers
        self.worker_utilization_hint = worker_utilization_hint
        self.latency_tier = latency_tier
        self.archived = archived
        self.display_properties = display_properties
        if not any(is_template(getattr(self, name)) for name in _CHANGES):
            self.update()  # a wrong argument fails the DAG file, not the run

    def update(self) -> JobUpdate:
        """The change, made from the rendered fields.

        :raises InvalidInputError: a field is wrong, or nothing changes.
        """
        from airflow_dataflow_ext.api.dataflow.update import JobUpdate

        return JobUpdate(
            min_num_workers=self.min_num_workers,
            max_num_workers=self.max_num_workers,
            worker_utilization_hint=self.worker_utilization_hint,
            latency_tier=self.latency_tier,
            archived=self.archived,
            display_properties=self.display_properties or {},
        )

    def execute(self, context: Context) -> Json:
        with task_errors():
            update = self.update()
            at = self.hook.job(self.job_id, self.project_id, self.location)
            self.show_job(context, at)
            job: Json = self.hook.run(update.perform(at))
            return job
