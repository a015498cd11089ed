"""Sensors for Salesforce CRM Analytics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.jobs.wait import JobWait
from airflow_dataflow_ext.api.rest.arguments import only_given
from airflow_dataflow_ext.api.rest.times import moment
from airflow_dataflow_ext.api.wave import lookup as wave_assets
from airflow_dataflow_ext.api.wave.runs import RunRef
from airflow_dataflow_ext.api.wave.wait import RunWatch
from airflow_dataflow_ext.hooks.extras import require_salesforce
from airflow_dataflow_ext.sensors.base import WaitSensor
from airflow_dataflow_ext.task.connection import WaveTask
from airflow_dataflow_ext.task.flags import Flag, check_flags

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

require_salesforce(__name__)


class WaveDataflowJobSensor(WaveTask, WaitSensor):
    """Wait for the end of a run that another task or system has started; if it ends badly, the task fails.

    The result is the DataflowJob, with the run's ``nodes`` if the API version returns them.

    :param job_id: id of the run (templated, like every argument listed here).
    :param dataflow: instead of ``job_id``: id, name or label of a dataflow. The sensor waits for its newest run since ``since``, even if
        there is none yet.
    :param recipe: the same for a recipe.
    :param since: a time or a date, also as ISO 8601 text; without a time zone it is UTC. The default is the start of the DAG run's data
        interval or, if it has none, the DAG run's ``run_after``.
    :param fail_on_warning: whether a run that ended as Warning fails the task.

    See :class:`~airflow_dataflow_ext.task.connection.WaveTask` for ``salesforce_conn_id``, and
    :class:`~airflow_dataflow_ext.sensors.base.WaitSensor` for the other arguments.
    """

    template_fields: Sequence[str] = ("job_id", "dataflow", "recipe", "since", "fail_on_warning", *WaveTask.template_fields)
    fail_on_warning = Flag()
    usual_interval = 60
    start_trigger = "airflow_dataflow_ext.triggers.wave_start.WaveSensorStartTrigger"

    def __init__(
        self,
        *,
        job_id: str | None = None,
        dataflow: str | None = None,
        recipe: str | None = None,
        since: str | date = "{{ (data_interval_start or dag_run.run_after).isoformat() }}",
        fail_on_warning: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        only_given(job_id=job_id, dataflow=dataflow, recipe=recipe)
        self.job_id = job_id
        self.dataflow = dataflow
        self.recipe = recipe
        self.since = since
        self.fail_on_warning = fail_on_warning

    def waiting(self) -> JobWait:
        return JobWait(self._watch(), self.last_seen)

    def _watch(self) -> RunWatch:
        check_flags(self)
        if only_given(job_id=self.job_id, dataflow=self.dataflow, recipe=self.recipe) == "job_id":
            return self.hook.watch(self.job_id, poll_sleep=self.poll_interval, fail_on_warning=self.fail_on_warning)
        run = RunRef(version=self.hook.version, source_id=self._source, since=moment(self.since, "since"), newest=True)
        return RunWatch(run=run, poll_sleep=self.poll_interval, fail_on_warning=self.fail_on_warning)

    @cached_property
    def _source(self) -> str:
        return self.hook.run(wave_assets.source_id(self.hook.version, dataflow=self.dataflow, recipe=self.recipe))

    def trigger(self) -> BaseTrigger:
        from airflow_dataflow_ext.triggers.wave import WaveRunTrigger

        return WaveRunTrigger(watch=self._watch().serialize(), **self.connection, **self.trigger_options)

    def show(self, context: Context) -> None:
        self.show_org(context)
