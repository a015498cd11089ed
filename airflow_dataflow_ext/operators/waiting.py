"""The base of operators that wait, and of those that carry out an action on the worker or in the triggerer."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.jobs.action import carry_out
from airflow_dataflow_ext.api.jobs.watch import check_poll_sleep
from airflow_dataflow_ext.task.compat import TaskDeferralError, TaskDeferralTimeout
from airflow_dataflow_ext.task.deferral import DeferrableTask
from airflow_dataflow_ext.task.errors import check_event, task_errors
from airflow_dataflow_ext.task.flags import check_flags
from airflow_dataflow_ext.task.identity import clear_key_of
from airflow_dataflow_ext.task.records import tries_store

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger


class WaitingOperator(DeferrableTask):
    """Starts something, or acts on something, and waits for its end.

    :param poll_sleep: seconds between two looks.

    See :class:`~airflow_dataflow_ext.task.deferral.DeferrableTask` for the other arguments.
    """

    def __init__(self, *, poll_sleep: float = 10, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.poll_sleep = check_poll_sleep(poll_sleep)

    @cached_property
    @abstractmethod
    def hook(self) -> Any:
        """The hook of the connection."""

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume as any task does; after a timeout, clean up as if the worker had waited, and note that a try that started in the triggerer
        has failed."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except (TaskDeferralTimeout, TaskDeferralError) as error:
            with task_errors():
                if isinstance(error, TaskDeferralTimeout):
                    self.clean_up(context)
                self._note_failure(context)
            raise

    def clean_up(self, context: Context) -> None:
        """Stop what must not continue after the task has timed out in the triggerer; by default nothing."""

    def _note_failure(self, context: Context) -> None:
        """Note that a try that started in the triggerer has failed; its trigger may have ended before it registered the try."""
        store, ti = tries_store(self, context), context["ti"]
        if store is not None:
            store.enter(str(ti.id), number=ti.try_number, retries=int(self.retries or 0))
            store.fail()


class ActionOperator(WaitingOperator):
    """Carries out an action on jobs, on the worker or in the triggerer, with the same result.

    See :class:`WaitingOperator` for the arguments.
    """

    @abstractmethod
    def action(self, context: Context, *, clear_key: int) -> Any:
        """The :class:`~airflow_dataflow_ext.api.jobs.action.Action`, made from the rendered fields.

        :param clear_key: a number that changes when a person clears the task, but not on a retry.
        :raises InvalidInputError: a field is wrong.
        """

    @abstractmethod
    def trigger(self, action: Any) -> BaseTrigger:
        """The trigger that carries out the action."""

    def execute(self, context: Context) -> Any:
        with task_errors():
            check_flags(self)
            action = self.action(context, clear_key=clear_key_of(context))
            if not self.deferrable or action.is_done:
                return self._finish(context, self.hook.run(carry_out(action)))
        self.wait_in_triggerer(context, self.trigger(action))

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> Any:
        """Finish the task with the trigger's event, exactly as if this worker had carried out the action."""
        with task_errors():
            check_event(event)
            return self._finish(context, event)

    def _finish(self, context: Context, event: Mapping[str, Any]) -> Any:
        for key, value in event["xcoms"].items():
            context["ti"].xcom_push(key=key, value=value)
        return event["result"]


def until(timeout: float | None) -> float | None:
    """The time at which ``timeout`` seconds from now are over, in seconds since the epoch; None without a timeout."""
    return None if timeout is None else time.time() + timeout
