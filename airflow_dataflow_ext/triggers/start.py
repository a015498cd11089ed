"""Triggers that carry out a whole task without a worker: they create the task from its arguments and render it."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from airflow.triggers.base import TaskFailedEvent

from airflow_dataflow_ext.api.jobs.action import carry_out
from airflow_dataflow_ext.api.rest.errors import JobError
from airflow_dataflow_ext.task.records import TriesStore
from airflow_dataflow_ext.triggers.base import Awaited, WaitTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import TriggerEvent

    from airflow_dataflow_ext.api.jobs.action import Action
    from airflow_dataflow_ext.api.jobs.tries import Tries
    from airflow_dataflow_ext.api.jobs.wait import Waiting
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation


class WaitingTask(Protocol):
    """The part of a sensor that the trigger uses."""

    def show(self, context: Any) -> None: ...
    def waiting(self) -> Waiting: ...
    def result(self, event: Json) -> Any: ...


class ActionTask(Protocol):
    """The part of an operator that acts on jobs that the trigger uses."""

    def action(self, context: Any, *, clear_key: int) -> Action: ...


class StartTrigger(WaitTrigger):
    """Carries out a task from its start; another triggerer that takes the trigger over starts it again.

    The connection is the task's own and known once the task is rendered; the trigger's class determines the service.

    :param operator: import path of the task's class.
    :param arguments: the task's arguments before rendering.
    """

    def __init__(self, *, operator: str, arguments: Mapping[str, Any]) -> None:
        skips = bool(arguments.get("soft_fail") or arguments.get("never_fail"))
        super().__init__(conn_id="", end_from_trigger=bool(arguments.get("end_from_trigger")), skips=skips)
        self.operator = operator
        self.arguments = dict(arguments)
        self._context: Context | None = None

    def serialize(self) -> tuple[str, Json]:
        cls = type(self)
        return f"{cls.__module__}.{cls.__qualname__}", {"operator": self.operator, "arguments": self.arguments}

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        """Called by Airflow before :meth:`run`. The task is rendered later, in a thread, because a template may ask Airflow."""
        self._context = context

    async def event(self) -> Json:
        task = await asyncio.to_thread(self.make_task)
        async with self.channel() as channel:
            task.hook = channel.hook
            known = await self.prepare(task)
            return await self.perform(self.wait()) if known is None else known

    @abstractmethod
    async def prepare(self, task: Any) -> Json | None:
        """Do what comes before the wait, with the connection's Channel open; returns the event if there is nothing to wait for."""

    @property
    def context(self) -> Context:
        """The task's context.

        :raises JobError: Airflow provides none, because the DAG has changed.
        """
        if self._context is None:
            raise JobError("The task was to start in the triggerer, and its DAG no longer says so. Clear it to start it again.")
        return self._context

    def make_task(self) -> Any:
        """The task, as a worker would have it."""
        module, _, name = self.operator.rpartition(".")
        ti, scheduled = self.context["ti"], cast("Any", self.context["task"])
        make = getattr(import_module(module), name)
        task = make(task_id=ti.task_id, do_xcom_push=scheduled.do_xcom_push, **self.arguments)
        task.render_template_fields(self.context, self.get_template_env())
        self.connection = dict(task.connection)
        self.conn_id = self.connection.pop("conn_id")
        self.do_xcom_push = scheduled.do_xcom_push
        ti.task = task  # Airflow sets the serialized task, which cannot push XComs
        return task


class SensorStartTrigger(StartTrigger):
    """Carries out a sensor; see :class:`StartTrigger`. The event is the same as that of the sensor's own trigger."""

    _sensor: WaitingTask
    _waiting: Waiting

    async def prepare(self, task: WaitingTask) -> None:
        self._sensor = task
        await asyncio.to_thread(task.show, self.context)
        self._waiting = await asyncio.to_thread(task.waiting)

    def wait(self) -> Conversation[Json]:
        return self._waiting.wait()

    def result(self, event: Json) -> Conversation[Any]:
        yield from ()
        return self._sensor.result(event)


class OperatorStartTrigger(StartTrigger):
    """Carries out an operator and ends its task; see :class:`StartTrigger`. What another triggerer needs to take it over is stored with the
    task's tries."""

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        super().render_template_fields(context, jinja_env)
        self.tries_store = TriesStore(context["ti"])
        self.store = Awaited(self.tries_store)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Run as any trigger here. If Airflow cannot return the record, it fails the trigger, and a worker notes the failure."""
        if (await asyncio.to_thread(self.enter)).failed:
            self.log.error("This try had already failed when another triggerer took it over.")
            yield TaskFailedEvent()
            return
        async for event in super().run():
            yield event

    def enter(self) -> Tries:
        """Begin this try, or continue it. This blocks."""
        ti, task = self.context["ti"], self.context["task"]
        return self.tries_store.enter(str(ti.id), number=ti.try_number, retries=int(task.retries or 0))

    @property
    def tries(self) -> Tries:
        """The stored Tries, once this try has begun."""
        assert self.tries_store.tries is not None
        return self.tries_store.tries

    async def _end(self, event: Json) -> TriggerEvent:
        end = await super()._end(event)
        if isinstance(end, TaskFailedEvent):
            await asyncio.to_thread(self.tries_store.fail)
        return end


class ActionStartTrigger(OperatorStartTrigger):
    """Carries out an operator that acts on jobs; see :class:`OperatorStartTrigger`.

    The action is recorded before it begins, so that another triggerer that takes it over continues with the same jobs, the same mark of a
    snapshot, and the same end of the wait.
    """

    _action: Action

    @staticmethod
    @abstractmethod
    def action_of(data: Mapping[str, Any]) -> Action:
        """The inverse of an action's ``serialize``."""

    async def prepare(self, task: ActionTask) -> None:
        self._action = await asyncio.to_thread(self._recorded, task)

    def _recorded(self, task: ActionTask) -> Action:
        if self.tries.recorded_here is not None:
            return self.action_of(self.tries.recorded_here)
        # The negated number of the first try since the last clear, so that it differs from every key of a worker.
        action = task.action(self.context, clear_key=-self.tries.first)
        self.tries_store.set("", action.serialize())
        return action

    def wait(self) -> Conversation[Json]:
        return carry_out(self._action)
