"""One logical launch starts one job: the conversation that launches a job, or takes over the one of an earlier attempt.

The launch record survives a dead worker. It is written *before* the launch is sent, so the next attempt knows that a job
may exist, and looks for it by name and label instead of launching again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.watch import Watch
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask, jittered
from airflow_dataflow_ext.api.rest.errors import (
    AlreadyExistsError,
    CallError,
    JobLostError,
    NoAnswerError,
    NotFoundError,
    lost,
)
from airflow_dataflow_ext.api.rest.method import Json, Request
from airflow_dataflow_ext.api.rest.steps import Conversation, Now, Recall, Record, Say, Sleep
from airflow_dataflow_ext.api.rest.texts import shown


class Before(Struct, frozen=True, kw_only=True):
    """What a check before a launch has found.

    :param others: ids of existing jobs that could be mistaken for the launch's own.
    :param instead: a running job to follow instead of launching one.
    """

    others: tuple[str, ...] = ()
    instead: Json | None = None


class Launcher(Protocol):
    """How one service launches a job, finds it again, reads it, follows it and stops it."""

    def before(self) -> Conversation[Before]:
        """Check for existing jobs before a new launch.

        :raises BusyError: what would be started is already running.
        """

    def place_of(self, times_full: int) -> Mapping[str, str]:
        """Where to launch after the service had no capacity ``times_full`` times in a row; empty if there is only one place."""

    def shortage_behind(self, error: CallError) -> str:
        """What the service is short of, and what helps, if it refused the launch for lack of capacity; else empty."""

    def request(self, record: LaunchRecord, identity: LaunchIdentity) -> Request:
        """The launch of this generation."""

    def name(self, identity: LaunchIdentity) -> str:
        """The job's name in this generation."""

    def job_in(self, reply: Json, record: LaunchRecord, identity: LaunchIdentity) -> Conversation[Json | None]:
        """The job that the launch's reply names; None if it names none, so that it is unknown whether there is a job.

        :raises ForeignJobError: the job is not this task's.
        """

    def find(self, record: LaunchRecord, identity: LaunchIdentity) -> Conversation[Json | None]:
        """This launch's job, moving or ended; None if there is none.

        :raises ForeignJobError: an active job has the name and is not this task's.
        """

    def read(self, record: LaunchRecord) -> Conversation[Json]:
        """The job as it is now."""

    def watch_of(self, job: Json, record: LaunchRecord) -> Watch:
        """The Watch to wait for, once there is a job."""

    def state(self, job: Json) -> str:
        """The job's state, as the service names it."""

    def judge(self, job: Json) -> Phase:
        """What the job's state means for this task."""

    def stop(self, job: Json) -> Conversation[None]:
        """Stop the job and wait until it no longer moves."""


class Launched(Struct, frozen=True, kw_only=True):
    """The job of this launch, and how it came about.

    :param adopted: whether an earlier attempt had started it.
    :param unanswered: how often the launch was sent without a conclusive answer.
    """

    job: Json
    record: LaunchRecord
    adopted: bool
    unanswered: int = 0


def launch_once(launcher: Launcher, identity: LaunchIdentity, *, clear_key: int, reattach: bool = True) -> Conversation[Launched]:
    """Make sure that this task's launch has exactly one job, even if earlier attempts died.

    :param clear_key: a number that changes only when a person clears the task; a record with another one belongs to an earlier launch.
    :param reattach: take over the job of an earlier attempt; False stops that job and launches a new one.
    :raises BusyError: what would be started is already running, and must not be followed.
    :raises LaunchError: a person has to decide what to do.
    :raises CallError: the service refused the launch.
    """
    record = LaunchRecord.read((yield Recall()))
    identity = replace(identity, generation=record.generation if record else 0)
    times_full = record.times_full if record and record.clear_key == clear_key else 0
    if record is None or record.step == "refused":
        return (yield from _begin(launcher, identity, clear_key, times_full))
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
    return (yield from _begin(launcher, replace(identity, generation=record.generation + 1), clear_key, times_full))


def settle(job_id: str, phase: Phase, *, full: bool = False) -> Conversation[None]:
    """Record that the job ended badly, so that a retry need not ask the service; a good end is not recorded.

    :param full: whether the service had no capacity for it.
    """
    if phase is Phase.SUCCEEDED:
        return
    record = LaunchRecord.read((yield Recall()))
    if record is not None and record.job_id == job_id:
        times_full = record.times_full + 1 if full else 0
        yield Record(replace(record, step="settled", phase=phase.value, times_full=times_full).value())


def pause_before_next(*, places: int, waits: bool) -> Conversation[float | None]:
    """Seconds until the next launch, after the service had no capacity; None if there is no next launch.

    :param places: number of places to launch in; the next one is tried at once.
    :param waits: whether to start over, after growing pauses, when no place has capacity.
    """
    record = LaunchRecord.read((yield Recall()))
    rounds, elsewhere = divmod(record.times_full if record else 0, places)
    if elsewhere:
        return 0.0
    return jittered(budgets.ROOM_PAUSES[min(rounds, len(budgets.ROOM_PAUSES)) - 1]) if waits and rounds else None


def stop_launched(launcher: Launcher, identity: LaunchIdentity) -> Conversation[None]:
    """Stop the job of this launch, if it has one that still moves."""
    record = LaunchRecord.read((yield Recall()))
    if record is not None:
        yield from _end(launcher, replace(identity, generation=record.generation), record)


def _job_of(launcher: Launcher, identity: LaunchIdentity, record: LaunchRecord) -> Conversation[Json | None]:
    """The job of an earlier attempt; None if there was none, or it is known to have ended badly."""
    if record.step == "settled" and record.phase == Phase.FAILED:
        return None
    if record.step == "intended":
        yield Say(f"An earlier attempt died while it launched {record.job_name}; checking whether the job exists.")
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
    """Stop the job of an earlier attempt, if it still moves."""
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
        except NotFoundError:  # it is listed, but cannot be read yet
            continue
        if job is not None:
            return job
    return None


def _begin(launcher: Launcher, identity: LaunchIdentity, clear_key: int, times_full: int) -> Conversation[Launched]:
    before = yield from launcher.before()
    record = LaunchRecord(
        step="intended",
        generation=identity.generation,
        clear_key=clear_key,
        job_name=launcher.name(identity),
        since=(yield Now()),
        place=launcher.place_of(times_full),
        times_full=times_full,
        others=before.others,
        foreign=before.instead is not None,
    )
    if before.instead is not None:
        return (yield from _launched(record, before.instead, adopted=True))
    yield Record(record.value())
    return (yield from _send(launcher, identity, record, first=True))


def _send(launcher: Launcher, identity: LaunchIdentity, record: LaunchRecord, *, first: bool = False) -> Conversation[Launched]:
    """Send the launch. If the answer is lost, or the name is taken, look for the job before sending again.

    :param first: the launch cannot have been sent before, so a refusal means that there is no job.
    """
    for sent in range(budgets.SENDS):
        try:
            reply = yield from ask(launcher.request(record, identity))
        except CallError as error:
            if shortage := launcher.shortage_behind(error):
                if not first and (late := (yield from _shown_late(launcher, identity, record))) is not None:
                    return late
                yield Record(replace(record, step="refused", times_full=record.times_full + 1).value())
                error.cause = "capacity"
                raise error.hinting(shortage) from None
            if not (lost(error) or isinstance(error, AlreadyExistsError)):  # so there is no job to look for
                if first:
                    yield Record(replace(record, step="refused").value())
                raise
            last = error
        else:
            job = yield from launcher.job_in(reply, record, identity)
            if job is not None:
                return replace((yield from _launched(record, job, adopted=False)), unanswered=sent)
            last = NoAnswerError(f"The reply to the launch of {record.job_name} names no job: {shown(reply)}.")
        first = False
        yield Say(f"{last} Checking whether the job {record.job_name} exists.")
        found = yield from _find(launcher, identity, record)
        if found is not None:
            return replace((yield from _launched(record, found, adopted=False)), unanswered=sent + 1)
    raise last


def _shown_late(launcher: Launcher, identity: LaunchIdentity, record: LaunchRecord) -> Conversation[Launched | None]:
    """The job of an earlier launch whose answer was lost. It may appear late, so it is waited for before a launch in another place."""
    yield Sleep(budgets.SHOWS_UP_WITHIN)
    found = yield from _find(launcher, identity, record)
    return None if found is None else (yield from _launched(record, found, adopted=False))


def _launched(record: LaunchRecord, job: Json, *, adopted: bool) -> Conversation[Launched]:
    known = replace(record, step="launched", job_id=str(job["id"]), phase="")
    if known != record:
        yield Record(known.value())
    return Launched(job=job, record=known, adopted=adopted)
