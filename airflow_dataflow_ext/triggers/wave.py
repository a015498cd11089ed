"""Triggers over a connection to CRM Analytics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.api.rest.times import epoch_or
from airflow_dataflow_ext.api.wave.facts import keep
from airflow_dataflow_ext.api.wave.stop import RunStopAction, stop
from airflow_dataflow_ext.api.wave.wait import RunWatch
from airflow_dataflow_ext.hooks.extras import require_salesforce
from airflow_dataflow_ext.task.connection import org_page
from airflow_dataflow_ext.triggers.base import ActionTrigger, JobTrigger, WaitTrigger

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation

require_salesforce(__name__)


class WaveTrigger(WaitTrigger):
    """Waits in the triggerer, and calls CRM Analytics.

    :param conn_id: connection of type ``salesforce``.
    """

    def ended_at(self, job: Json) -> float:
        return epoch_or(job.get("endDate"), 0.0)

    def link_of(self, job: Json) -> str:
        return org_page(self.hook)

    @staticmethod
    def make_hook(conn_id: str, **connection: Any) -> Any:
        from airflow_dataflow_ext.hooks.wave import WaveHook

        return WaveHook(conn_id, **connection)  # its first call logs in, with retries


class WaveRunTrigger(JobTrigger, WaveTrigger):
    """Waits for a run of a dataflow, recipe or data sync; see :class:`~airflow_dataflow_ext.triggers.base.JobTrigger`.

    :param watch: a serialized :class:`~airflow_dataflow_ext.api.wave.wait.RunWatch`.
    :param stop_on_kill: stop the run when a user kills the task.

    See :class:`WaveTrigger` for the other arguments.
    """

    watch: RunWatch

    def __init__(self, *, watch: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(watch=RunWatch.deserialize(watch), **kwargs)

    def result(self, event: Json) -> Conversation[Json]:
        yield from ()
        return Outcome.deserialize(event).result()

    def stop(self, within: float) -> Conversation[Any]:
        return stop(self.watch.run, wait_for=within)


class WaveJobTrigger(WaveRunTrigger):
    """Waits for a run that the task has started, and stores its facts; see :class:`WaveRunTrigger`."""

    def result(self, event: Json) -> Conversation[Json]:
        yield from keep(Outcome.deserialize(event))
        return (yield from super().result(event))


class WaveActionTrigger(ActionTrigger, WaveTrigger):
    """Carries out an action on a run; see :class:`~airflow_dataflow_ext.triggers.base.ActionTrigger`.

    See :class:`WaveTrigger` for the other arguments.
    """

    action_of = staticmethod(RunStopAction.deserialize)
