"""The base of every operator that launches a job, of either service: launch once, show the job, wait or defer, return the job."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context
from msgspec import Struct
from msgspec.structs import replace

from airflow_dataflow_ext.api.jobs.facts import SUMMARY_KEY, Summary
from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import Launched, Launcher, launch_once, settle, stop_launched
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.shown import shown_record
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.api.rest.errors import DataflowExtError
from airflow_dataflow_ext.api.rest.times import rfc3339
from airflow_dataflow_ext.api.rest.values import seconds
from airflow_dataflow_ext.operators.waiting import WaitingOperator
from airflow_dataflow_ext.task.errors import check_event, task_errors
from airflow_dataflow_ext.task.flags import Flag
from airflow_dataflow_ext.task.identity import clear_key_of, identity_of
from airflow_dataflow_ext.task.kill import after_kill
from airflow_dataflow_ext.task.metrics import count_launch
from airflow_dataflow_ext.task.records import PassingStore, RecordStore, TriesStore, record_store, tries_store

if TYPE_CHECKING:
    from airflow.triggers.base import BaseTrigger

    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation


class Attempt(Struct, frozen=True):
    """One entry into the task: its launcher, the identity of its launch, and the store of its launch record."""

    context: Context
    launcher: Any
    identity: LaunchIdentity
    store: RecordStore | TriesStore | PassingStore


class LaunchOperator(WaitingOperator):
    """Launches one job and follows it.

    The result is the job with the REST API's field names; XCom ``job_id`` holds its id. A task of a DAG run starts one job, even if a
    worker, the triggerer or the scheduler dies on the way: a retry takes over the running job of an earlier attempt, or its result. A
    cleared task stops a job that is still running and launches a new one.

    :param wait_until_finished: False ends the task as soon as the job is launched.
    :param cancel_timeout: seconds to wait for the end of a job that is stopped before a new one starts.
    :param reattach: let a retry take over an earlier attempt's job; False stops that job and launches a new one.

    ``wait_until_finished`` and ``reattach`` are templated. See
    :class:`~airflow_dataflow_ext.operators.waiting.WaitingOperator` for the other arguments.
    """

    jobs_tell_their_launch = False
    """Whether the name or the labels of a job tell which launch it belongs to."""
    cancel_on_kill: Any = True
    """Whether the job is stopped when a user kills the task."""

    wait_until_finished = Flag(optional=True)
    reattach = Flag()

    def __init__(
        self,
        *,
        wait_until_finished: bool | str | None = None,
        cancel_timeout: float | None = 10 * 60,
        reattach: bool | str = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wait_until_finished = wait_until_finished
        self.cancel_timeout = seconds(cancel_timeout, "cancel_timeout")
        self.reattach = reattach
        self._attempt: Attempt | None = None

    @abstractmethod
    def launcher(self) -> Launcher:
        """The launcher, which launches the job and finds it again, made from the rendered fields once for each entry into the task.

        :raises InvalidInputError: a field is wrong.
        """

    @abstractmethod
    def trigger(self, watch: Any, *, stop_on_kill: bool) -> BaseTrigger:
        """The trigger that waits for the job."""

    @abstractmethod
    def summary(self, watch: Any, job: Json, seen: float) -> Summary:
        """The job's summary, for lists of jobs.

        :param seen: when the job was in this state, in seconds since the epoch.
        """

    @abstractmethod
    def keep(self, outcome: Outcome) -> Conversation[None]:
        """Keep how the wait ended, for the job's page."""

    @abstractmethod
    def link_of(self, job: Json) -> str:
        """The URL of the job's page."""

    @abstractmethod
    def show(self, context: Context, watch: Any, job: Json) -> None:
        """Publish the link to the job."""

    def execute(self, context: Context) -> Json:
        with task_errors(self.link_of):
            return self.go_on(context, partial(self._launch_and_wait, context))

    def go_on(self, context: Context, step: Callable[[], Json]) -> Json:
        """Carry out the rest of the task, beginning with ``step``; launch again if that can resolve an error."""
        return step()

    def _launch_and_wait(self, context: Context) -> Json:
        attempt = self.enter(context)
        launched = count_launch(attempt.identity, lambda: self._launch(attempt))
        watch = attempt.launcher.watch_of(launched.job, launched.record)
        self.publish(context, watch, launched)
        self.keep_launch(attempt.store, context["ti"].try_number, watch, launched)
        if self.wait_until_finished is False:
            return launched.job
        if self.deferrable and watch.judge(launched.job) is Phase.MOVING:
            self.wait_in_triggerer(context, self.trigger(watch, stop_on_kill=not launched.record.foreign))
        return self._finish(attempt.store, self.hook.run(wait_for_job(watch)))

    def enter(self, context: Context, *, resumes: bool = False) -> Attempt:
        """Begin this entry into the task.

        :param resumes: another process has entered this try before.
        """
        if self._attempt is None or self._attempt.context is not context:
            attempt = self._attempt = Attempt(context, self.launcher(), identity_of(context), self._store(context))
            if isinstance(attempt.store, PassingStore) and self.jobs_tell_their_launch:
                is_first = context["ti"].try_number <= 1 and not resumes
                shown = shown_record(attempt.launcher, attempt.identity, clear_key=clear_key_of(context), is_first=is_first)
                attempt.store.begin(self.hook.run(shown))
        return self._attempt

    def result(self, outcome: Outcome) -> Conversation[Json]:
        """The result of the task.

        :raises JobError: the wait ended badly.
        """
        yield from settle(str(outcome.job.get("id")), outcome.phase, full=outcome.cause == "capacity")
        if outcome.job.get("id"):
            yield from self.keep(outcome)
        return outcome.result()

    def publish(self, context: Context, watch: Any, launched: Launched) -> None:
        """Publish the job's id, link and summary to people and to other tasks."""
        context["ti"].xcom_push(key="job_id", value=launched.record.job_id)
        self.show(context, watch, launched.job)

    def keep_launch(self, store: RecordStore | TriesStore | PassingStore, number: int, watch: Any, launched: Launched) -> None:
        """Keep which job this try has, together with those of earlier tries.

        :param number: number of the try.
        """
        now, record = time.time(), launched.record
        summary = self.summary(watch, {**launched.job, "id": record.job_id}, now)
        summary = replace(
            summary,
            name=summary.name or record.job_name,
            launched=summary.launched or rfc3339(record.since),
            generation=record.generation,
            foreign=record.foreign,
        )
        earlier = Summary.read(store.kept(SUMMARY_KEY))
        known = summary.of_try(number, adopted=launched.adopted, at=rfc3339(now), earlier=earlier)
        store.keep(SUMMARY_KEY, known.value())

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> Json:
        """Finish the task with the trigger's event, exactly as if this worker had waited."""
        with task_errors(self.link_of):
            check_event(event)
            return self.go_on(context, partial(self._finish, self._store(context), Outcome.deserialize(event)))

    def clean_up(self, context: Context) -> None:
        self._stop(self.enter(context, resumes=True))

    def on_kill(self) -> None:
        """Stop the job if a user ended the task. If the worker is only shutting down, the next try takes the job over."""
        attempt = self._attempt
        if attempt is not None:
            after_kill(attempt.context["ti"], by_user=lambda: self._stop(attempt), by_machine=self._leave)

    def _leave(self) -> None:
        self.log.info("The job continues: no user asked to stop it; a retry takes it over.")

    def _store(self, context: Context) -> RecordStore | TriesStore | PassingStore:
        """The store of the launch record; a try that started in the triggerer keeps its record in an XCom."""
        return tries_store(self, context) or record_store(context)

    def launching(self, launcher: Any, identity: LaunchIdentity, clear_key: int) -> Conversation[Launched]:
        """The conversation that launches the job."""
        return launch_once(launcher, identity, clear_key=clear_key, reattach=self.reattach)

    def _launch(self, attempt: Attempt) -> Launched:
        launching = self.launching(attempt.launcher, attempt.identity, clear_key_of(attempt.context))
        launched: Launched = self.hook.run(launching, attempt.store)
        return launched

    def _finish(self, store: RecordStore | TriesStore | PassingStore, outcome: Outcome) -> Json:
        job: Json = self.hook.run(self.result(outcome), store)
        return job

    def _stop(self, attempt: Attempt) -> None:
        try:
            self.hook.run(stop_launched(attempt.launcher, attempt.identity), attempt.store)
        except DataflowExtError as error:
            self.log.warning("The job could not be stopped: %s", error)
