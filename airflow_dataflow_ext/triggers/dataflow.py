"""What waits in the triggerer for Dataflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow.stop import stop
from airflow_dataflow_ext.api.dataflow.usage import conclude
from airflow_dataflow_ext.api.dataflow.wait import JobWatch
from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.triggers.base import JobTrigger

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation


class DataflowJobTrigger(JobTrigger):
    """Waits for a Dataflow job; see :class:`~airflow_dataflow_ext.triggers.base.JobTrigger`.

    :param watch: a serialized :class:`~airflow_dataflow_ext.api.dataflow.wait.JobWatch`.
    :param stop_on_kill: stop the job when a user kills the task.
    :param drain: drain it instead of cancelling.
    :param end_from_trigger: end the task here; its result then has what the job used.
    :param prices: what that costs, for ``end_from_trigger``; ``replaces`` says whether the job is to replace another.
    :param conn_id: connection of type ``google_cloud_platform``.
    :param impersonation_chain: see GoogleBaseHook.
    """

    watch: JobWatch

    def __init__(
        self,
        *,
        watch: Mapping[str, Any],
        stop_on_kill: bool = False,
        drain: bool = False,
        end_from_trigger: bool = False,
        prices: Mapping[str, float] | None = None,
        replaces: bool = False,
        conn_id: str,
        impersonation_chain: str | Sequence[str] | None = None,
    ) -> None:
        super().__init__(
            watch=JobWatch.deserialize(watch), stop_on_kill=stop_on_kill, conn_id=conn_id, impersonation_chain=impersonation_chain
        )
        self.drain = drain
        self.end_from_trigger = end_from_trigger
        self.prices = dict(prices or {})
        self.replaces = replaces

    def fields(self) -> Json:
        names = ("stop_on_kill", "drain", "end_from_trigger", "prices", "replaces")
        return {"watch": self.watch.serialize(), **{name: getattr(self, name) for name in names}}

    def conclude(self, event: Json) -> Conversation[Json]:
        outcome = yield from conclude(Outcome.deserialize(event), self.watch.job, self.prices, replaces=self.replaces)
        return outcome.result()

    def stop(self, within: float) -> Conversation[Any]:
        return stop(self.watch.job, drain=self.drain, wait_for=within, poll_sleep=self.watch.poll_sleep)

    @staticmethod
    def make_hook(conn_id: str, **connection: Any) -> Any:
        from airflow_dataflow_ext.hooks.dataflow import DataflowHook

        hook = DataflowHook(gcp_conn_id=conn_id, **connection)
        _ = hook.root, hook.tokens  # reads the key, which takes a while
        return hook
