"""The base of the sensors of either service: look once, then wait on the worker or in the triggerer, with the same result."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import BaseSensorOperator, PokeReturnValue

from airflow_dataflow_ext.api.jobs.wait import LastSeen
from airflow_dataflow_ext.api.jobs.watch import Outcome, check_poll_sleep
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import CallError, DataflowExtError, JobLostError, NotFoundError, transient
from airflow_dataflow_ext.api.rest.values import flag, seconds
from airflow_dataflow_ext.task.compat import AirflowException, AirflowRescheduleException, AirflowSensorTimeout, AirflowSkipException
from airflow_dataflow_ext.task.deferral import DeferrableTask
from airflow_dataflow_ext.task.errors import check_event, task_errors

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from airflow_dataflow_ext.api.jobs.wait import Waiting
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation


class WaitSensor(DeferrableTask, BaseSensorOperator):
    """Waits for something that this task did not start. Unless stated otherwise, the result is a job with the REST API's field names.

    :param poll_interval: seconds between two looks, on a worker and in the triggerer.
    :param poke_interval: Airflow's argument for the looks on a worker. It also counts in the triggerer if ``poll_interval`` is not given.

    See :class:`~airflow_dataflow_ext.task.deferral.DeferrableTask` for ``deferrable``, ``end_from_trigger`` and ``start_from_trigger``.
    """

    ends_where_it_starts = False
    usual_interval: ClassVar[float] = 10
    """Seconds between two looks if neither argument is given."""

    def __init__(self, *, poll_interval: float | None = None, poke_interval: float | None = None, **kwargs: Any) -> None:
        if poll_interval is None:
            self.poll_interval = check_poll_sleep(poke_interval or self.usual_interval, "poke_interval")
        else:
            self.poll_interval = check_poll_sleep(poll_interval, "poll_interval")
        if isinstance(kwargs.get("timeout"), str):
            kwargs["timeout"] = seconds(kwargs["timeout"], "timeout")
        for name in kwargs.keys() & {"soft_fail", "never_fail", "silent_fail"}:  # Airflow takes any text as true
            kwargs[name] = flag(kwargs[name], name)
        super().__init__(poke_interval=self.poll_interval if poke_interval is None else seconds(poke_interval, "poke_interval"), **kwargs)
        self.last_seen = LastSeen()
        self._began: float | None = None
        self._warn_again = 0.0

    @cached_property
    @abstractmethod
    def hook(self) -> Any:
        """The hook of the connection."""

    @abstractmethod
    def waiting(self) -> Waiting:
        """What the sensor waits for, made from the rendered fields.

        :raises InvalidInputError: a field is wrong.
        """

    @abstractmethod
    def trigger(self) -> BaseTrigger:
        """The trigger that waits for it."""

    @abstractmethod
    def link_of(self, job: Json) -> str:
        """The URL of the job's page."""

    @abstractmethod
    def show(self, context: Context) -> None:
        """Publish the link to what the sensor waits for."""

    def result(self, event: Json) -> Any:
        """What the trigger's event says was found.

        :raises JobError: it can no longer happen.
        """
        return Outcome.deserialize(event).result()

    def judge(self, found: Any) -> PokeReturnValue:
        """Whether what was found ends the wait, and with which result."""
        return PokeReturnValue(is_done=found is not None, xcom_value=found)

    def execute(self, context: Context) -> Any:
        """Look once; then wait on the worker, or in the triggerer."""
        with self._skipping():
            first = context["ti"].get_first_reschedule_date(context) if self.reschedule and not self.deferrable else None
            self._began = first.timestamp() if first else time.time()
            if first is not None:  # another process of this sensor has already warned
                self._warn_again = _next_warning(self._waited - self.poll_interval)
            with task_errors():
                self.show(context)
            if not self.deferrable:
                with self._saying_what_was_seen():
                    return super().execute(context)
            looked = self.poke(context)
            if looked.is_done:
                return looked.xcom_value
            self.wait_in_triggerer(context, self.trigger())

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        with task_errors(self.link_of):
            return self.judge(self._look())

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> Any:
        """Finish the task with the trigger's event, exactly as if this worker had looked."""
        with task_errors(self.link_of):
            check_event(event)
            looked = self.judge(self.result(dict(event)))
        if looked.is_done:
            return looked.xcom_value
        self.wait_in_triggerer(context, self.trigger())

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume as any sensor does; after a timeout in the triggerer, the error says what was seen last."""
        with self._saying_what_was_seen(look=True):
            return super().resume_execution(next_method, next_kwargs, context)

    @contextmanager
    def _saying_what_was_seen(self, *, look: bool = False) -> Iterator[None]:
        """Make the error of a timeout say what was seen last.

        :param look: look once more, because the trigger has looked until now.
        """
        try:
            yield
        except AirflowSensorTimeout as error:
            if look:
                self._warn_again = math.inf
                with suppress(DataflowExtError):
                    self._look()
            late = f"Sensor has timed out; its limit is {self.patience}." if look else str(error)
            raise AirflowSensorTimeout(f"{late} Last seen: {self.last_seen.text or 'nothing'}") from None

    @property
    def patience(self) -> timedelta:
        """How long the wait may last."""
        return min(limit for limit in (self.execution_timeout, timedelta(seconds=self.timeout)) if limit is not None)

    @property
    def skips(self) -> bool:
        """Whether the task is skipped instead of failed."""
        return bool(self.soft_fail or self.never_fail)

    @contextmanager
    def _skipping(self) -> Iterator[None]:
        """Skip the task instead of failing it, as Airflow does for a task that resumes; here also before a deferral and on the worker."""
        try:
            yield
        except (AirflowSkipException, AirflowRescheduleException):
            raise
        except AirflowException as error:
            if self.skips:
                raise AirflowSkipException(f"Skipping due to {'soft_fail' if self.soft_fail else 'never_fail'}: {error}") from error
            raise

    @property
    def _waited(self) -> float:
        return 0.0 if self._began is None else time.time() - self._began

    @property
    def _retry_for(self) -> float:
        """Seconds for which one look is retried: at most until the wait's timeout, and 0 if the worker is left after it."""
        if self.deferrable or self.reschedule:
            return 0.0
        return max(0.0, min(float(self.hook.retry_for), self.patience.total_seconds() - self._waited))

    def _look(self) -> Any:
        """What was found; None if it has not happened yet, an error may be temporary, or the service may not know the job yet.

        :raises JobLostError: the service has not known the job for too long since the wait began.
        """
        conversation: Conversation[Any] = self.waiting().once(retry_for=self._retry_for)
        try:
            return self.hook.run(conversation)
        except CallError as error:
            unknown = isinstance(error, NotFoundError)
            if unknown and self._waited >= budgets.LOST_AFTER:
                raise JobLostError(f"The service has not known it for {budgets.LOST_AFTER:.0f} s: {self._explained(error)}") from error
            if not (unknown or transient(error)):
                raise
            self._warn(error)
            return None

    def _explained(self, error: CallError) -> CallError:
        """The error, with a hint about a job that the service does not know."""
        if not isinstance(error, NotFoundError):
            return error
        explained: CallError = self.hook.run(self.waiting().explained(error))
        return explained

    def _warn(self, error: CallError) -> None:
        """Log an error that delays the sensor: at once, then less and less often; the error of a timeout repeats it."""
        if self._waited < self._warn_again < math.inf:
            self.last_seen.text = self.last_seen.text or str(error)
            return
        self.last_seen.text = str(self._explained(error))
        if self._warn_again < math.inf:
            self._warn_again = _next_warning(self._waited)
            self.log.warning("%s Waiting on.", self.last_seen.text)

    def time_out(self) -> NoReturn:
        raise AirflowSensorTimeout(f"Sensor has timed out; its limit is {self.patience}. Last seen: {self.last_seen.text or 'nothing'}")


def _next_warning(waited: float) -> float:
    """Seconds since the wait began after which the next warning is due; they double each time."""
    due = budgets.UNKNOWN_AGAIN
    while due <= waited:
        due *= 2
    return due
