"""What carries out a task in the triggerer from its start, without a worker: the task is made again from its arguments and rendered."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from airflow.triggers.base import TaskFailedEvent

from airflow_dataflow_ext.api.jobs.launch_once import Launched, Launcher, launch_once, stop_launched
from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
from airflow_dataflow_ext.api.jobs.recollect import recollect
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import DataflowExtError, JobError
from airflow_dataflow_ext.api.rest.steps import Say
from airflow_dataflow_ext.task.identity import identity_of
from airflow_dataflow_ext.task.metrics import count_launched
from airflow_dataflow_ext.task.records import TriesStore
from airflow_dataflow_ext.triggers.base import Awaited
from airflow_dataflow_ext.triggers.dataflow import DataflowTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import TriggerEvent

    from airflow_dataflow_ext.api.jobs.tries import Tries
    from airflow_dataflow_ext.api.jobs.wait import Waiting
    from airflow_dataflow_ext.api.jobs.watch import Watch
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation


class LaunchingTask(Protocol):
    """What an operator that launches a job offers here."""

    hook: Any
    wait_until_finished: bool | None
    cancel_on_kill: bool
    reattach: bool
    jobs_tell_their_launch: bool

    def launcher(self) -> DataflowJobLauncher: ...
    def publish(self, context: Any, watch: Any, launched: Launched) -> None: ...
    def keep_launch(self, store: TriesStore, number: int, watch: Watch, launched: Launched) -> None: ...
    def result(self, outcome: Outcome) -> Conversation[Json]: ...


class DataflowJobLauncher(Launcher, Protocol):
    """What launches a Dataflow job, as far as it differs from other launchers here."""

    job_tells_place: bool
    """Whether only the job itself says where it is: then it is read before it is waited for."""

    def validation(self) -> Conversation[Json] | None:
        """What the service answers where it is to check the launch, and to start nothing; else None."""


class WaitingTask(Protocol):
    """What a sensor offers here."""

    hook: Any

    def show(self, context: Any) -> None: ...
    def waiting(self) -> Waiting: ...
    def result(self, event: Json) -> Any: ...


class StartTrigger(DataflowTrigger):
    """Carries out a task as it says itself; a triggerer that takes the trigger over does the same again.

    :param operator: import path of the task's class.
    :param arguments: what it is made of, before rendering.
    """

    def __init__(self, *, operator: str, arguments: Mapping[str, Any]) -> None:
        super().__init__(conn_id=arguments["gcp_conn_id"], impersonation_chain=arguments["impersonation_chain"])
        self.operator = operator
        self.arguments = dict(arguments)
        self.end_from_trigger = bool(arguments.get("end_from_trigger"))
        self.skips = bool(arguments.get("soft_fail") or arguments.get("never_fail"))
        self._context: Context | None = None

    def serialize(self) -> tuple[str, Json]:
        cls = type(self)
        return f"{cls.__module__}.{cls.__qualname__}", self.fields()

    def fields(self) -> Json:
        return {"operator": self.operator, "arguments": self.arguments}

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
        self.conn_id, self.connection = task.gcp_conn_id, {"impersonation_chain": task.impersonation_chain}
        ti.task = task  # Airflow's is the serialized one, which cannot push XComs
        return task


class DataflowSensorStartTrigger(StartTrigger):
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


class DataflowLaunchStartTrigger(StartTrigger):
    """Launches a job as an operator says, waits for it, and ends the task; see :class:`StartTrigger`.

    A job is launched, found again and judged by the same code as on a worker. A triggerer that takes the trigger over goes on where the
    launch record says.
    """

    def __init__(self, *, operator: str, arguments: Mapping[str, Any]) -> None:
        super().__init__(operator=operator, arguments=arguments)
        self._task: LaunchingTask | None = None
        self._launcher: DataflowJobLauncher | None = None
        self._launched: Launched | None = None

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        super().render_template_fields(context, jinja_env)
        self._tries = TriesStore(context["ti"])
        self.store = Awaited(self._tries)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """As in any trigger here. When Airflow cannot be asked for the record, Airflow fails the trigger, and a worker notes that."""
        if (await asyncio.to_thread(self._enter)).failed:
            self.log.error("This try had failed already when another triggerer took it over.")
            yield TaskFailedEvent()
            return
        async for event in super().run():
            yield event

    async def prepare(self, task: LaunchingTask) -> Json | None:
        self._task = task
        launcher = self._launcher = await asyncio.to_thread(task.launcher)
        if (checking := launcher.validation()) is not None:
            return {"result": await self.perform(checking)}
        launched = self._launched = await self.perform(await asyncio.to_thread(self._launching, task))
        count_launched(identity_of(self.context), launched)
        await asyncio.to_thread(self._tries.own, launched.record.value())
        await asyncio.to_thread(task.publish, self.context, self._watch(), launched)
        await asyncio.to_thread(task.keep_launch, self._tries, self.context["ti"].try_number, self._watch(), launched)
        return {"result": launched.job} if task.wait_until_finished is False else None

    def wait(self) -> Conversation[Json]:
        return (yield from wait_for_job(self._watch())).serialize()

    def result(self, event: Json) -> Conversation[Any]:
        if "result" in event:
            return event["result"]
        assert self._task is not None
        return (yield from self._task.result(Outcome.deserialize(event)))

    async def on_kill(self) -> None:
        """Called by Airflow; see :meth:`WaitTrigger.killed_by_user`."""
        task: LaunchingTask = await asyncio.to_thread(self.make_task) if self._task is None else self._task
        if not task.cancel_on_kill:
            return
        if not await self.killed_by_user():
            self.log.info("The job is left alone: only its trigger moved.")
            return
        async with self.channel() as channel:
            task.hook = channel.hook
            stopping = await asyncio.to_thread(self._stopping, task)
            try:
                await asyncio.wait_for(self.perform(stopping), budgets.KILL_STOP_WITHIN)
            except (DataflowExtError, TimeoutError) as error:
                self.log.info("The job has not ended yet. %s", error)

    async def killed_by_user(self) -> bool:
        """The same for a task that waits in the triggerer again as soon as it is cleared: its next try may have to begin first."""
        for pause in budgets.NEXT_TRY_PAUSES:
            await asyncio.sleep(pause)
            if await super().killed_by_user() or await asyncio.to_thread(self._is_past_try):
                return True
        return False

    def _is_past_try(self) -> bool:
        """Whether a later try has begun. It waits for this one's job to end, which this one stops sooner."""
        tries = self._tries.load()
        return tries is not None and tries.number > self.context["ti"].try_number

    async def _end(self, event: Json) -> TriggerEvent:
        end = await super()._end(event)
        if isinstance(end, TaskFailedEvent):
            await asyncio.to_thread(self._tries.fail)
        return end

    def _watch(self) -> Watch:
        assert self._launcher is not None
        assert self._launched is not None
        return self._launcher.watch_of(self._launched.job, self._launched.record)

    def _enter(self) -> Tries:
        ti, task = self.context["ti"], self.context["task"]
        return self._tries.enter(str(ti.id), number=ti.try_number, retries=int(task.retries or 0))

    def _launching(self, task: LaunchingTask) -> Conversation[Launched]:
        """Launch; or go on with what this try has launched before another triggerer took it over."""
        tries, launcher = self._tries.tries, self._launcher
        assert tries is not None
        assert launcher is not None
        record = LaunchRecord.read(tries.launched_here)
        if record is not None and record.job_id:
            read = task.wait_until_finished is False or launcher.job_tells_place
            return _launched_before(launcher, record, read=read)
        return self._launch(launcher, tries, task)

    def _launch(self, launcher: Launcher, tries: Tries, task: LaunchingTask) -> Conversation[Launched]:
        identity = identity_of(self.context)
        if tries.are_forgotten and task.jobs_tell_their_launch:
            yield Say("Nothing is left of this task's earlier tries; looking for a job of theirs.")
            record = yield from recollect(launcher, identity, tries=tries.number - 1)
            self._tries.tries = replace(tries, record=None if record is None else record.value())
        return (yield from launch_once(launcher, identity, clear_key=tries.clears, reattach=task.reattach))

    def _stopping(self, task: LaunchingTask) -> Conversation[None]:
        """Stop what there is; a try that had not begun knows it from the one before."""
        if self._tries.tries is None:
            stored = self._tries.load()
            self._tries.tries = stored if stored is not None and stored.number <= self.context["ti"].try_number else None
        return stop_launched(self._launcher or task.launcher(), identity_of(self.context))


def _launched_before(launcher: Launcher, record: LaunchRecord, *, read: bool) -> Conversation[Launched]:
    job: Json = {"id": record.job_id, "name": record.job_name}
    if read:
        job = yield from launcher.read(record)
    return Launched(job=job, record=record, adopted=True)
