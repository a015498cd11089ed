"""Operators for Salesforce CRM Analytics."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.rest.arguments import only_given
from airflow_dataflow_ext.api.rest.errors import BusyError
from airflow_dataflow_ext.api.rest.values import seconds
from airflow_dataflow_ext.api.wave import lookup as wave_assets
from airflow_dataflow_ext.api.wave import methods as wave
from airflow_dataflow_ext.api.wave.facts import keep, summary_of
from airflow_dataflow_ext.api.wave.launcher import DataflowStart, DataSync, IfRunning, RunLaunch, WaveLauncher, check_if_running, start
from airflow_dataflow_ext.api.wave.runs import RunRef
from airflow_dataflow_ext.api.wave.stop import RunStopAction
from airflow_dataflow_ext.hooks.extras import require_salesforce
from airflow_dataflow_ext.operators.base import Attempt, LaunchOperator
from airflow_dataflow_ext.operators.waiting import ActionOperator, until
from airflow_dataflow_ext.task.connection import WaveTask
from airflow_dataflow_ext.task.errors import check_event, task_errors
from airflow_dataflow_ext.task.flags import Flag, check_flags
from airflow_dataflow_ext.task.identity import clear_key_of

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from airflow_dataflow_ext.api.jobs.action import Action
    from airflow_dataflow_ext.api.jobs.facts import Summary
    from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
    from airflow_dataflow_ext.api.jobs.launch_once import Launched
    from airflow_dataflow_ext.api.jobs.watch import Outcome
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation
    from airflow_dataflow_ext.api.wave.wait import RunWatch

require_salesforce(__name__)


class WaveLaunchOperator(WaveTask, LaunchOperator):
    """Starts one CRM Analytics run and follows it.

    The result is the DataflowJob, with the run's ``nodes`` and their row counts if the API version returns them. See
    :class:`~airflow_dataflow_ext.operators.base.LaunchOperator` for ``wait_until_finished``, ``cancel_timeout``, ``reattach``, and for what
    happens on retries; :class:`~airflow_dataflow_ext.operators.waiting.WaitingOperator` for ``deferrable``, ``end_from_trigger`` and
    ``start_from_trigger``.

    :param if_running: what to do if it is already running: ``wait`` waits for that run's end and then starts a new one; ``adopt`` follows
        that run, starts none and never stops it; ``fail`` fails the task.
    :param fail_on_warning: whether a run that ended as Warning, which means that some rows failed, fails the task.
    :param poll_sleep: seconds between two looks. Each look uses one of the org's daily API requests; all deferred tasks share it.

    ``fail_on_warning``, ``wait_until_finished`` and ``reattach`` are templated.
    """

    template_fields: Sequence[str] = ("fail_on_warning", "wait_until_finished", "reattach", *WaveTask.template_fields)
    fail_on_warning = Flag()
    start_trigger = "airflow_dataflow_ext.triggers.wave_start.WaveLaunchStartTrigger"

    def __init__(
        self,
        *,
        if_running: IfRunning = "wait",
        fail_on_warning: bool | str = False,
        poll_sleep: float = 30,
        **kwargs: Any,
    ) -> None:
        super().__init__(poll_sleep=poll_sleep, **kwargs)
        self.if_running = check_if_running(if_running)
        self.fail_on_warning = fail_on_warning

    @abstractmethod
    def launch(self) -> RunLaunch:
        """What is started, made from the rendered fields.

        :raises InvalidInputError: a field is wrong.
        """

    def launcher(self) -> WaveLauncher:
        check_flags(self)
        return WaveLauncher(
            launch=self.launch(),
            watch=self.hook.watch(poll_sleep=self.poll_sleep, fail_on_warning=self.fail_on_warning),
            adopt=self.if_running == "adopt",
            stop_within=self.cancel_timeout or 0.0,
        )

    def trigger(self, watch: RunWatch, *, stop_on_kill: bool) -> BaseTrigger:
        from airflow_dataflow_ext.triggers.wave import WaveJobTrigger

        return WaveJobTrigger(watch=watch.serialize(), stop_on_kill=stop_on_kill, **self.connection, **self.trigger_options)

    def show(self, context: Context, watch: RunWatch, job: Json) -> None:
        self.show_org(context)
        self.log.info("Run %s (%s)", job["id"], job.get("label", "no label"))

    def summary(self, watch: RunWatch, job: Json, seen: float) -> Summary:
        return summary_of(job, {"source_id": watch.run.source_id, "sync": "yes" if watch.run.sync else ""}, seen=seen)

    def keep(self, outcome: Outcome) -> Conversation[None]:
        return keep(outcome)

    def execute_again(self, context: Context, event: Mapping[str, Any]) -> Json:
        """Start the run, now that the earlier one has ended, however it ended."""
        with task_errors():
            check_event(event)
        self.time_left(context)
        return self.execute(context)

    def launching(self, launcher: Any, identity: LaunchIdentity, clear_key: int) -> Conversation[Launched]:
        return start(launcher, self.if_running, identity, clear_key=clear_key, reattach=self.reattach)

    def _launch(self, attempt: Attempt) -> Launched:
        if not self.deferrable or self.if_running != "wait":
            return super()._launch(attempt)
        try:
            launching = super().launching(attempt.launcher, attempt.identity, clear_key_of(attempt.context))
            return self.hook.run(launching, attempt.store)
        except BusyError as busy:
            self.log.info("%s Waiting for its end.", busy)
            self.wait_in_triggerer(attempt.context, self._until_free(attempt.launcher.watch_of({"id": busy.job_id})), "execute_again")

    def _until_free(self, watch: RunWatch) -> BaseTrigger:
        """The trigger that waits for the end of an earlier run; a worker continues after it."""
        from airflow_dataflow_ext.triggers.wave import WaveRunTrigger

        return WaveRunTrigger(watch=watch.serialize(), **self.connection)


class WaveStartDataflowOperator(WaveLaunchOperator):
    """Run a dataflow or a recipe.

    https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_resources_dataflowjobs.htm

    :param dataflow: id (02K...), name or label of the dataflow (templated, as ``recipe`` is).
    :param recipe: instead of ``dataflow``: id (05v...), name or label of the recipe.

    See :class:`WaveLaunchOperator` for the other arguments, the result and retries.
    """

    template_fields: Sequence[str] = ("dataflow", "recipe", *WaveLaunchOperator.template_fields)

    def __init__(self, *, dataflow: str | None = None, recipe: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        only_given(dataflow=dataflow, recipe=recipe)
        self.dataflow = dataflow
        self.recipe = recipe

    @cached_property
    def _source(self) -> str:
        return self.hook.run(wave_assets.source_id(self.hook.version, dataflow=self.dataflow, recipe=self.recipe))

    def launch(self) -> RunLaunch:
        return DataflowStart(self._source)


class WaveRunDataSyncOperator(WaveLaunchOperator):
    """Sync the data of a connector into the org. Data syncs do not count toward the org's daily limit of runs.

    https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_run_schedule_sync_data.htm

    :param connector_id: id of the connector (templated).

    See :class:`WaveLaunchOperator` for the other arguments, the result and retries. The API version must be 46.0 or later.
    """

    template_fields: Sequence[str] = ("connector_id", *WaveLaunchOperator.template_fields)

    def __init__(self, *, connector_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connector_id = connector_id

    def launch(self) -> RunLaunch:
        return DataSync(self.connector_id)


class WaveStopDataflowJobOperator(WaveTask, ActionOperator):
    """Stop a queued or running run and wait for its end; do nothing if it has already ended. The result is the DataflowJob.

    https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_resources_dataflowjobs_id.htm

    :param job_id: id of the run (templated).
    :param cancel_timeout: seconds to wait for its end; 0 or None does not wait.

    See :class:`~airflow_dataflow_ext.operators.waiting.WaitingOperator` for the other arguments.
    """

    template_fields: Sequence[str] = ("job_id", *WaveTask.template_fields)
    start_trigger = "airflow_dataflow_ext.triggers.wave_start.WaveActionStartTrigger"

    def __init__(self, *, job_id: str, cancel_timeout: float | None = 10 * 60, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.cancel_timeout = seconds(cancel_timeout, "cancel_timeout")

    def action(self, context: Context, *, clear_key: int) -> RunStopAction:
        run = RunRef(version=self.hook.version, id=wave.run_id(self.job_id, "job_id"))
        self.show_org(context)
        wait_for = self.cancel_timeout or 0.0
        return RunStopAction(run=run, wait=bool(wait_for), until=until(wait_for), poll_sleep=self.poll_sleep)

    def trigger(self, action: Action) -> BaseTrigger:
        from airflow_dataflow_ext.triggers.wave import WaveActionTrigger

        return WaveActionTrigger(action=action.serialize(), **self.connection, **self.trigger_options)
