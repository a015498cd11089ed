"""What carries out a task in the triggerer from its start, without a worker: the task is made again from its arguments and rendered."""

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
    """What a sensor offers here."""

    def show(self, context: Any) -> None: ...
    def waiting(self) -> Waiting: ...
    def result(self, event: Json) -> Any: ...


class ActionTask(Protocol):
    """What an operator that acts on jobs offers here."""

    def action(self, context: Any, *, clear_key: int) -> Action: ...


class StartTrigger(WaitTrigger):
    """Carries out a task as it says itself; a triggerer that takes the trigger over does the same again.

    The connection is the task's own, known once that is rendered; which service it leads to is the class's affair.

    :param operator: import path of the task's class.
    :param arguments: what it is made of, before rendering.
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
        """Called by Airflow before :meth:`run`; rendering itself waits for a thread, because a template may ask Airflow for something."""
        self._context = context

    async def event(self) -> Json:
        task = await asyncio.to_thread(self.make_task)
        async with self.channel() as channel:
            task.hook = channel.hook
            known = await self.prepare(task)
            return await self.perform(self.wait()) if known is None else known

    @abstractmethod
    async def prepare(self, task: Any) -> Json | None:
        """Do what comes before the wait; the connection's Channel is open. Gives the event where there is nothing to wait for."""

    @property
    def context(self) -> Context:
        """What Airflow says of the task.

        :raises JobError: nothing, since its DAG has changed.
        """
        if self._context is None:
            raise JobError("The task was to start in the triggerer, and its DAG no longer says so. Clear it to start it anew.")
        return self._context

    def make_task(self) -> Any:
        """The task as a worker would have it."""
        module, _, name = self.operator.rpartition(".")
        ti, scheduled = self.context["ti"], cast("Any", self.context["task"])
        make = getattr(import_module(module), name)
        task = make(task_id=ti.task_id, do_xcom_push=scheduled.do_xcom_push, **self.arguments)
        task.render_template_fields(self.context, self.get_template_env())
        self.connection = dict(task.connection)
        self.conn_id = self.connection.pop("conn_id")
        self.do_xcom_push = scheduled.do_xcom_push
        ti.task = task  # Airflow's is the serialized one, which cannot push XComs
        return task


class SensorStartTrigger(StartTrigger):
    """Waits as a sensor says; see :class:`StartTrigger`. Gives what the sensor's own trigger gives."""

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
    """Carries out an operator and ends it; see :class:`StartTrigger`. What a triggerer has to know that takes it over is kept with its
    tries."""

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        super().render_template_fields(context, jinja_env)
        self.tries_store = TriesStore(context["ti"])
        self.store = Awaited(self.tries_store)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """As in any trigger here. When Airflow cannot be asked for the record, Airflow fails the trigger, and a worker notes that."""
        if (await asyncio.to_thread(self.enter)).failed:
            self.log.error("This try had failed already when another triggerer took it over.")
            yield TaskFailedEvent()
            return
        async for event in super().run():
            yield event

    def enter(self) -> Tries:
        """Begin this try, or go on with it. It blocks."""
        ti, task = self.context["ti"], self.context["task"]
        return self.tries_store.enter(str(ti.id), number=ti.try_number, retries=int(task.retries or 0))

    @property
    def tries(self) -> Tries:
        """What is known of the task's tries, once this one has begun."""
        assert self.tries_store.tries is not None
        return self.tries_store.tries

    async def _end(self, event: Json) -> TriggerEvent:
        end = await super()._end(event)
        if isinstance(end, TaskFailedEvent):
            await asyncio.to_thread(self.tries_store.fail)
        return end


class ActionStartTrigger(OperatorStartTrigger):
    """Acts on jobs as an operator says; see :class:`OperatorStartTrigger`.

    The action is recorded before it begins, so that a triggerer that takes it over goes on with the same one: the same jobs, the same
    mark of a snapshot, the same end of the wait.
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
        # The number of the first try since the last clear, below 0, where no key of a worker is.
        action = task.action(self.context, clear_key=-self.tries.first)
        self.tries_store.set("", action.serialize())
        return action

    def wait(self) -> Conversation[Json]:
        return carry_out(self._action)
