"""What is asked of jobs that are there already and takes a while: frozen values that a worker or the triggerer can carry out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

from airflow_dataflow_ext.api.dataflow.job import JobRef
from airflow_dataflow_ext.api.dataflow.methods import Job, Snapshot
from airflow_dataflow_ext.api.dataflow.states import TERMINAL, UNKNOWN
from airflow_dataflow_ext.api.dataflow.stop import drains, request_stop
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask, items, pages
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidInputError, JobError, NoAnswerError, NotFoundError, ServiceError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Now, Say, Sleep
from airflow_dataflow_ext.api.rest.times import epoch

FORCE = {"force_cancel_job": "true"}
"""https://cloud.google.com/dataflow/docs/guides/stopping-a-pipeline#force_cancel"""

FORCE_AT_THE_EARLIEST = 30 * 60.0
"""Seconds that a job must have been cancelling before the service takes a forced cancel."""

_CANCELLING, _DRAINING = "JOB_STATE_CANCELLING", "JOB_STATE_DRAINING"


class Action(Protocol):
    """Something that is carried out to its end by one conversation, which may begin again at any time."""

    kind: ClassVar[str]

    def perform(self) -> Conversation[Any]:
        """Carry it out; returns JSON."""

    def serialize(self) -> Json:
        """JSON from which :func:`action_of` makes the same action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAction:
    """Stop one job, or all active jobs of a name or with a name that begins so, and wait until they have ended, however they end.

    https://cloud.google.com/dataflow/docs/guides/stopping-a-pipeline

    :param drain: let streaming jobs finish what they have read; batch jobs are cancelled all the same.
    :param until: seconds since the epoch at which the wait is over; None waits on.
    :param wait: False only asks.
    :param force_after: seconds of cancelling after which a job is cancelled by force, which may leave resources behind.
    :raises InvalidInputError: not exactly one of ``job_id``, ``name`` and ``prefix`` is given, or ``force_after`` is too early.
    """

    kind: ClassVar[str] = "stop"
    project_id: str
    location: str
    job_id: str | None = None
    name: str | None = None
    prefix: str | None = None
    drain: bool = True
    wait: bool = True
    until: float | None = None
    force_after: float | None = None
    poll_sleep: float = budgets.POLL_SLEEP

    def __post_init__(self) -> None:
        if sum(map(bool, (self.job_id, self.name, self.prefix))) != 1:
            raise InvalidInputError("exactly one of job_id, job_name and job_name_prefix must be given")
        if self.force_after is not None and self.force_after < FORCE_AT_THE_EARLIEST:
            raise InvalidInputError(f"force_after must be {FORCE_AT_THE_EARLIEST:.0f} seconds at the least, which the service asks for")

    def serialize(self) -> Json:
        return {"kind": self.kind, **asdict(self)}

    def perform(self) -> Conversation[list[Json]]:
        """The jobs as they ended; empty when there was none to stop.

        :raises JobError: one still moves at ``until``.
        """
        waiting = yield from self._jobs()
        over: list[Json] = []
        asked: set[str] = set()
        if not waiting:
            yield Say("There is no job to stop.")
        while waiting:
            for job_id in tuple(waiting):
                ref = self._ref(job_id)
                job = waiting[job_id] = yield from ask(Job.get.request(**ref.path), retry_for=None)
                if job.get("currentState") in TERMINAL:
                    yield Say(f"{ref} ended as {job['currentState']}.")
                    over.append(waiting.pop(job_id))
                else:
                    yield from self._push(ref, job, asked)
            if waiting and not self.wait and asked >= set(waiting):
                return [*over, *waiting.values()]
            if waiting:
                yield from self._pause(waiting)
        return over

    def _jobs(self) -> Conversation[dict[str, Json]]:
        if self.job_id:
            return {self.job_id: {}}
        request = Job.list.request(projectId=self.project_id, location=self.location, name=self.name, filter="ACTIVE")
        found = items((yield from pages(request)), "jobs")
        return {str(job["id"]): job for job in found if self._is_meant(str(job.get("name", "")))}

    def _is_meant(self, name: str) -> bool:
        return name == self.name if self.name else name.startswith(str(self.prefix))

    def _push(self, ref: JobRef, job: Json, asked: set[str]) -> Conversation[None]:
        """Ask the job to stop, if it was not asked yet, or by force when it takes too long."""
        state = job.get("currentState", UNKNOWN)
        if state == _CANCELLING or (state == _DRAINING and self.drain):
            asked.add(ref.job_id)
            if state == _CANCELLING and self.force_after is not None:
                yield from self._force(ref, job, self.force_after)
        elif ref.job_id not in asked and (yield from request_stop(ref, drain=self.drain and drains(job))):
            asked.add(ref.job_id)

    def _force(self, ref: JobRef, job: Json, after: float) -> Conversation[None]:
        since = (yield Now()) - epoch(job.get("currentStateTime"), missing=math.inf)
        if since < after:
            return
        yield Say(f"{ref} has been cancelling for {since:.0f} s; it is cancelled by force, and may leave resources behind.")
        try:
            yield from request_stop(ref, labels=FORCE)
        except CallError as refused:
            yield Say(f"The service refused: {refused}")

    def _pause(self, waiting: Mapping[str, Json]) -> Conversation[None]:
        if self.until is not None and (yield Now()) >= self.until:
            states = ", ".join(f"{self._ref(job_id)} is in {job.get('currentState', UNKNOWN)}" for job_id, job in waiting.items())
            raise JobError(f"Not everything has stopped in time: {states}.")
        yield Sleep(self.poll_sleep)

    def _ref(self, job_id: str) -> JobRef:
        return JobRef(project_id=self.project_id, location=self.location, job_id=job_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotAction:
    """Take one snapshot of a running streaming job and wait until a job can start from it.

    https://cloud.google.com/dataflow/docs/guides/using-snapshots

    :param mark: a text that no other snapshot's description holds; by it a snapshot whose answer was lost is found again.
    :param ttl: how long it is kept, for example ``604800s``.
    :param sources: snapshot the Pub/Sub sources, too.
    :param wait: False only asks for it.
    :param until: seconds since the epoch at which the wait is over; None waits on.
    """

    kind: ClassVar[str] = "snapshot"
    project_id: str
    location: str
    job_id: str
    mark: str
    ttl: str = "604800s"
    description: str = ""
    sources: bool = False
    wait: bool = True
    until: float | None = None
    poll_sleep: float = budgets.POLL_SLEEP

    def serialize(self) -> Json:
        return {"kind": self.kind, **asdict(self)}

    def perform(self) -> Conversation[Json]:
        """The Snapshot.

        :raises JobError: it failed, or is not ready at ``until``.
        """
        snapshot = (yield from self._found()) or (yield from self._take())
        while self.wait and snapshot.get("state") != "READY":
            if snapshot.get("state") in ("FAILED", "DELETED"):
                raise JobError(f"Snapshot {snapshot['id']} of job {self.job_id} is in state {snapshot['state']}.")
            if self.until is not None and (yield Now()) >= self.until:
                raise JobError(f"Snapshot {snapshot['id']} of job {self.job_id} is not ready in time; it is in {snapshot.get('state')}.")
            yield Sleep(self.poll_sleep)
            request = Snapshot.get.request(projectId=self.project_id, location=self.location, snapshotId=snapshot["id"])
            try:
                snapshot = yield from ask(request, retry_for=None)
            except NotFoundError:  # a new one is not always readable at once; a deleted one is missing from the list as well
                snapshot = (yield from self._found()) or {**snapshot, "state": "DELETED"}
        return snapshot

    def _take(self) -> Conversation[Json]:
        path = JobRef(project_id=self.project_id, location=self.location, job_id=self.job_id).path
        text = f"{self.description} ({self.mark})".strip()
        request = Job.snapshot.request({"ttl": self.ttl, "snapshotSources": self.sources, "description": text}, **path)
        for _ in range(budgets.SENDS):
            try:
                snapshot: Json = yield from ask(request)
            except (NoAnswerError, ServiceError) as error:
                lost = error
                yield Say(f"{error} Looking whether there is a snapshot all the same.")
                found = yield from self._found(budgets.SNAPSHOT_PAUSES)
                if found is None:
                    continue
                snapshot = found
            yield Say(f"Snapshot {snapshot['id']} of job {self.job_id} is in {snapshot.get('state')}.")
            return snapshot
        raise lost

    def _found(self, pauses: tuple[float, ...] = (0.0,)) -> Conversation[Json | None]:
        """The snapshot that this action has taken already."""
        request = Snapshot.list.request(projectId=self.project_id, location=self.location, jobId=self.job_id)
        for pause in pauses:
            if pause:
                yield Sleep(pause)
            for snapshot in items((yield from pages(request)), "snapshots"):
                if self.mark in snapshot.get("description", "") and snapshot.get("state") not in ("FAILED", "DELETED"):
                    return snapshot
        return None


_KINDS: Mapping[str, type[StopAction | SnapshotAction]] = {kind.kind: kind for kind in (StopAction, SnapshotAction)}


def action_of(data: Mapping[str, Any]) -> Action:
    """The inverse of :meth:`Action.serialize`."""
    return _KINDS[data["kind"]](**{name: value for name, value in data.items() if name != "kind"})
