"""The base of the triggers: each performs a conversation over a Channel, sends one event at its end, and finds out who killed it."""

from __future__ import annotations

import asyncio
import functools
import json
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent

from airflow_dataflow_ext.api.jobs.action import carry_out
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.jobs.watch import Watch
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import DataflowExtError, JobError
from airflow_dataflow_ext.task.compat import cancelled, in_thread
from airflow_dataflow_ext.task.errors import airflow_error, check_event, error_event
from airflow_dataflow_ext.task.metrics import report_round, time_event
from airflow_dataflow_ext.task.records import XComs
from airflow_dataflow_ext.watch.channel import Channel

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.jobs.action import Action
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation, Store


class Awaited:
    """Makes a blocking store usable in an event loop."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def get(self, key: str) -> Any:
        return self._store.get(key)

    def set(self, key: str, value: Any) -> Awaitable[None]:
        return asyncio.to_thread(self._store.set, key, value)

    def keep(self, key: str, value: Any) -> Awaitable[None]:
        return asyncio.to_thread(self._store.keep, key, value)


class WaitTrigger(BaseTrigger):
    """Waits in the triggerer.

    The event is what :meth:`wait` returns, or ``{"error": text}``. With ``end_from_trigger`` the trigger ends the task instead, with the
    result that :meth:`result` makes from it.

    :param conn_id: the Airflow connection.
    :param end_from_trigger: end the task in the triggerer.
    :param do_xcom_push: with ``end_from_trigger``: whether the result becomes an XCom.
    :param skips: with ``end_from_trigger``: whether the task is skipped instead of failed.
    :param connection: further arguments of :meth:`make_hook`, as JSON.
    """

    hook: Any = None
    """The connection's hook, from the first step of :meth:`wait` on."""
    store: Store | None = None
    """The store of the launch record, for a trigger that launches."""

    def __init__(
        self, *, conn_id: str, end_from_trigger: bool = False, do_xcom_push: bool = True, skips: bool = False, **connection: Any
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.conn_id = conn_id
        self.end_from_trigger = end_from_trigger
        self.do_xcom_push = do_xcom_push
        self.skips = skips
        self.connection = connection
        self._began = 0.0

    @abstractmethod
    def wait(self) -> Conversation[Json]:
        """The conversation; its result becomes the event."""

    def get_template_env(self, dag: Any = None) -> Any:
        """The environment that a worker uses by default. Airflow's own for triggers renders an unknown name as an empty text."""
        from airflow.sdk.definitions._internal.templater import create_template_env

        return create_template_env()

    async def event(self) -> Json:
        """The event, once the wait is over."""
        event: Json = await self.perform(self.wait())
        return event

    def fields(self) -> Json:
        """The constructor's arguments other than the connection, as JSON."""
        return {name: getattr(self, name) for name in ("end_from_trigger", "do_xcom_push", "skips")}

    def result(self, event: Json) -> Conversation[Any]:
        """The task's result, for ``end_from_trigger``.

        :raises JobError: the task fails.
        """
        yield from ()
        return event["result"]

    def link_of(self, job: Json) -> str:
        """The URL of the page of a job that ended badly."""
        return ""

    def serialize(self) -> tuple[str, Json]:
        cls = type(self)
        return f"{cls.__module__}.{cls.__qualname__}", {"conn_id": self.conn_id, **self.connection, **self.fields()}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        began, self._began = time.monotonic(), time.time()
        try:
            event = await self.event()
        except asyncio.CancelledError:
            await cancelled(self)
            raise
        except DataflowExtError as error:
            event = error_event(error)
        except Exception as error:
            self.log.exception("The wait cannot go on")
            event = {"error": f"{type(error).__name__}: {error}"}
        if self.task_instance is None:  # dag.test() has no such race, and cannot end a task from a trigger
            end = TriggerEvent(event)  # type: ignore[no-untyped-call]
        elif self.ends_task(event):
            end = await self._end(event)
        else:
            await asyncio.sleep(max(0.0, budgets.FIRST_EVENT_AFTER - (time.monotonic() - began)))
            end = TriggerEvent(event)  # type: ignore[no-untyped-call]
        self._time(event)
        yield end

    def ends_task(self, event: Json) -> bool:
        """Whether the trigger ends the task."""
        return self.end_from_trigger

    def ended_at(self, job: Json) -> float:
        """When the job entered its state, in seconds since the epoch; 0 if unknown."""
        return 0.0

    def _time(self, event: Json) -> None:
        """Report how late the event is; a job that had ended before the wait does not count as late."""
        ended = self.ended_at(event.get("job") or {})
        if ended >= self._began:
            time_event(time.time() - ended)

    async def _end(self, event: Json) -> TriggerEvent:
        """The event that ends the task, after its result has been written: Airflow itself would store the event's XComs as JSON text."""
        from airflow.sdk.execution_time.xcom import XCom

        self.store = self.store or Awaited(XComs(self.task_instance))
        try:
            check_event(event)
            result = await self.perform(self.result(event))
        except DataflowExtError as error:
            self.log.error("%s", await asyncio.to_thread(airflow_error, error, self.link_of))
            return TaskSkippedEvent() if self.skips else TaskFailedEvent()
        values = {**event.get("xcoms", {}), **({"return_value": result} if self.do_xcom_push and result is not None else {})}
        for key, value in values.items():
            await asyncio.to_thread(XCom.set, key=key, value=value, **where(self.task_instance))
        return TaskSuccessEvent()

    async def perform(self, conversation: Conversation[Any]) -> Any:
        """Perform a conversation over the connection's Channel."""
        async with self.channel() as channel:
            self.hook = channel.hook
            return await channel.run(conversation, self.log, self.store)

    def channel(self) -> AbstractAsyncContextManager[Channel]:
        """The connection's Channel; while this trigger has it open, it is reused."""
        key = (type(self).make_hook, self.conn_id, json.dumps(self.connection, sort_keys=True))
        return Channel.to(key, functools.partial(self.make_hook, self.conn_id, **self.connection), report_round)

    @staticmethod
    @abstractmethod
    def make_hook(conn_id: str, **connection: Any) -> Any:
        """The hook, with its credentials read; called in a thread."""

    async def on_kill(self) -> None:
        """Called by Airflow, which cancels it again every second; the work that it has begun continues."""
        await _uninterrupted(self.kill())

    async def kill(self) -> None:
        """Stop the job that this trigger waits for, if it is to end with the task and :meth:`killed_by_user` is true."""

    async def killed_by_user(self) -> bool:
        """Whether a user killed the task.

        Airflow also calls ``on_kill`` when a trigger moves to another triggerer; then the task is still deferred. After a clear, its next
        try may have deferred it again; that try has then already stopped the job.
        """
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        ti = self.task_instance
        if ti is None:
            return False
        ask = in_thread(RuntimeTaskInstance.get_task_states)
        found = await ask(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index)
        states = list((found.get(ti.run_id) or {}).values())  # a task that was just cleared exists, but has no state
        return bool(states) and states[0] != "deferred"  # no answer means that no user killed it


_running_kills: set[asyncio.Task[None]] = set()
"""Keeps running kills alive, since an event loop holds only weak references to its tasks."""


async def _uninterrupted(work: Coroutine[Any, Any, None]) -> None:
    """Wait for work that runs to its end even if this wait is cancelled."""
    task = asyncio.ensure_future(work)
    _running_kills.add(task)
    task.add_done_callback(_running_kills.discard)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task})
    task.result()


def where(ti: Any) -> Json:
    """The task instance's keys, as XComs use them."""
    return {"dag_id": ti.dag_id, "task_id": ti.task_id, "run_id": ti.run_id, "map_index": ti.map_index}


class ActionTrigger(WaitTrigger):
    """Carries out an action; the event is ``{"result": ..., "xcoms": ...}``. If another triggerer starts it again, nothing is done twice.

    :param action: the serialized action.
    """

    def __init__(self, *, action: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.action = self.action_of(action)

    @staticmethod
    @abstractmethod
    def action_of(data: Mapping[str, Any]) -> Action:
        """The inverse of an action's ``serialize``."""

    def fields(self) -> Json:
        return {**super().fields(), "action": self.action.serialize()}

    def wait(self) -> Conversation[Json]:
        return carry_out(self.action)


class JobTrigger(WaitTrigger):
    """Waits for a job; the event is an :class:`~airflow_dataflow_ext.api.jobs.watch.Outcome`.

    :param watch: the serialized watch.
    :param stop_on_kill: stop the job when a user kills the task.
    """

    def __init__(self, *, watch: Watch, stop_on_kill: bool = False, **connection: Any) -> None:
        super().__init__(**connection)
        self.watch = watch
        self.stop_on_kill = stop_on_kill

    @abstractmethod
    def stop(self, within: float) -> Conversation[Any]:
        """Stop the job and wait up to ``within`` seconds for its end."""

    def fields(self) -> Json:
        return {**super().fields(), "watch": self.watch.serialize(), "stop_on_kill": self.stop_on_kill}

    def wait(self) -> Conversation[Json]:
        return (yield from wait_for_job(self.watch, leaves_rest=not self.end_from_trigger)).serialize()

    async def kill(self) -> None:
        if not self.stop_on_kill:
            return
        if not await self.killed_by_user():
            self.log.info("Job %s continues: only its trigger moved.", self.watch.job_id)
            return
        try:
            await self.perform(self.stop(budgets.KILL_STOP_WITHIN))
        except JobError as error:
            self.log.info("%s", error)
