"""What waits in the triggerer for a state of a Dataflow job, or for something that the job shows; for sensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow.conditions import ConditionWait, condition_of
from airflow_dataflow_ext.api.dataflow.wait import JobWatch
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.triggers.base import WaitTrigger
from airflow_dataflow_ext.triggers.dataflow import DataflowJobTrigger

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.dataflow.job import JobRef
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation


class _AtJobTrigger(WaitTrigger):
    """Waits at a job; what is not given of its place comes from the connection, so that a task can start here without a worker.

    :param job_id: the job; ``project_id`` and ``location`` say where it is.
    :param poll_sleep: seconds between two looks.
    :param end_from_trigger: end the task here, without a worker; with ``skips`` it is skipped where it would fail.
    :param conn_id: connection of type ``google_cloud_platform``.
    :param impersonation_chain: see GoogleBaseHook.
    """

    make_hook = staticmethod(DataflowJobTrigger.make_hook)

    def __init__(
        self,
        *,
        job_id: str,
        project_id: str | None = None,
        location: str | None = None,
        poll_sleep: float = budgets.POLL_SLEEP,
        end_from_trigger: bool = False,
        skips: bool = False,
        conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
    ) -> None:
        super().__init__(conn_id=conn_id, impersonation_chain=impersonation_chain)
        self.job_id = job_id
        self.project_id = project_id
        self.location = location
        self.poll_sleep = poll_sleep
        self.end_from_trigger = end_from_trigger
        self.skips = skips

    def fields(self) -> Json:
        names = ("job_id", "project_id", "location", "poll_sleep", "end_from_trigger", "skips")
        return {name: getattr(self, name) for name in names}

    def at(self) -> JobRef:
        """The job, with its place filled in."""
        job: JobRef = self.hook.job(self.job_id, self.project_id, self.location)
        return job


class DataflowJobStatusTrigger(_AtJobTrigger):
    """Waits until a job is in one of some states, and gives its :class:`~airflow_dataflow_ext.api.jobs.watch.Outcome`.

    :param expected_statuses: the states.
    """

    def __init__(self, *, expected_statuses: Sequence[str], **where: Any) -> None:
        super().__init__(**where)
        self.expected_statuses = list(expected_statuses)

    def fields(self) -> Json:
        return {**super().fields(), "expected_statuses": self.expected_statuses}

    def wait(self) -> Conversation[Json]:
        expected = tuple(self.expected_statuses)
        watch = JobWatch(job=self.at(), expected=expected, to_the_end=True, poll_sleep=self.poll_sleep, importance=None)
        return (yield from wait_for_job(watch)).serialize()

    def conclude(self, event: Json) -> Conversation[Any]:
        yield from ()
        return Outcome.deserialize(event).result()


class DataflowConditionTrigger(_AtJobTrigger):
    """Waits for a condition: metrics, messages, autoscaling events, progress, a snapshot. Gives ``{"found": ..., "until": ...}``.

    :param condition: a serialized :class:`~airflow_dataflow_ext.api.dataflow.conditions.Condition`.
    :param fail_on_terminal_state: whether the end of the job is the failure of the wait.
    :param until: given back in the event, for whoever waits again.
    """

    def __init__(self, *, condition: Mapping[str, Any], fail_on_terminal_state: bool, until: float | None = None, **where: Any) -> None:
        super().__init__(**where)
        self.condition = condition_of(condition)
        self.fail_on_terminal_state = fail_on_terminal_state
        self.until = until

    def fields(self) -> Json:
        mine = {"condition": self.condition.serialize(), "fail_on_terminal_state": self.fail_on_terminal_state, "until": self.until}
        return {**super().fields(), **mine}

    def wait(self) -> Conversation[Json]:
        vigil = ConditionWait(at=self.at(), condition=self.condition, ends_with_job=self.fail_on_terminal_state, poll_sleep=self.poll_sleep)
        return {"found": (yield from vigil.wait()), "until": self.until}

    def conclude(self, event: Json) -> Conversation[Any]:
        yield from ()
        return event["found"]
