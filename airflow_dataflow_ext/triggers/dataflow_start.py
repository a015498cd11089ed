"""What carries out an operator in the triggerer from its start to its end, without a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from airflow.triggers.base import TaskFailedEvent

from airflow_dataflow_ext.api.jobs.launch_once import Launched, LaunchRecord, launch_once, stop_launched
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import DataflowExtError, JobError
from airflow_dataflow_ext.task.identity import identity_of
from airflow_dataflow_ext.task.records import TriesStore
from airflow_dataflow_ext.triggers.base import WaitTrigger
from airflow_dataflow_ext.triggers.dataflow import DataflowJobTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import TriggerEvent

    from airflow_dataflow_ext.api.jobs.tries import Tries
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation
    from airflow_dataflow_ext.operators.dataflow_launch import DataflowLaunchOperator


class DataflowStartTrigger(WaitTrigger):
    """Launches a job as an operator says, waits for it, and ends the task.

    The operator is made again from its arguments, rendered, and asked for its launch; so a job is launched, found again and judged by
    the same code as on a worker. A triggerer that takes the trigger over goes on where the launch record says.

    :param operator: import path of the operator's class.
    :param arguments: what it is made of, before rendering.
    """

    end_from_trigger = True
    make_hook = staticmethod(DataflowJobTrigger.make_hook)

    def __init__(self, *, operator: str, arguments: Mapping[str, Any]) -> None:
        super().__init__(conn_id=arguments["gcp_conn_id"], impersonation_chain=arguments["impersonation_chain"])
        self.operator = operator
        self.arguments = dict(arguments)
        self._context: Context | None = None
        self._made: DataflowLaunchOperator | None = None
        self._launched: Launched | None = None

    def serialize(self) -> tuple[str, Json]:
        cls = type(self)
        return f"{cls.__module__}.{cls.__qualname__}", self.fields()

    def fields(self) -> Json:
        return {"operator": self.operator, "arguments": self.arguments}

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        """Called by Airflow before :meth:`run`; rendering itself waits for a thread, because a template may ask Airflow for something."""
        self._context = context
        self._tries = TriesStore(context["ti"])
        self.store = _Awaited(self._tries)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """As in any trigger here. When Airflow cannot be asked for the record, Airflow fails the trigger, and a worker notes that."""
        if (await asyncio.to_thread(self._enter)).failed:
            self.log.error("This try had failed already when another triggerer took it over.")
            yield TaskFailedEvent()
            return
        async for event in super().run():
            yield event

    async def event(self) -> Json:
        operator = await asyncio.to_thread(self._rendered)
        async with self.channel() as channel:
            operator.hook = channel.hook
            launch = await asyncio.to_thread(operator.launch)
            if launch.validate_only:
                return {"result": await self.perform(operator.validation(launch))}
            self._launched = await self.perform(await asyncio.to_thread(self._launching, operator))
            await asyncio.to_thread(self._tries.own, self._launched.record.value())
            await asyncio.to_thread(operator.tell, self._told, self._launched)
            return await super().event()

    def wait(self) -> Conversation[Json]:
        operator, launched = self._made, self._launched
        assert operator is not None
        assert launched is not None
        if operator.wait_until_finished is False:
            return {"result": launched.job}
        return (yield from wait_for_job(operator.watch(launched))).serialize()

    def conclude(self, event: Json) -> Conversation[Any]:
        if "result" in event:
            return event["result"]
        assert self._made is not None
        return (yield from self._made.ending(Outcome.deserialize(event)))

    async def on_kill(self) -> None:
        """Called by Airflow; see :meth:`WaitTrigger.killed_by_user`."""
        operator = await asyncio.to_thread(self._rendered) if self._made is None else self._made
        if not operator.cancel_on_kill:
            return
        if not await self.killed_by_user():
            self.log.info("The job is left alone: only its trigger moved.")
            return
        async with self.channel() as channel:
            operator.hook = channel.hook
            stopping = await asyncio.to_thread(self._stopping, operator)
            try:
                await asyncio.wait_for(self.perform(stopping), budgets.KILL_STOP_WITHIN)
            except (DataflowExtError, TimeoutError) as error:
                self.log.info("The job has not ended yet. %s", error)

    async def killed_by_user(self) -> bool:
        """The same for a task that waits in the triggerer again as soon as it is cleared: its next try may have to begin first."""
        for pause in budgets.NEXT_TRY_PAUSES:
            await asyncio.sleep(pause)
            if await super().killed_by_user():
                return True
        return False

    async def is_past_try(self) -> bool:
        tries = await asyncio.to_thread(self._tries.load)
        return tries is not None and tries.number > self._told["ti"].try_number

    async def _end(self, event: Json) -> TriggerEvent:
        told = await super()._end(event)
        if isinstance(told, TaskFailedEvent):
            await asyncio.to_thread(self._tries.fail)
        return told

    @property
    def _told(self) -> Context:
        """What Airflow has told of the task."""
        if self._context is None:
            raise JobError("The task was to start in the triggerer, and its DAG no longer says so. Clear it to start it anew.")
        return self._context

    def _enter(self) -> Tries:
        ti, task = self._told["ti"], self._told["task"]
        return self._tries.enter(str(ti.id), number=ti.try_number, retries=int(task.retries or 0))

    def _rendered(self) -> DataflowLaunchOperator:
        """The operator as a worker would have it."""
        module, _, name = self.operator.rpartition(".")
        ti, task = self._told["ti"], cast("Any", self._told["task"])
        make = getattr(import_module(module), name)
        operator: DataflowLaunchOperator = make(task_id=ti.task_id, do_xcom_push=task.do_xcom_push, **self.arguments)
        operator.render_template_fields(self._told, self.get_template_env())
        self.conn_id, self.connection = operator.gcp_conn_id, {"impersonation_chain": operator.impersonation_chain}
        ti.task = operator  # Airflow's is the serialized one, which cannot push XComs
        self._made = operator
        return operator

    def _launching(self, operator: DataflowLaunchOperator) -> Conversation[Launched]:
        """Launch; or go on with what this try has launched before another triggerer took it over."""
        tries = self._tries.tries
        assert tries is not None
        record = LaunchRecord.read(tries.launched_here)
        if record is not None and record.job_id:
            return _launched_before(operator, record)
        return launch_once(operator.service(), identity_of(self._told), clears=tries.clears, reattach=operator.reattach)

    def _stopping(self, operator: DataflowLaunchOperator) -> Conversation[None]:
        """Stop what there is; a try that had not begun knows it from the one before."""
        if self._tries.tries is None:
            stored = self._tries.load()
            self._tries.tries = stored if stored is not None and stored.number <= self._told["ti"].try_number else None
        return stop_launched(operator.service(), identity_of(self._told))


def _launched_before(operator: DataflowLaunchOperator, record: LaunchRecord) -> Conversation[Launched]:
    job: Json = {"id": record.job_id, "name": record.job_name}
    if operator.wait_until_finished is False:
        job = yield from operator.service().read(record)
    return Launched(job=job, record=record, adopted=True)


class _Awaited:
    """A store that blocks, for the event loop."""

    def __init__(self, store: TriesStore) -> None:
        self._store = store

    def get(self, key: str) -> Any:
        return self._store.get(key)

    def set(self, key: str, value: Any) -> Awaitable[None]:
        return asyncio.to_thread(self._store.set, key, value)
