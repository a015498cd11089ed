"""What carries out an action on jobs in the triggerer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow.actions import action_of
from airflow_dataflow_ext.triggers.dataflow import DataflowTrigger

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation


class DataflowActionTrigger(DataflowTrigger):
    """Carries out an action and gives ``{"result": ...}``. Begun again by another triggerer, it does nothing twice.

    :param action: a serialized :class:`~airflow_dataflow_ext.api.dataflow.actions.Action`.

    See :class:`~airflow_dataflow_ext.triggers.dataflow.DataflowTrigger` for the other arguments.
    """

    def __init__(self, *, action: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.action = action_of(action)

    def fields(self) -> Json:
        return {"action": self.action.serialize()}

    def wait(self) -> Conversation[Json]:
        return {"result": (yield from self.action.perform())}
