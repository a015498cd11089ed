"""The triggers of Dataflow sensors: for a state of a job, and for a condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow.condition_wait import ConditionWait
from airflow_dataflow_ext.api.dataflow.conditions import condition_of
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.triggers.dataflow import DataflowTrigger

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.dataflow.job import JobRef
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation


class _AtJobTrigger(DataflowTrigger):
    """Waits for something about a job; the connection supplies a project or location that is not given.

    :param job_id: id of the job, which is in ``project_id`` and ``location``.
    :param poll_sleep: seconds between two looks.

    See :class:`~airflow_dataflow_ext.triggers.dataflow.DataflowTrigger` for the other arguments.
    """

    def __init__(
        self,
        *,
        job_id: str,
        project_id: str | None = None,
        location: str | None = None,
        poll_sleep: float = budgets.POLL_SLEEP,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.project_id = project_id
        self.location = location
        self.poll_sleep = poll_sleep

    def fields(self) -> Json:
        return {**super().fields(), **{name: getattr(self, name) for name in ("job_id", "project_id", "location", "poll_sleep")}}

    def at(self) -> JobRef:
        """The job, with its place filled in."""
        job: JobRef = self.hook.job(self.job_id, self.project_id, self.location)
        return job


class DataflowJobStatusTrigger(_AtJobTrigger):
    """Waits until a job is in one of the expected states; the event is an :class:`~airflow_dataflow_ext.api.jobs.watch.Outcome`.

    :param expected_statuses: the expected states.
    """

    def __init__(self, *, expected_statuses: Sequence[str], **where: Any) -> None:
        super().__init__(**where)
        self.expected_statuses = list(expected_statuses)

    def fields(self) -> Json:
        return {**super().fields(), "expected_statuses": self.expected_statuses}

    def wait(self) -> Conversation[Json]:
        policy = WaitPolicy(expected=tuple(self.expected_statuses), to_the_end=True, poll_sleep=self.poll_sleep, importance=None)
        return (yield from wait_for_job(JobWatch(job=self.at(), policy=policy))).serialize()

    def result(self, event: Json) -> Conversation[Any]:
        yield from ()
        return Outcome.deserialize(event).result()


class DataflowConditionTrigger(_AtJobTrigger):
    """Waits for a condition: metrics, messages, autoscaling events, progress, or a snapshot; the event is ``{"found": ...}``.

    :param condition: a serialized :class:`~airflow_dataflow_ext.api.dataflow.conditions.Condition`.
    :param fail_on_terminal_state: whether the wait fails when the job ends.
    """

    def __init__(self, *, condition: Mapping[str, Any], fail_on_terminal_state: bool, **where: Any) -> None:
        super().__init__(**where)
        self.condition = condition_of(condition)
        self.fail_on_terminal_state = fail_on_terminal_state

    def fields(self) -> Json:
        return {**super().fields(), "condition": self.condition.serialize(), "fail_on_terminal_state": self.fail_on_terminal_state}

    def wait(self) -> Conversation[Json]:
        wait = ConditionWait(at=self.at(), condition=self.condition, ends_with_job=self.fail_on_terminal_state, poll_sleep=self.poll_sleep)
        return (yield from wait.wait())

    def result(self, event: Json) -> Conversation[Any]:
        yield from ()
        return event["found"]
