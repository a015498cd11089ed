"""The trigger that carries out an action on Dataflow jobs."""

from __future__ import annotations

from airflow_dataflow_ext.api.dataflow.actions import action_of
from airflow_dataflow_ext.triggers.base import ActionTrigger
from airflow_dataflow_ext.triggers.dataflow import DataflowTrigger


class DataflowActionTrigger(ActionTrigger, DataflowTrigger):
    """Carries out an action on Dataflow jobs; see :class:`~airflow_dataflow_ext.triggers.base.ActionTrigger`.

    See :class:`~airflow_dataflow_ext.triggers.dataflow.DataflowTrigger` for the other arguments.
    """

    action_of = staticmethod(action_of)
