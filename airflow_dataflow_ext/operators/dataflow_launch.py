"""The base of every operator that launches a Dataflow job."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow.bodies import check_zone
from airflow_dataflow_ext.api.dataflow.capacity import fallbacks_of
from airflow_dataflow_ext.api.dataflow.facts import keep, summary_of
from airflow_dataflow_ext.api.dataflow.launcher import DataflowLauncher
from airflow_dataflow_ext.api.dataflow.messages import MessageStream
from airflow_dataflow_ext.api.dataflow.states import STATE
from airflow_dataflow_ext.api.dataflow.templates import Validate, check_validate
from airflow_dataflow_ext.api.dataflow.usage import Spending, check_prices, with_usage
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.values import read
from airflow_dataflow_ext.operators.base import Attempt
from airflow_dataflow_ext.operators.dataflow_lineage import TemplateLineage
from airflow_dataflow_ext.operators.dataflow_room import WaitsForRoom
from airflow_dataflow_ext.task.compat import needs_3_3
from airflow_dataflow_ext.task.connection import DataflowTask
from airflow_dataflow_ext.task.errors import task_errors
from airflow_dataflow_ext.task.flags import Flag, check_flags

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from airflow_dataflow_ext.api.dataflow.job import Place
    from airflow_dataflow_ext.api.dataflow.templates import Launch
    from airflow_dataflow_ext.api.dataflow.worker_logs import WorkerLogs
    from airflow_dataflow_ext.api.jobs.facts import Summary
    from airflow_dataflow_ext.api.jobs.watch import Outcome
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation


class DataflowJobOperator(DataflowTask, WaitsForRoom):
    """Starts one Dataflow job and follows it; the result is the Job.

    A job that has ended has two more fields: ``resources``, what it used according to the service's metrics (see
    :data:`airflow_dataflow_ext.api.dataflow.usage.TOTALS`), and, with ``prices``, ``estimatedCost``.

    See :class:`~airflow_dataflow_ext.operators.base.LaunchOperator` for ``cancel_timeout``, ``reattach``, and for what happens on retries;
    :class:`~airflow_dataflow_ext.operators.waiting.WaitingOperator` for ``deferrable``, ``end_from_trigger``, ``start_from_trigger`` and
    ``poll_sleep``;
    :class:`~airflow_dataflow_ext.operators.dataflow_room.WaitsForRoom` for ``when_full``;
    :class:`~airflow_dataflow_ext.task.connection.DataflowTask` for ``project_id``, ``location``, ``gcp_conn_id`` and
    ``impersonation_chain``.

    :param wait_until_finished: None waits for the end of a batch job, and until a streaming job runs; True waits for the end of either;
        False does not wait.
    :param expected_terminal_state: the state that counts as success; any other end of the job fails the task.
    :param drain_pipeline: drain a streaming job, rather than cancel it, when the task is killed or the job exceeds its limit.
    :param cancel_on_kill: False lets the job continue when the task is killed, or times out while it is deferred.
    :param prices: price of one unit of each total, in any currency, for an estimate of the job's cost; for example
        ``{"vcpu_hours": 0.056, "memory_gb_hours": 0.003557}``.
    :param max_cost: stop the job when it has cost more than this, by ``prices`` and in their currency, and fail the task without a retry.
        The task checks the cost every five minutes, and also waits for the end of a streaming job.
    :param max_vcpu_hours: the same for the job's vCPU hours; it needs no prices.
    :param message_importance: least importance of the job messages in the task's log, for example ``JOB_MESSAGE_DETAILED``; None logs no
        messages.
    :param worker_logs: ``on_failure`` reads the last errors of a failed job's workers from Cloud Logging for the task's log and error. The
        account needs ``roles/logging.viewer``; without it, the log says so, and the task ends as it would otherwise.

    ``wait_until_finished``, ``drain_pipeline``, ``cancel_on_kill`` and ``reattach`` are templated.
    """

    template_fields: Sequence[str] = (
        *("wait_until_finished", "drain_pipeline", "cancel_on_kill", "reattach"),
        *DataflowTask.template_fields,
    )
    drain_pipeline = Flag()
    cancel_on_kill = Flag()
    start_trigger = "airflow_dataflow_ext.triggers.dataflow_start.DataflowLaunchStartTrigger"

    def __init__(
        self,
        *,
        expected_terminal_state: str | None = None,
        drain_pipeline: bool | str = False,
        cancel_on_kill: bool | str = True,
        prices: Mapping[str, float] | None = None,
        max_cost: float | None = None,
        max_vcpu_hours: float | None = None,
        message_importance: str | None = "JOB_MESSAGE_BASIC",
        worker_logs: WorkerLogs = "off",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.expected_terminal_state = expected_terminal_state
        self.drain_pipeline = drain_pipeline
        self.cancel_on_kill = cancel_on_kill
        self.prices = check_prices(prices)
        self.max_cost = max_cost
        self.max_vcpu_hours = max_vcpu_hours
        self.message_importance = message_importance
        self.worker_logs: WorkerLogs = worker_logs
        _ = self.policy  # a wrong argument fails the DAG file, not the run

    @property
    def policy(self) -> WaitPolicy:
        """What the task waits for.

        :raises InvalidInputError: a field is wrong.
        """
        spending = Spending(prices=self.prices, max_cost=self.max_cost, max_vcpu_hours=self.max_vcpu_hours)
        if spending.is_limited and self.wait_until_finished is False:
            raise InvalidInputError("max_cost and max_vcpu_hours need a task that waits: leave out wait_until_finished=False")
        return WaitPolicy(
            expected=(state,) if (state := read(STATE, self.expected_terminal_state, "expected_terminal_state", {})) else (),
            to_the_end=bool(self.wait_until_finished) or spending.is_limited,
            poll_sleep=self.poll_sleep,
            importance=self.message_importance,
            worker_logs=self.worker_logs,
            spending=spending,
            drain=self.drain_pipeline,
        )

    def trigger(self, watch: JobWatch, *, stop_on_kill: bool) -> BaseTrigger:
        from airflow_dataflow_ext.triggers.dataflow import DataflowJobTrigger

        return DataflowJobTrigger(
            watch=watch.serialize(),
            stop_on_kill=stop_on_kill and self.cancel_on_kill and not (self.wait_until_finished and watch.policy.replaces),
            launches_again=self.launches_again,
            **self.connection,
            **self.trigger_options,
        )

    def needs_worker(self) -> bool:
        return self.launches_again or super().needs_worker()  # it may pause, and its launch record has to outlive the pause

    def show(self, context: Context, watch: JobWatch, job: Json) -> None:
        self.show_job(context, watch.job)
        self.log.info("%s: %s", watch.job, job.get("name"))

    def summary(self, watch: JobWatch, job: Json, seen: float) -> Summary:
        return summary_of(job, watch.job.place, prices=self.prices, seen=seen)

    def keep(self, outcome: Outcome) -> Conversation[None]:
        return keep(outcome, self.place.of(outcome.job).place, self.prices)

    def result(self, outcome: Outcome) -> Conversation[Json]:
        job = outcome.job
        at = self.place.of(job)
        if outcome.unlogged is not None:
            yield from MessageStream(at.path, self.message_importance, outcome.unlogged).follow(retry_for=self.poll_sleep)
        return (yield from super().result((yield from with_usage(outcome, at, self.prices))))

    def _stop(self, attempt: Attempt) -> None:
        if self.cancel_on_kill:
            super()._stop(attempt)
        else:
            self.log.info("The job continues: cancel_on_kill is off.")


class DataflowLaunchOperator(TemplateLineage, DataflowJobOperator):
    """Launches one Dataflow job and follows it; the result is the Job.

    :param append_job_name: append a suffix to the job name that is unique to each launch and stays the same over retries. The name may then
        be any text: characters that Google does not accept are replaced, and the log shows the resulting name. With False, such a name is
        an error.
    :param validate: how to check the launch before it is sent: ``metadata`` compares the parameters with the template's metadata, if that
        can be read; ``service`` asks the service (``validateOnly``); ``off`` checks nothing.
    :param fallback_locations: locations to try in turn while the job's own location has no capacity for it (templated). The launch must
        then not name a zone, region or subnetwork of the workers, and must not replace a running job.

    ``append_job_name`` is templated. See :class:`DataflowJobOperator` for the other arguments, the result and retries.
    """

    jobs_tell_their_launch = True
    template_fields: Sequence[str] = ("append_job_name", "fallback_locations", *DataflowJobOperator.template_fields)
    append_job_name = Flag()

    def __init__(
        self,
        *,
        append_job_name: bool | str = True,
        validate: Validate = "metadata",
        fallback_locations: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        needs_3_3(fallback_locations=fallback_locations)
        self.fallback_locations = fallback_locations
        self.append_job_name = append_job_name
        self.validate: Validate = check_validate(validate)

    @property
    def says_where(self) -> bool:
        """Whether the task itself, and not just the connection, says where its job runs."""
        return bool(self.own_location)

    @abstractmethod
    def launch(self) -> tuple[Launch, Place]:
        """What is launched, and where, made from the rendered fields without changing them.

        :raises InvalidInputError: a field is wrong.
        """

    @property
    def default_name(self) -> bool:
        """Whether the job is named after the task because the user gave no name."""
        return False

    def launcher(self) -> DataflowLauncher:
        check_flags(self)
        launch, place = self.launch()
        if not self.says_where:
            check_zone(launch.environment, place)
        return DataflowLauncher(
            launch=launch,
            place=place,
            fallbacks=fallbacks_of(launch, place, self.fallback_locations),
            policy=self.policy,
            append_job_name=self.append_job_name,
            default_name=self.default_name,
            cancel_timeout=self.cancel_timeout or 0.0,
            validate=self.validate,
        )

    def execute(self, context: Context) -> Json:
        with task_errors():
            checking = self.enter(context).launcher.validation()
            if checking is not None:
                checked: Json = self.hook.run(checking)
                return checked
        return self._with_assets(context, super().execute(context))

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> Json:
        return self._with_assets(context, super().execute_complete(context, event))

    def _with_assets(self, context: Context, job: Json) -> Json:
        if self.outlets:
            with task_errors():
                self.fill_aliases(context)
        return job
