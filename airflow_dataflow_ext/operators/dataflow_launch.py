"""What every operator that launches a Dataflow job has in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow.job import JobRef
from airflow_dataflow_ext.api.dataflow.launcher import DataflowLauncher
from airflow_dataflow_ext.api.dataflow.messages import MessageStream
from airflow_dataflow_ext.api.dataflow.template_check import Validate, check_validate
from airflow_dataflow_ext.api.dataflow.usage import check_prices, conclude
from airflow_dataflow_ext.api.dataflow.wait import JobWatch
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.links.dataflow import DataflowJobLink
from airflow_dataflow_ext.operators.base import Attempt, LaunchOperator
from airflow_dataflow_ext.operators.dataflow_lineage import TemplateLineage
from airflow_dataflow_ext.task.errors import task_errors
from airflow_dataflow_ext.task.start_from_trigger import StartArgs, StartsHere

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from airflow_dataflow_ext.api.dataflow.templates import Launch
    from airflow_dataflow_ext.api.jobs.launch_once import Launched
    from airflow_dataflow_ext.api.jobs.watch import Outcome
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook


class DataflowLaunchOperator(TemplateLineage, LaunchOperator):
    """Launches one Dataflow job and follows it; the result is the Job.

    A job that has ended has two fields more: ``resources``, what it used by the service's metrics (see
    :data:`airflow_dataflow_ext.api.dataflow.usage.TOTALS`), and, with ``prices``, ``estimatedCost``.

    See :class:`~airflow_dataflow_ext.operators.base.LaunchOperator` for ``poll_sleep``, ``deferrable``,
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
    :param cancel_on_kill: False lets the job go on when the task is killed, or times out while it is deferred.
    :param end_from_trigger: with ``deferrable``: let the triggerer end the task, without a second worker. Airflow then runs no
        ``on_success_callback`` or listener and writes no asset events, and the triggerer's log alone says why a task failed.
    :param start_from_trigger: with ``end_from_trigger``: let the triggerer launch the job, too, so that the task takes no worker at all. A
        mapped task, or one that needs what only a worker can have, starts there all the same; the page "Waiting" says what that is.
    :param validate: who checks the launch before it is sent: ``metadata`` compares parameters with what the template says of itself,
        where that can be read; ``service`` asks the service (``validateOnly``); ``off`` checks nothing.
    :param prices: what one unit of a total costs, in any currency, for an estimate of what the job cost; for example
        ``{"vcpu_hours": 0.056, "memory_gb_hours": 0.003557}``.
    :param message_importance: the least importance of job messages that are shown in the task's log, for example
        ``JOB_MESSAGE_DETAILED``; None shows none.
    """

    ui_color = "#0273d4"
    operator_extra_links = (DataflowJobLink(),)
    start_trigger_args = StartArgs()
    start_from_trigger = StartsHere()

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
        cancel_on_kill: bool = True,
        end_from_trigger: bool = False,
        start_from_trigger: bool = False,
        validate: Validate = "metadata",
        prices: Mapping[str, float] | None = None,
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
        self.cancel_on_kill = cancel_on_kill
        if end_from_trigger and not self.deferrable:
            raise InvalidInputError("end_from_trigger needs deferrable=True")
        if start_from_trigger and not end_from_trigger:
            raise InvalidInputError("start_from_trigger needs end_from_trigger=True: a task that begins without a worker ends without one")
        self.end_from_trigger = end_from_trigger
        self.start_from_trigger = start_from_trigger
        self.validate: Validate = check_validate(validate)
        self.prices = check_prices(prices)
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
        with task_errors():
            launch = self.launch()
            if launch.validate_only:
                return self.hook.run(self.validation(launch))
        return self._told(context, super().execute(context))

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> Json:
        return self._told(context, super().execute_complete(context, event))

    def service(self) -> DataflowLauncher:
        launch = self.launch()  # may settle the location
        return DataflowLauncher(
            launch=launch,
            watch=self._watch(self.hook.job("-", self.project_id, self.location)),
            append_job_name=self.append_job_name,
            drain=self.drain_pipeline,
            cancel_timeout=float(self.cancel_timeout or 0),
            validate=self.validate,
        )

    def needs_worker(self) -> bool:
        """Whether the launch needs something that is on a worker only."""
        return False

    def watch(self, launched: Launched) -> JobWatch:
        return self._watch(self.hook.job(launched.record.job_id, self.project_id, self.location))

    def trigger(self, watch: JobWatch, *, stop_on_kill: bool) -> BaseTrigger:
        from airflow_dataflow_ext.triggers.dataflow import DataflowJobTrigger

        return DataflowJobTrigger(
            watch=watch.serialize(),
            stop_on_kill=stop_on_kill and self.cancel_on_kill and not (self.wait_until_finished and self.replaces()),
            drain=self.drain_pipeline,
            end_from_trigger=self.end_from_trigger,
            prices=self.prices,
            replaces=self.replaces(),
            conn_id=self.gcp_conn_id,
            impersonation_chain=self.impersonation_chain,
        )

    def show(self, context: Context, job: Json) -> None:
        where = self.hook.job(str(job["id"]), self.project_id, self.location)
        DataflowJobLink.persist(context, root=self.hook.root, project_id=where.project_id, location=where.location, job_id=where.job_id)
        self.log.info("%s: %s", where, job.get("name"))

    def _watch(self, job: JobRef) -> JobWatch:
        return JobWatch(
            job=job,
            expected=(self.expected_terminal_state,) if self.expected_terminal_state else (),
            to_the_end=bool(self.wait_until_finished),
            poll_sleep=self.poll_sleep,
            importance=self.message_importance,
        )

    def replaces(self) -> bool:
        """Whether the job is to replace a running one; then a kill must not end the stream that it has taken over."""
        return False

    def _stop(self, attempt: Attempt) -> None:
        if self.cancel_on_kill:
            super()._stop(attempt)
        else:
            self.log.info("The job goes on: cancel_on_kill is off.")

    def ending(self, outcome: Outcome) -> Conversation[Json]:
        job = outcome.job
        at = self.hook.job(str(job["id"]), job.get("projectId") or self.project_id, job.get("location") or self.location)
        if outcome.unlogged is not None:
            yield from MessageStream(at.path, self.message_importance, outcome.unlogged).follow(retry_for=self.poll_sleep)
        return (yield from super().ending((yield from conclude(outcome, at, self.prices, replaces=self.replaces()))))

    def _told(self, context: Context, job: Json) -> Json:
        with task_errors():
            self.fill_aliases(context)
        return job

    def validation(self, launch: Launch) -> Conversation[Json]:
        """Let the service check the launch, and start nothing."""
        where = self.hook.place(self.project_id, self.location)
        return ask(launch.request(where["projectId"], where["location"], launch.job_name, {}))
