"""Triggers over a connection to Dataflow, and the trigger for a job that this package has launched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow.facts import keep
from airflow_dataflow_ext.api.dataflow.finished_jobs import ended_at
from airflow_dataflow_ext.api.dataflow.stop import stop
from airflow_dataflow_ext.api.dataflow.usage import with_usage
from airflow_dataflow_ext.api.dataflow.wait import JobWatch
from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.task.connection import job_page
from airflow_dataflow_ext.triggers.base import JobTrigger, WaitTrigger

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation


class DataflowTrigger(WaitTrigger):
    """Waits in the triggerer, and calls Dataflow.

    :param conn_id: connection of type ``google_cloud_platform``.
    :param impersonation_chain: service account to impersonate, or a chain of accounts that ends with it; the connection's by default.
    """

    def __init__(
        self, *, conn_id: str = "google_cloud_default", impersonation_chain: str | Sequence[str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(conn_id=conn_id, impersonation_chain=impersonation_chain, **kwargs)

    def ended_at(self, job: Json) -> float:
        return ended_at(job)

    def link_of(self, job: Json) -> str:
        return job_page(self.hook, job)

    @staticmethod
    def make_hook(conn_id: str, **connection: Any) -> Any:
        from airflow_dataflow_ext.hooks.dataflow import DataflowHook

        hook = DataflowHook(gcp_conn_id=conn_id, **connection)
        _ = hook.root, hook.tokens  # reads the key, which blocks
        return hook


class DataflowJobTrigger(JobTrigger, DataflowTrigger):
    """Waits for a Dataflow job; see :class:`~airflow_dataflow_ext.triggers.base.JobTrigger`. With ``end_from_trigger``, the task's result
    includes what the job used and, with prices, its cost.

    :param watch: a serialized :class:`~airflow_dataflow_ext.api.dataflow.wait.JobWatch`.
    :param stop_on_kill: stop the job when a user kills the task.
    :param launches_again: let a worker resume the task and launch again if the service had no capacity for the job.

    See :class:`DataflowTrigger` for the other arguments.
    """

    watch: JobWatch

    def __init__(self, *, watch: Mapping[str, Any], launches_again: bool = False, **kwargs: Any) -> None:
        super().__init__(watch=JobWatch.deserialize(watch), **kwargs)
        self.launches_again = launches_again

    def fields(self) -> Json:
        return {**super().fields(), "launches_again": self.launches_again}

    def ends_task(self, event: Json) -> bool:
        return super().ends_task(event) and not (self.launches_again and event.get("cause") == "capacity")

    def result(self, event: Json) -> Conversation[Json]:
        prices = self.watch.policy.spending.prices
        outcome = yield from with_usage(Outcome.deserialize(event), self.watch.job, prices)
        yield from keep(outcome, self.watch.job.place, prices)
        return outcome.result()

    def stop(self, within: float) -> Conversation[Any]:
        return stop(self.watch.job, drain=self.watch.policy.drain, wait_for=within, poll_sleep=self.watch.poll_sleep)
