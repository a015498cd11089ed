"""The base of operators that act on existing Dataflow jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dataflow_ext.operators.waiting import ActionOperator
from airflow_dataflow_ext.task.connection import DataflowTask

if TYPE_CHECKING:
    from airflow.triggers.base import BaseTrigger

    from airflow_dataflow_ext.api.jobs.action import Action


class DataflowActionOperator(DataflowTask, ActionOperator):
    """Carries out an action on Dataflow jobs, on the worker or in the triggerer, with the same result.

    See :class:`~airflow_dataflow_ext.operators.waiting.ActionOperator` and
    :class:`~airflow_dataflow_ext.task.connection.DataflowTask` for the arguments.
    """

    start_trigger = "airflow_dataflow_ext.triggers.dataflow_start.DataflowActionStartTrigger"

    def trigger(self, action: Action) -> BaseTrigger:
        from airflow_dataflow_ext.triggers.dataflow_actions import DataflowActionTrigger

        return DataflowActionTrigger(action=action.serialize(), **self.connection, **self.trigger_options)
