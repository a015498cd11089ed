"""The trigger that launches a job of any service, waits for it, and ends the task."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from msgspec.structs import replace

from airflow_dataflow_ext.api.jobs.launch_once import Launched, Launcher, stop_launched
from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
from airflow_dataflow_ext.api.jobs.recollect import recollect
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import DataflowExtError
from airflow_dataflow_ext.api.rest.steps import Say
from airflow_dataflow_ext.task.identity import identity_of
from airflow_dataflow_ext.task.metrics import count_launched
from airflow_dataflow_ext.triggers.start import OperatorStartTrigger

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
    from airflow_dataflow_ext.api.jobs.watch import Watch
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation
    from airflow_dataflow_ext.task.records import TriesStore


class LaunchingTask(Protocol):
    """The part of a launching operator that the trigger uses."""

    hook: Any
    wait_until_finished: bool | None
    cancel_on_kill: bool
    jobs_tell_their_launch: bool

    def launcher(self) -> TriggerLauncher: ...
    def launching(self, launcher: Any, identity: LaunchIdentity, clear_key: int) -> Conversation[Launched]: ...
    def publish(self, context: Any, watch: Any, launched: Launched) -> None: ...
    def keep_launch(self, store: TriesStore, number: int, watch: Watch, launched: Launched) -> None: ...
    def result(self, outcome: Outcome) -> Conversation[Json]: ...


class TriggerLauncher(Launcher, Protocol):
    """A launcher for a trigger, with what the trigger needs in addition."""

    job_tells_place: bool
    """Whether only the job itself tells its place, so that it must be read before the wait."""

    def validation(self) -> Conversation[Json] | None:
        """The conversation in which the service only checks the launch; None if it is to start a job."""


class LaunchStartTrigger(OperatorStartTrigger):
    """Launches the job of an operator, waits for it, and ends the task; see :class:`OperatorStartTrigger`.

    The same code as on a worker launches the job, finds it again and judges it. Another triggerer that takes the trigger over continues
    from the launch record.
    """

    def __init__(self, *, operator: str, arguments: Mapping[str, Any]) -> None:
        super().__init__(operator=operator, arguments=arguments)
        self._task: LaunchingTask | None = None
        self._launcher: TriggerLauncher | None = None
        self._launched: Launched | None = None

    async def prepare(self, task: LaunchingTask) -> Json | None:
        self._task = task
        launcher = self._launcher = await asyncio.to_thread(task.launcher)
        if (checking := launcher.validation()) is not None:
            return {"result": await self.perform(checking)}
        launched = self._launched = await self.perform(await asyncio.to_thread(self._launching, task))
        count_launched(identity_of(self.context), launched)
        await asyncio.to_thread(self.tries_store.own, launched.record.value())
        await asyncio.to_thread(task.publish, self.context, self._watch(), launched)
        await asyncio.to_thread(task.keep_launch, self.tries_store, self.context["ti"].try_number, self._watch(), launched)
        return {"result": launched.job} if task.wait_until_finished is False else None

    def wait(self) -> Conversation[Json]:
        return (yield from wait_for_job(self._watch())).serialize()

    def result(self, event: Json) -> Conversation[Any]:
        if "result" in event:
            return event["result"]
        assert self._task is not None
        return (yield from self._task.result(Outcome.deserialize(event)))

    async def kill(self) -> None:
        task: LaunchingTask = await asyncio.to_thread(self.make_task) if self._task is None else self._task
        if not task.cancel_on_kill:
            return
        if not await self.killed_by_user():
            return
        async with self.channel() as channel:
            task.hook = channel.hook
            stopping = await asyncio.to_thread(self._stopping, task)
            try:
                await asyncio.wait_for(self.perform(stopping), budgets.KILL_STOP_WITHIN)
            except (DataflowExtError, TimeoutError) as error:
                self.log.info("The job has not ended yet. %s", error)

    async def killed_by_user(self) -> bool:
        """Whether a user killed the task. A cleared task is deferred again at once, so this waits until its next try has begun."""
        if await self._is_over():
            return True
        within = sum(budgets.NEXT_TRY_PAUSES)
        self.log.info("The job continues, unless the task's next try begins within %.0f s: only its trigger moved.", within)
        for pause in budgets.NEXT_TRY_PAUSES:
            await asyncio.sleep(pause)
            if await self._is_over():
                return True
        return False

    async def _is_over(self) -> bool:
        """Whether this trigger's try has ended."""
        return await super().killed_by_user() or await asyncio.to_thread(self._is_past_try)

    def _is_past_try(self) -> bool:
        """Whether a later try has begun. That try waits for the end of this one's job, so this trigger stops it at once."""
        tries = self.tries_store.load()
        return tries is not None and tries.number > self.context["ti"].try_number

    def _watch(self) -> Watch:
        assert self._launcher is not None
        assert self._launched is not None
        return self._launcher.watch_of(self._launched.job, self._launched.record)

    def _launching(self, task: LaunchingTask) -> Conversation[Launched]:
        """Launch the job, or take over the one that this try launched in another triggerer."""
        launcher = self._launcher
        assert launcher is not None
        record = LaunchRecord.read(self.tries.recorded_here)
        if record is not None and record.job_id:
            read = task.wait_until_finished is False or launcher.job_tells_place
            return _launched_before(launcher, record, read=read)
        return self._launch(launcher, task)

    def _launch(self, launcher: Launcher, task: LaunchingTask) -> Conversation[Launched]:
        identity, tries = identity_of(self.context), self.tries
        if tries.are_forgotten and task.jobs_tell_their_launch:
            yield Say("Nothing is left of this task's earlier tries; looking for a job of theirs.")
            record = yield from recollect(launcher, identity, tries=tries.number - 1)
            self.tries_store.tries = replace(tries, record=None if record is None else record.value())
        return (yield from task.launching(launcher, identity, tries.clears))

    def _stopping(self, task: LaunchingTask) -> Conversation[None]:
        """Stop the job, if there is one; a try that has not begun uses the record of the earlier one."""
        if self.tries_store.tries is None:
            stored = self.tries_store.load()
            self.tries_store.tries = stored if stored is not None and stored.number <= self.context["ti"].try_number else None
        return stop_launched(self._launcher or task.launcher(), identity_of(self.context))


def _launched_before(launcher: Launcher, record: LaunchRecord, *, read: bool) -> Conversation[Launched]:
    job: Json = {"id": record.job_id, "name": record.job_name}
    if read:
        job = yield from launcher.read(record)
    return Launched(job=job, record=record, adopted=True)
