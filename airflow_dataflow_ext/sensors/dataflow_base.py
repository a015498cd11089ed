"""The base of the sensors that watch one Dataflow job."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import PokeReturnValue
from msgspec.structs import replace

from airflow_dataflow_ext.api.dataflow.condition_wait import ConditionWait
from airflow_dataflow_ext.api.dataflow.conditions import Condition, Entries, mark_of
from airflow_dataflow_ext.api.rest.arguments import plain_function
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.sensors.base import WaitSensor
from airflow_dataflow_ext.task.connection import DataflowTask
from airflow_dataflow_ext.task.flags import Flag, check_flags

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from airflow_dataflow_ext.api.dataflow.job import JobRef
    from airflow_dataflow_ext.api.rest.method import Json


class DataflowSensor(DataflowTask, WaitSensor):
    """Waits for something about one Dataflow job.

    :param job_id: the job (templated).

    See :class:`~airflow_dataflow_ext.task.connection.DataflowTask` for ``project_id``, ``location``, ``gcp_conn_id`` and
    ``impersonation_chain``; :class:`~airflow_dataflow_ext.sensors.base.WaitSensor` for the other arguments.
    """

    template_fields: Sequence[str] = ("job_id", *DataflowTask.template_fields)
    start_trigger = "airflow_dataflow_ext.triggers.dataflow_start.DataflowSensorStartTrigger"

    def __init__(self, *, job_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id

    @property
    def job(self) -> JobRef:
        """The job, with its place filled in."""
        return self.hook.job(self.job_id, self.project_id, self.location)

    def show(self, context: Context) -> None:
        self.show_job(context, self.job)

    def trigger_arguments(self) -> Json:
        """The arguments that every trigger of these sensors takes."""
        return {
            "job_id": self.job_id,
            "project_id": self.project_id,
            "location": self.location,
            "poll_sleep": self.poll_interval,
            **self.connection,
            **self.trigger_options,
        }


class DataflowConditionSensor(DataflowSensor):
    """Waits until a job meets a condition.

    :param callback: a function that receives what was found and decides whether the wait is over. It returns a PokeReturnValue, or
        anything true, which becomes the result. It runs on a worker; a deferred sensor resumes to call it whenever something new is found.
    :param fail_on_terminal_state: fail when the job ends first; False keeps waiting (templated).

    See :class:`~airflow_dataflow_ext.sensors.dataflow_base.DataflowSensor` for the other arguments.
    """

    template_fields: Sequence[str] = ("fail_on_terminal_state", *DataflowSensor.template_fields)
    fail_on_terminal_state = Flag()

    def __init__(self, *, callback: Callable[..., Any] | None = None, fail_on_terminal_state: bool | str = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if callback is not None:
            plain_function(callback, "callback")
        if callback is not None and (self.end_from_trigger or self.may_start_here):
            raise InvalidInputError("callback runs on a worker: leave out end_from_trigger and start_from_trigger")
        self.callback = callback
        self.fail_on_terminal_state = fail_on_terminal_state
        self._seen = ""

    @abstractmethod
    def condition(self) -> Condition:
        """What the sensor waits for, made from the rendered fields.

        :raises InvalidInputError: a field is wrong.
        """

    def waiting(self) -> ConditionWait:
        check_flags(self)
        return ConditionWait(
            at=self.job,
            condition=self._condition_now(),
            ends_with_job=self.fail_on_terminal_state,
            poll_sleep=self.poll_interval,
            seen=self.last_seen,
        )

    def trigger(self) -> BaseTrigger:
        from airflow_dataflow_ext.triggers.dataflow_waits import DataflowConditionTrigger

        return DataflowConditionTrigger(
            condition=self._condition_now().serialize(),
            fail_on_terminal_state=self.fail_on_terminal_state,
            **self.trigger_arguments(),
        )

    def result(self, event: Json) -> Any:
        return event["found"]

    def judge(self, found: Any) -> PokeReturnValue:
        if found is None or self.callback is None:
            return super().judge(found)
        self._seen = mark_of(found)
        result = self.callback(found)
        if isinstance(result, PokeReturnValue):
            return PokeReturnValue(is_done=bool(result.is_done), xcom_value=result.xcom_value)  # Airflow takes a bool alone
        return PokeReturnValue(is_done=bool(result), xcom_value=result)

    def _condition_now(self) -> Condition:
        """The condition of the next wait; with a callback, anything that the callback has not received yet meets it, even an empty list."""
        condition = self.condition()
        if isinstance(condition, Entries) and self.callback is not None:
            return replace(condition, seen=self._seen)
        return condition
