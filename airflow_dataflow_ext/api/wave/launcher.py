"""The launcher for CRM Analytics: how a run is started, found again, read and stopped.

A start has no name, label or request id. A launch's run is recognised by what it runs, because it was created after the launch was
intended, and because it did not exist before.
"""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast, get_args

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import Before, Launched, launch_once
from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask, items, pages
from airflow_dataflow_ext.api.rest.errors import BusyError, CallError, InvalidInputError, LaunchError
from airflow_dataflow_ext.api.rest.steps import Conversation, Now, Say, Sleep
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.wave import methods as wave
from airflow_dataflow_ext.api.wave import runs as wave_runs
from airflow_dataflow_ext.api.wave.runs import HANDLE, RunRef, created
from airflow_dataflow_ext.api.wave.stop import stop
from airflow_dataflow_ext.api.wave.wait import WEEK, RunWatch

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json, Request

IfRunning = Literal["wait", "adopt", "fail"]


def check_if_running(value: Any) -> IfRunning:
    """
    :raises InvalidInputError: it is another word.
    """
    if value not in get_args(IfRunning):
        raise InvalidInputError(f"if_running must be one of {', '.join(get_args(IfRunning))}, not {shown(value)}")
    return cast("IfRunning", value)


class RunLaunch(Struct, frozen=True):
    """A launch, which becomes one run.

    :param source_id: id of what is run.
    :raises InvalidInputError: it is not an id.
    """

    argument: ClassVar[str] = "dataflow"
    """Name of the argument that gives this id."""
    source_id: str

    def __post_init__(self) -> None:
        force_setattr(self, "source_id", wave.full_id(self.source_id, self.argument))

    @abstractmethod
    def request(self, version: str) -> Request:
        """The request that starts it."""

    @abstractmethod
    def ref(self, version: str, since: float) -> RunRef:
        """The first run since a time."""


class DataflowStart(RunLaunch, frozen=True):
    """The start of a dataflow, or of a recipe by its target dataflow.

    https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_requests_dataflow_job_input.htm
    """

    def request(self, version: str) -> Request:
        return wave.call(wave.DataflowJob.start, version, {"dataflowId": self.source_id, "command": "start"})

    def ref(self, version: str, since: float) -> RunRef:
        return RunRef(version=version, source_id=self.source_id, since=since)

    def __str__(self) -> str:
        return f"dataflow {self.source_id}"


class DataSync(RunLaunch, frozen=True):
    """The start of a connector's data sync.

    https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_run_schedule_sync_data.htm
    """

    argument: ClassVar[str] = "connector_id"

    def request(self, version: str) -> Request:
        return wave.call(wave.DataConnector.ingest, version, {}, connectorId=self.source_id)

    def ref(self, version: str, since: float) -> RunRef:
        if wave.number_of(version) < wave.JOB_FIELDS["jobType"][0]:
            raise InvalidInputError(f"a data sync can be followed from version 46.0 of the API on; the connection asks for {version}")
        return RunRef(version=version, source_id=self.source_id, since=since, sync=True)

    def __str__(self) -> str:
        return f"data sync of connector {self.source_id}"


class WaveLauncher(Struct, frozen=True, kw_only=True):
    """One launch in one org.

    :param watch: what the task waits for; its run is filled in when it is known.
    :param adopt: follow a run of the same dataflow that is already active, instead of raising :class:`BusyError`.
    :param stop_within: seconds to wait for an earlier run's end.
    """

    job_tells_place: ClassVar[bool] = False

    launch: RunLaunch
    watch: RunWatch
    adopt: bool = False
    stop_within: float = budgets.STOP_WAIT

    @property
    def version(self) -> str:
        """The API version."""
        return self.watch.run.version

    def ref(self, record: LaunchRecord) -> RunRef:
        """The run of a record."""
        return replace(self.launch.ref(self.version, record.since - budgets.CLOCK_SKEW), id=record.job_id, others=record.others)

    def validation(self) -> Conversation[Json] | None:
        """None: the service cannot check a start without performing it."""
        return None

    def before(self) -> Conversation[Before]:
        now = yield Now()
        bodies = yield from pages(self.launch.ref(self.version, now - WEEK).listed())
        jobs = wave_runs.Listing(items(bodies, "dataflowJobs")).of(self.launch.source_id, sync=isinstance(self.launch, DataSync))
        ours = (job for job in jobs if wave.source_of(job).get("id") == self.launch.source_id)
        moving = [job for job in ours if self.judge(job) is Phase.MOVING]
        if not moving:
            return Before(others=tuple(sorted(str(job["id"]) for job in jobs if created(job) >= now - budgets.CLOCK_SKEW)))
        newest = max(moving, key=created)
        if not self.adopt:
            raise BusyError(f"{self.launch} is already running: job {newest['id']} is {newest.get('status')}.", job_id=newest["id"])
        yield Say(f"{self.launch} is already running: job {newest['id']} is followed, and nothing is started.")
        return Before(instead=newest)

    def name(self, identity: LaunchIdentity) -> str:
        return str(self.launch)

    def place_of(self, times_full: int) -> Mapping[str, str]:
        return {}  # an org is one place

    def shortage_behind(self, error: CallError) -> str:
        return ""  # an org queues runs for which it has no capacity

    def request(self, record: LaunchRecord, identity: LaunchIdentity) -> Request:
        return self.launch.request(self.version)

    def job_in(self, reply: Json, record: LaunchRecord, identity: LaunchIdentity) -> Conversation[Json]:
        """The run that was started. Up to API version 49 the reply does not name it; later versions return a handle."""
        run = replace(self.ref(record), id=str(reply.get("id") or ""))
        if not run.id:
            return (yield from self._awaited(run))
        if not run.id.startswith(HANDLE):
            return reply
        run = replace(run, since=max(run.since, (yield from self._taken_at(run.id))))
        for pause in budgets.RUN_PAUSES:
            if pause:
                yield Sleep(pause)
            found = yield from wave_runs.find(run, retry_for=budgets.RETRY_FOR)
            if found is not None:
                return found
        return reply

    def _taken_at(self, handle: str) -> Conversation[float]:
        """When the service accepted the start, since earlier runs are not this launch's; 0 if the handle does not tell."""
        try:
            return created((yield from ask(wave.call(wave.DataflowJob.get, self.version, jobId=handle), retry_for=budgets.RETRY_FOR)))
        except CallError:
            return 0.0

    def _awaited(self, run: RunRef) -> Conversation[Json]:
        waited = 0.0
        while True:
            found = yield from wave_runs.find(run, retry_for=budgets.RETRY_FOR)
            if found is not None:
                return found
            if waited >= budgets.LOST_AFTER:
                raise LaunchError(f"Salesforce accepted the start of {self.launch}, but lists no such run after {waited:.0f} s.")
            yield Sleep(budgets.RUN_EVERY)
            waited += budgets.RUN_EVERY

    def find(self, record: LaunchRecord, identity: LaunchIdentity) -> Conversation[Json | None]:
        return wave_runs.find(self.ref(record), retry_for=budgets.RETRY_FOR)

    def read(self, record: LaunchRecord) -> Conversation[Json]:
        return wave_runs.read(self.ref(record), retry_for=budgets.RETRY_FOR)

    def state(self, job: Json) -> str:
        return self.watch.state(job)

    def judge(self, job: Json) -> Phase:
        return self.watch.judge(job)

    def stop(self, job: Json) -> Conversation[None]:
        yield from stop(RunRef(version=self.version, id=job["id"]), wait_for=self.stop_within, poll_sleep=self.watch.poll_sleep)

    def watch_of(self, job: Mapping[str, str], record: LaunchRecord | None = None) -> RunWatch:
        """The watch for a run; with the record of its launch, the run is found even if its id is only a handle."""
        run = RunRef(version=self.version) if record is None else self.ref(record)
        return replace(self.watch, run=replace(run, id=str(job["id"])))


def start(
    launcher: WaveLauncher, if_running: IfRunning, identity: LaunchIdentity | None = None, *, clear_key: int = 0, reattach: bool = True
) -> Conversation[Launched]:
    """Launch once; with ``if_running="wait"``, after every active run has ended.

    :raises BusyError: a run is active, and ``if_running`` is ``fail``.
    """
    identity = identity or LaunchIdentity(dag_id="", run_id=uuid.uuid4().hex, task_id="")
    while True:
        try:
            return (yield from launch_once(launcher, identity, clear_key=clear_key, reattach=reattach))
        except BusyError as busy:
            if if_running != "wait":
                raise
            yield Say(f"{busy} Waiting for its end.")
            yield from wait_for_job(launcher.watch_of({"id": busy.job_id}))
