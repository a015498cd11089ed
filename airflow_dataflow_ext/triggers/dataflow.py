"""What waits in the triggerer for Dataflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow_watch import JobWatch
from airflow_dataflow_ext.api.errors import JobError
from airflow_dataflow_ext.api.stopping import stop
from airflow_dataflow_ext.api.watching import watching
from airflow_dataflow_ext.triggers.base import WaitTrigger

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.method import Json
    from airflow_dataflow_ext.api.steps import Conversation

STOP_WITHIN = 20.0
"""Seconds that a kill may take to ask the job to stop; Airflow allows 30 (``[triggerer] on_kill_timeout``)."""


class DataflowJobTrigger(WaitTrigger):
    """Waits for a job and gives its :class:`~airflow_dataflow_ext.api.watching.Outcome`.

    :param watch: a serialized :class:`~airflow_dataflow_ext.api.watching.JobWatch`.
    :param stop_on_kill: stop the job when a user kills the task.
    :param drain: drain it instead of cancelling.
    :param conn_id: see :class:`~airflow_dataflow_ext.triggers.base.WaitTrigger`.
    """

    def __init__(self, *, watch: Mapping[str, Any], stop_on_kill: bool = False, drain: bool = False, **connection: Any) -> None:
        super().__init__(**connection)
        self.watch = JobWatch.deserialize(watch)
        self.stop_on_kill = stop_on_kill
        self.drain = drain

    def fields(self) -> Json:
        return {"watch": self.watch.serialize(), "stop_on_kill": self.stop_on_kill, "drain": self.drain}

    def wait(self) -> Conversation[Json]:
        return (yield from watching(self.watch)).serialize()

    async def on_kill(self) -> None:
        if not self.stop_on_kill:
            return
        if not await self.killed_by_user():
            self.log.info("%s goes on: only its trigger moved.", self.watch.job)
            return
        try:
            await self.perform(stop(self.watch.job, drain=self.drain, wait_for=STOP_WITHIN))
        except JobError as error:
            self.log.info("%s", error)
