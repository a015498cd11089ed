"""Sensors for Google Cloud Dataflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow.conditions import Condition, Entries, MetricReached, ProgressReached, SnapshotReady
from airflow_dataflow_ext.api.dataflow.states import read_states
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.jobs.wait import JobWait
from airflow_dataflow_ext.api.rest.arguments import given, needed
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.values import number, read
from airflow_dataflow_ext.sensors.dataflow_base import DataflowConditionSensor, DataflowSensor
from airflow_dataflow_ext.task.flags import Flag
from airflow_dataflow_ext.task.templating import is_template

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger


class DataflowJobStatusSensor(DataflowSensor):
    """Wait until a job is in one of the expected states; if it ends in another, the task fails. The result is the Job.

    :param expected_statuses: a state, or several, for example ``JOB_STATE_DONE``.

    See :class:`~airflow_dataflow_ext.sensors.dataflow_base.DataflowSensor` for the other arguments.
    """

    def __init__(self, *, expected_statuses: Iterable[str] | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.expected_statuses = read_states(expected_statuses, "expected_statuses")
        _ = self.policy  # a wrong argument fails the DAG file, not the run

    @property
    def policy(self) -> WaitPolicy:
        """What the sensor waits for.

        :raises InvalidInputError: a field is wrong.
        """
        return WaitPolicy(expected=tuple(self.expected_statuses), to_the_end=True, poll_sleep=self.poll_interval, importance=None)

    def waiting(self) -> JobWait:
        return JobWait(JobWatch(job=self.job, policy=self.policy), self.last_seen)

    def trigger(self) -> BaseTrigger:
        from airflow_dataflow_ext.triggers.dataflow_waits import DataflowJobStatusTrigger

        return DataflowJobStatusTrigger(expected_statuses=self.expected_statuses, **self.trigger_arguments())


class DataflowJobMetricsSensor(DataflowConditionSensor):
    """Wait for a job's metrics: any, those that ``callback`` accepts, or one that reaches a value.

    The result is the list of MetricUpdates, or what ``callback`` returns; with ``metric``, the MetricUpdate.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/MetricUpdate

    :param metric: name of a metric, for example ``TotalVcpuTime``, or of a counter of the pipeline.
    :param at_least: value that the metric must reach, in its own unit. A job that ends with it also counts.
    :param tentative: accept tentative values, which arrive earlier and may decrease again.
    :param metric_context: entries that the metric's context must have, for example ``{"step": "s3"}``.

    All arguments listed here are templated.

    See :class:`~airflow_dataflow_ext.sensors.dataflow_base.DataflowConditionSensor` for the other arguments.
    """

    template_fields = ("metric", "at_least", "tentative", "metric_context", *DataflowConditionSensor.template_fields)
    tentative = Flag()

    def __init__(
        self,
        *,
        metric: str | None = None,
        at_least: float | str | None = None,
        tentative: bool | str = False,
        metric_context: Mapping[str, Any] | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (metric is None) != (at_least is None) or (metric is not None and self.callback is not None):
            raise InvalidInputError("give metric and at_least together, or callback, or none of them")
        self.metric = metric
        self.at_least = at_least
        self.tentative = tentative
        self.metric_context = metric_context
        if not is_template([at_least, metric_context, tentative]):
            self.condition()  # a wrong argument fails the DAG file, not the run

    def condition(self) -> Condition:
        if self.metric is None and self.at_least is None:
            return Entries(of="metrics")
        context = read("{string}", self.metric_context, "metric_context", {}) or {}
        return MetricReached(
            metric=needed(self.metric, "metric"), at_least=number(self.at_least, "at_least"), tentative=self.tentative, context=context
        )


class DataflowJobMessagesSensor(DataflowConditionSensor):
    """Wait for a job's messages: any, or those that ``callback`` accepts. The result is the list of JobMessages, or what ``callback``
    returns.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.jobs.messages/list

    See :class:`~airflow_dataflow_ext.sensors.dataflow_base.DataflowConditionSensor` for the arguments.
    """

    def condition(self) -> Condition:
        return Entries(of="jobMessages")


class DataflowJobAutoScalingEventsSensor(DataflowConditionSensor):
    """Wait for a job's autoscaling events: any, or those that ``callback`` accepts. The result is the list of AutoscalingEvents, or what
    ``callback`` returns.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/ListJobMessagesResponse#autoscalingevent

    See :class:`~airflow_dataflow_ext.sensors.dataflow_base.DataflowConditionSensor` for the arguments.
    """

    usual_interval = 60

    def condition(self) -> Condition:
        return Entries(of="autoscalingEvents")


class DataflowJobProgressSensor(DataflowConditionSensor):
    """Wait until a batch job, or one of its stages, has done a given part of its work. The result is the fraction that is done.

    The service estimates the progress, and calls the method experimental:
    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs/getExecutionDetails

    :param at_least: the part, from 0 to 1 (templated). A job that ends with it also counts.
    :param stage: id of a stage, for example ``F12`` (templated); None takes the mean of all stages that the service lists.

    See :class:`~airflow_dataflow_ext.sensors.dataflow_base.DataflowConditionSensor` for the other arguments.
    """

    template_fields = ("at_least", "stage", *DataflowConditionSensor.template_fields)

    def __init__(self, *, at_least: float | str, stage: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.at_least = at_least
        self.stage = stage
        if not is_template(at_least):
            self.condition()  # a wrong argument fails the DAG file, not the run

    def condition(self) -> Condition:
        return ProgressReached(at_least=number(self.at_least, "at_least"), stage=given(self.stage))


class DataflowSnapshotSensor(DataflowConditionSensor):
    """Wait until a job can start from a snapshot; if the snapshot failed or was deleted, the task fails. The result is the Snapshot.

    https://cloud.google.com/dataflow/docs/guides/using-snapshots

    :param snapshot_id: the snapshot (templated).

    See :class:`~airflow_dataflow_ext.sensors.dataflow_base.DataflowConditionSensor` for the other arguments; ``job_id`` is not needed.
    """

    template_fields = ("snapshot_id", *DataflowConditionSensor.template_fields)
    operator_extra_links = ()

    def __init__(self, *, snapshot_id: str, job_id: str = "-", fail_on_terminal_state: bool | str = False, **kwargs: Any) -> None:
        super().__init__(job_id=job_id, fail_on_terminal_state=fail_on_terminal_state, **kwargs)
        self.snapshot_id = snapshot_id

    def show(self, context: Context) -> None:
        """Publish nothing: a snapshot has no page."""

    def condition(self) -> Condition:
        return SnapshotReady(snapshot_id=self.snapshot_id)
