"""What every trigger here has in common: a conversation over a Channel, one event at its end, and who asked for a kill."""

from __future__ import annotations

import asyncio
import functools
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_dataflow_ext.api.errors import DataflowExtError
from airflow_dataflow_ext.watch.channel import Channel

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.method import Json
    from airflow_dataflow_ext.api.steps import Conversation

FIRST_EVENT_AFTER = 5.0
"""Seconds before which no event leaves: an earlier one can overtake Airflow's own bookkeeping of the deferral and fail the task
(https://github.com/apache/airflow/issues/71580)."""

ATTEMPT = "dataflow_attempt"
"""XCom key under which an operator leaves the number of the try that deferred."""


class WaitTrigger(BaseTrigger):
    """Waits in the triggerer.

    The event is what :meth:`wait` returns, or ``{"error": text}``.

    :param conn_id: the Airflow connection.
    :param impersonation_chain: see GoogleBaseHook.
    """

    def __init__(self, *, conn_id: str, impersonation_chain: str | Sequence[str] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.conn_id = conn_id
        self.impersonation_chain = impersonation_chain

    @abstractmethod
    def wait(self) -> Conversation[Json]:
        """The conversation; its result becomes the event."""

    @abstractmethod
    def fields(self) -> Json:
        """What the constructor needs beside the connection, as JSON."""

    def serialize(self) -> tuple[str, Json]:
        cls = type(self)
        fields = {"conn_id": self.conn_id, "impersonation_chain": self.impersonation_chain, **self.fields()}
        return f"{cls.__module__}.{cls.__qualname__}", fields

    async def run(self) -> AsyncIterator[TriggerEvent]:
        began = time.monotonic()
        try:
            event = await self.perform(self.wait())
        except DataflowExtError as error:
            event = {"error": str(error)}
        except Exception as error:
            self.log.exception("The wait cannot go on")
            event = {"error": f"{type(error).__name__}: {error}"}
        if self.task_instance is not None:  # dag.test() has no such race
            await asyncio.sleep(max(0.0, FIRST_EVENT_AFTER - (time.monotonic() - began)))
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def perform(self, conversation: Conversation[Any]) -> Any:
        """Perform a conversation over the connection's Channel."""
        chain = self.impersonation_chain
        key = (type(self).make_hook, self.conn_id, chain if isinstance(chain, str | None) else tuple(chain))
        async with Channel.to(key, functools.partial(self.make_hook, self.conn_id, chain)) as channel:
            return await channel.run(conversation, self.log)

    @staticmethod
    def make_hook(conn_id: str, impersonation_chain: str | Sequence[str] | None) -> Any:
        """The hook, with its credentials read; called in a thread."""
        from airflow_dataflow_ext.hooks.dataflow import DataflowHook

        hook = DataflowHook(gcp_conn_id=conn_id, impersonation_chain=impersonation_chain)
        _ = hook.root, hook.tokens  # reads the key, which takes a while
        return hook

    async def killed_by_user(self) -> bool:
        """Whether ``on_kill`` was called for a user's act.

        Airflow also calls it when a trigger merely moves to another triggerer. Then the task is still deferred, by the same
        try; after a clear it can be deferred again, by another one.
        """
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
        from airflow.sdk.execution_time.xcom import XCom
        from asgiref.sync import sync_to_async

        ti = self.task_instance
        if ti is None:
            return False
        found = await sync_to_async(RuntimeTaskInstance.get_task_states)(
            dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index
        )
        state = next(iter((found.get(ti.run_id) or {}).values()), None)
        if state != "deferred":
            return True
        attempt = await sync_to_async(XCom.get_one)(
            key=ATTEMPT, dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=ti.map_index
        )
        return bool(attempt != ti.try_number)
