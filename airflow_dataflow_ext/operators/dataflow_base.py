"""What operators that act on existing Dataflow jobs have in common: an action that is carried out here or in the triggerer."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.jobs.watch import check_poll_sleep
from airflow_dataflow_ext.task.compat import conf
from airflow_dataflow_ext.task.connection import DataflowTask
from airflow_dataflow_ext.task.errors import check_event, task_errors
from airflow_dataflow_ext.task.flags import Flag, check_flags

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_dataflow_ext.api.dataflow.actions import Action


class DataflowActionOperator(DataflowTask):
    """Carries out an action on jobs, here or in the triggerer, with the same end.

    :param deferrable: wait in the triggerer.
    :param poll_sleep: seconds between two looks.

    See :class:`~airflow_dataflow_ext.task.connection.DataflowTask` for the other arguments.
    """

    deferrable = Flag()

    def __init__(
        self,
        *,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_sleep: float = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deferrable = deferrable
        self.poll_sleep = check_poll_sleep(poll_sleep)

    @abstractmethod
    def action(self, context: Context) -> Action:
        """The action, from the rendered fields.

        :raises InvalidInputError: a field is wrong.
        """

    def execute(self, context: Context) -> Any:
        with task_errors():
            check_flags(self)
            action = self.action(context)
            if not self.deferrable or action.is_done:
                return self.finish(context, self.hook.run(action.perform()))
        from airflow_dataflow_ext.triggers.dataflow_actions import DataflowActionTrigger

        trigger = DataflowActionTrigger(action=action.serialize(), conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)
        self.defer(trigger=trigger, method_name="execute_complete", timeout=self.execution_timeout)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> Any:
        """What the triggerer did counts exactly as if this worker had done it."""
        with task_errors():
            check_event(event)
            return self.finish(context, event["result"])

    def finish(self, context: Context, result: Any) -> Any:
        """The task's result."""
        return result


def until(timeout: float | None) -> float | None:
    """The time, in seconds since the epoch, at which so many seconds are over; None for no end."""
    return None if timeout is None else time.time() + timeout
