"""What carries out an action on jobs in the triggerer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow.actions import action_of
from airflow_dataflow_ext.triggers.base import WaitTrigger
from airflow_dataflow_ext.triggers.dataflow import DataflowJobTrigger

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation


class DataflowActionTrigger(WaitTrigger):
    """Carries out an action and gives ``{"result": ...}``. Begun again by another triggerer, it does nothing twice.

    :param action: a serialized :class:`~airflow_dataflow_ext.api.dataflow.actions.Action`.
    :param conn_id: connection of type ``google_cloud_platform``.
    :param impersonation_chain: see GoogleBaseHook.
    """

    make_hook = staticmethod(DataflowJobTrigger.make_hook)

    def __init__(self, *, action: Mapping[str, Any], conn_id: str, impersonation_chain: str | Sequence[str] | None = None) -> None:
        super().__init__(conn_id=conn_id, impersonation_chain=impersonation_chain)
        self.action = action_of(action)

    def fields(self) -> Json:
        return {"action": self.action.serialize()}

    def wait(self) -> Conversation[Json]:
        return {"result": (yield from self.action.perform())}
