"""One logical launch starts one job: the launch record, and the conversation that launches, adopts or starts anew.

The record is what survives a dead worker. It is written *before* the launch is sent, so whoever comes next knows that a job
may exist, and looks for it by name and label instead of launching again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Protocol

from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.watch import Watch
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import (
    AlreadyExistsError,
    CallError,
    JobLostError,
    LaunchRecordError,
    NoAnswerError,
    NotFoundError,
    ServiceError,
)
from airflow_dataflow_ext.api.rest.method import Json, Request
from airflow_dataflow_ext.api.rest.steps import Conversation, Now, Recall, Record, Say, Sleep

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRecord:
    """How far the launch of this task has come.

    :param step: *intended* is written before the launch is sent, *launched* after its answer, *settled* when the job's end is known;
        *refused* when the service has refused it, so that there is no job.
    :param generation: see :class:`LaunchIdentity`.
    :param clear_key: a number that changes when a person clears the task, as it was when this was written.
    :param job_name: the name that the job has or would have.
    :param job_id: known from *launched* on.
    :param since: when the launch was intended, seconds since the epoch.
    :param phase: how the wait ended, once settled.
    :param others: ids of jobs that were there before the launch, and could be mistaken for it.
    :param foreign: the job was started by somebody else and is only followed: it is never stopped.
    """

    step: Literal["intended", "launched", "settled", "refused"]
    generation: int
    clear_key: int
    job_name: str
    since: float
    job_id: str = ""
    phase: str = ""
    others: tuple[str, ...] = ()
    foreign: bool = False
    version: int = VERSION

    @classmethod
    def read(cls, value: Any) -> LaunchRecord | None:
        """The record as it was stored.

        :raises LaunchRecordError: it is damaged or of a newer version of this package.
        """
        if value is None:
            return None
        try:
            if value["version"] > VERSION:
                raise ValueError(f"it is of version {value['version']}, this package knows {VERSION}")
            record = cls(**{**value, "others": tuple(value.get("others", ()))})
            record._check()
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            known = value if isinstance(value, Mapping) else {}
            raise LaunchRecordError(
                f"The launch record of this task cannot be read ({error!r}); nothing is launched on a guess. It may have started job "
                f"{known.get('job_id') or 'of unknown id'} named {known.get('job_name') or 'unknown'}. Look whether that job exists, "
                "then delete the entry 'launch' in the task's state store to launch anew."
            ) from None
        return record

    def value(self) -> Json:
        return {**asdict(self), "others": list(self.others)}

    def _check(self) -> None:
        for name, kind in {"generation": int, "clear_key": int, "since": int | float, "job_name": str, "job_id": str, "phase": str}.items():
            if not isinstance(getattr(self, name), kind):
                raise ValueError(f"{name} is {getattr(self, name)!r}")
        known = self.step in ("intended", "refused") or (self.step in ("launched", "settled") and self.job_id)
        if not (known and self.job_name):
            raise ValueError(f"step {self.step!r} with job id {self.job_id!r} and name {self.job_name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a look around before a launch has found.

    :param others: ids of jobs that are there already, and could be mistaken for the launch's own.
    :param instead: a job that is followed instead of a launch.
    """

    others: tuple[str, ...] = ()
    instead: Json | None = None


class Launcher(Protocol):
    """What launches one job, and differs between services: how a launch is sent, found again, read, followed and stopped."""

    def before(self) -> Conversation[Before]:
        """Look around before a new launch.

        :raises BusyError: what would be started is running already.
        """

    def request(self, name: str, identity: LaunchIdentity) -> Request:
        """The launch of this generation."""

    def name(self, identity: LaunchIdentity) -> str:
        """The job's name in this generation."""

    def job_in(self, reply: Json, record: LaunchRecord, identity: LaunchIdentity) -> Conversation[Json]:
        """The job in the launch's reply; looked for, where a reply does not name it.

        :raises ForeignJobError: it is somebody else's.
        """

    def find(self, record: LaunchRecord, identity: LaunchIdentity) -> Conversation[Json | None]:
        """Our job, moving or ended; None when there is none.

        :raises ForeignJobError: an active job has the name and is not ours.
        """

    def read(self, record: LaunchRecord) -> Conversation[Json]:
        """The job as it is now."""

    def watch_of(self, job: Json, record: LaunchRecord) -> Watch:
        """What is waited for once there is a job."""

    def state(self, job: Json) -> str:
        """Its state in the service's own word."""

    def judge(self, job: Json) -> Phase:
        """What its state means for this task."""

    def stop(self, job: Json) -> Conversation[None]:
        """Stop it and wait until it no longer moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """The job of this launch, and how it came.

    :param adopted: an earlier attempt had started it.
    :param unanswered: how often the launch was sent without an answer that counts.
    """

    job: Json
    record: LaunchRecord
    adopted: bool
    unanswered: int = 0


def launch_once(launcher: Launcher, identity: LaunchIdentity, *, clear_key: int, reattach: bool = True) -> Conversation[Launched]:
    """Make sure that this task's launch has exactly one job, whatever died before.

    :param clear_key: a number that changes when a person clears the task, and only then; a record with another one is of a launch before.
    :param reattach: take over the job of an earlier attempt; otherwise that is stopped and a new one launched.
    :raises BusyError: what would be started is running already, and is not to be followed.
    :raises LaunchError: a person has to decide.
    :raises CallError: the service refused the launch.
    """
    record = LaunchRecord.read((yield Recall()))
    identity = replace(identity, generation=record.generation if record else 0)
    if record is None or record.step == "refused":
        return (yield from _begin(launcher, identity, clear_key))
    if record.clear_key != clear_key or not reattach:
        yield Say("A new job is launched: " + ("the task was cleared." if record.clear_key != clear_key else "reattach is off."))
        yield from _end(launcher, identity, record)
    else:
        job = yield from _job_of(launcher, identity, record)
        if job is None and record.step == "intended":
            return (yield from _send(launcher, identity, record))
        if job is not None and launcher.judge(job) is not Phase.FAILED:
            yield Say(f"An earlier attempt started job {job['id']} ({launcher.state(job)}); it is taken over.")
            return (yield from _launched(record, job, adopted=True))
    return (yield from _begin(launcher, replace(identity, generation=record.generation + 1), clear_key))


def settle(job_id: str, phase: Phase) -> Conversation[None]:
    """Note how the job ended, so that a retry after a bad end need not ask."""
    record = LaunchRecord.read((yield Recall()))
    if record is not None and record.job_id == job_id:
        yield Record(replace(record, step="settled", phase=phase.value).value())


def stop_launched(launcher: Launcher, identity: LaunchIdentity) -> Conversation[None]:
    """Stop the job of this launch, if there is one that moves."""
    record = LaunchRecord.read((yield Recall()))
    if record is not None:
        yield from _end(launcher, replace(identity, generation=record.generation), record)


def _job_of(launcher: Launcher, identity: LaunchIdentity, record: LaunchRecord) -> Conversation[Json | None]:
    """The job of an earlier attempt; None when it never came to be, or is known to have ended badly."""
    if record.step == "settled" and record.phase == Phase.FAILED:
        return None
    if record.step == "intended":
        yield Say(f"An earlier attempt died while it launched {record.job_name}; looking whether the job exists.")
        return (yield from _find(launcher, identity, record))
    for pause in budgets.LOOKUP_PAUSES:
        if pause:
            yield Sleep(pause)
        try:
            return (yield from launcher.read(record))
        except NotFoundError as error:
            unknown = error
    known = launcher.watch_of({"id": record.job_id, "name": record.job_name}, record)
    explained = yield from known.explained(unknown)
    raise JobLostError(f"An earlier attempt started job {record.job_id}, and the service does not know it: {explained}") from unknown


def _end(launcher: Launcher, identity: LaunchIdentity, record: LaunchRecord) -> Conversation[None]:
    """Stop what an earlier attempt left, if it still moves."""
    if record.foreign or record.step == "refused":
        return
    try:
        job = yield from _job_of(launcher, identity, record)
    except JobLostError as error:
        yield Say(str(error))
        return
    if job is not None:
        yield from launcher.stop(job)


def _find(launcher: Launcher, identity: LaunchIdentity, record: LaunchRecord) -> Conversation[Json | None]:
    for pause in budgets.LOOKUP_PAUSES:
        if pause:
            yield Sleep(pause)
        try:
            job = yield from launcher.find(record, identity)
        except NotFoundError:  # listed, and not yet readable
            continue
        if job is not None:
            return job
    return None


def _begin(launcher: Launcher, identity: LaunchIdentity, clear_key: int) -> Conversation[Launched]:
    before = yield from launcher.before()
    record = LaunchRecord(
        step="intended",
        generation=identity.generation,
        clear_key=clear_key,
        job_name=launcher.name(identity),
        since=(yield Now()),
        others=before.others,
        foreign=before.instead is not None,
    )
    if before.instead is not None:
        return (yield from _launched(record, before.instead, adopted=True))
    yield Record(record.value())
    return (yield from _send(launcher, identity, record, first=True))


def _send(launcher: Launcher, identity: LaunchIdentity, record: LaunchRecord, *, first: bool = False) -> Conversation[Launched]:
    """Send the launch. When its answer is lost, or the name is taken, look for the job before sending again.

    :param first: nobody can have sent it before, so that a refusal says that there is no job.
    """
    for sent in range(budgets.SENDS):
        try:
            reply = yield from ask(launcher.request(record.job_name, identity))
        except (NoAnswerError, ServiceError, AlreadyExistsError) as error:
            if not error.sent:  # so there is no job to look for
                if first:
                    yield Record(replace(record, step="refused").value())
                raise
            lost, first = error, False
            yield Say(f"{error} Looking whether the job {record.job_name} exists.")
            found = yield from _find(launcher, identity, record)
            if found is None:
                continue
            return replace((yield from _launched(record, found, adopted=False)), unanswered=sent + 1)
        except CallError:
            if first:
                yield Record(replace(record, step="refused").value())
            raise
        job = yield from launcher.job_in(reply, record, identity)
        return replace((yield from _launched(record, job, adopted=False)), unanswered=sent)
    raise lost


def _launched(record: LaunchRecord, job: Json, *, adopted: bool) -> Conversation[Launched]:
    known = replace(record, step="launched", job_id=str(job["id"]), phase="")
    if known != record:
        yield Record(known.value())
    return Launched(job=job, record=known, adopted=adopted)
