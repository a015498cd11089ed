"""What carries out an order on jobs in the triggerer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow.actions import order_of
from airflow_dataflow_ext.triggers.base import WaitTrigger
from airflow_dataflow_ext.triggers.dataflow import DataflowJobTrigger

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation


class DataflowOrderTrigger(WaitTrigger):
    """Carries out an order and gives ``{"result": ...}``. Begun again by another triggerer, it does nothing twice.

    :param order: a serialized :class:`~airflow_dataflow_ext.api.dataflow.actions.Order`.
    :param conn_id: connection of type ``google_cloud_platform``.
    :param impersonation_chain: see GoogleBaseHook.
    """

    make_hook = staticmethod(DataflowJobTrigger.make_hook)

    def __init__(self, *, order: Mapping[str, Any], conn_id: str, impersonation_chain: str | Sequence[str] | None = None) -> None:
        super().__init__(conn_id=conn_id, impersonation_chain=impersonation_chain)
        self.order = order_of(order)

    def fields(self) -> Json:
        return {"order": self.order.serialize()}

    def wait(self) -> Conversation[Json]:
        return {"result": (yield from self.order.perform())}
