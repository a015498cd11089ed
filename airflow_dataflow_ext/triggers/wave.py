"""What waits in the triggerer for CRM Analytics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.rest.times import epoch
from airflow_dataflow_ext.api.wave.stop import stop
from airflow_dataflow_ext.api.wave.wait import RunWatch
from airflow_dataflow_ext.hooks.extras import require_salesforce
from airflow_dataflow_ext.triggers.base import JobTrigger

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation

require_salesforce(__name__)


class WaveJobTrigger(JobTrigger):
    """Waits for a run of a dataflow, recipe or data sync; see :class:`~airflow_dataflow_ext.triggers.base.JobTrigger`.

    :param watch: a serialized :class:`~airflow_dataflow_ext.api.wave.wait.RunWatch`.
    :param stop_on_kill: stop the run when a user kills the task.
    :param conn_id: connection of type ``salesforce``.
    """

    watch: RunWatch

    def __init__(self, *, watch: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(watch=RunWatch.deserialize(watch), **kwargs)

    def fields(self) -> Json:
        return {"watch": self.watch.serialize(), "stop_on_kill": self.stop_on_kill}

    def ended_at(self, job: Json) -> float:
        return epoch(str(job["endDate"])) if job.get("endDate") else 0.0

    def stop(self, within: float) -> Conversation[Any]:
        return stop(self.watch.run, wait_for=within)

    @staticmethod
    def make_hook(conn_id: str, **connection: Any) -> Any:
        from airflow_dataflow_ext.hooks.wave import WaveHook

        return WaveHook(conn_id, **connection)  # its first call logs in, and tries again when that fails
