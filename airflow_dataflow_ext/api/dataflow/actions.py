"""The actions on Dataflow jobs: stop some, take a snapshot of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from airflow_dataflow_ext.api.dataflow.bodies import read_body
from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.methods import Job, Snapshot
from airflow_dataflow_ext.api.dataflow.stop import StoppableJob, check_force_after
from airflow_dataflow_ext.api.dataflow.where import at_job
from airflow_dataflow_ext.api.jobs.action import Action
from airflow_dataflow_ext.api.jobs.stop import stop_jobs
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask, items, pages
from airflow_dataflow_ext.api.rest.errors import JobError, NoAnswerError, NotFoundError, ServiceError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Now, Say, Sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAction:
    """Stop some jobs and wait until they have ended, however they end.

    https://cloud.google.com/dataflow/docs/guides/stopping-a-pipeline

    :param drain: let streaming jobs finish what they have read; batch jobs are cancelled all the same.
    :param until: seconds since the epoch at which the wait is over; None waits on.
    :param wait: False only asks.
    :param force_after: seconds of cancelling after which a job is cancelled by force, which may leave resources behind.
    :raises InvalidInputError: ``force_after`` is too early.
    """

    kind: ClassVar[str] = "stop"
    place: Place
    job_ids: tuple[str, ...]
    drain: bool = True
    wait: bool = True
    until: float | None = None
    force_after: float | None = None
    poll_sleep: float = budgets.POLL_SLEEP

    def __post_init__(self) -> None:
        check_force_after(self.force_after)

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do."""
        return not self.job_ids

    def perform(self) -> Conversation[list[Json]]:
        """The jobs as they ended.

        :raises CallError: the service refused to stop the only one.
        :raises JobError: the service refused to stop some, or some still move at ``until``.
        """
        jobs = [StoppableJob(job=self.place.job(job_id), drain=self.drain, force_after=self.force_after) for job_id in self.job_ids]
        return stop_jobs(jobs, wait=self.wait, until=self.until, poll_sleep=self.poll_sleep)

    def xcoms(self, result: list[Json]) -> Json:
        """None beside the jobs."""
        return {}

    def serialize(self) -> Json:
        return {"kind": self.kind, **asdict(self), "job_ids": list(self.job_ids)}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> StopAction:
        """The inverse of :meth:`serialize`."""
        return cls(**{**data, "place": Place(**data["place"]), "job_ids": tuple(data["job_ids"])})


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
    job: JobRef
    mark: str
    ttl: str = "604800s"
    description: str = ""
    sources: bool = False
    wait: bool = True
    until: float | None = None
    poll_sleep: float = budgets.POLL_SLEEP

    is_done: ClassVar[bool] = False
    """There is always something to do."""

    def serialize(self) -> Json:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> SnapshotAction:
        """The inverse of :meth:`serialize`."""
        return cls(**{**data, "job": JobRef.deserialize(data["job"])})

    def perform(self) -> Conversation[Json]:
        """The Snapshot.

        :raises JobError: it failed, or is not ready at ``until``.
        """
        snapshot = (yield from self._found()) or (yield from self._take())
        while self.wait and snapshot.get("state") != "READY":
            if snapshot.get("state") in ("FAILED", "DELETED"):
                raise JobError(f"Snapshot {snapshot['id']} of {self.job} is in state {snapshot['state']}.")
            if self.until is not None and (yield Now()) >= self.until:
                raise JobError(f"Snapshot {snapshot['id']} of {self.job} is not ready in time; it is in {snapshot.get('state')}.")
            yield Sleep(self.poll_sleep)
            request = Snapshot.get.request(**self.job.place.path, snapshotId=snapshot["id"])
            try:
                snapshot = yield from ask(request, retry_for=None)
            except NotFoundError:  # a new one is not always readable at once; a deleted one is missing from the list as well
                snapshot = (yield from self._found()) or {**snapshot, "state": "DELETED"}
        yield Say(self._end_of(snapshot))
        return snapshot

    def xcoms(self, result: Json) -> Json:
        """The snapshot's id."""
        return {"snapshot_id": result["id"]}

    def _end_of(self, snapshot: Json) -> str:
        """How the action has ended, for the log."""
        text = f"Snapshot {snapshot['id']} of {self.job} is in {snapshot.get('state')}"
        if snapshot.get("state") != "READY":
            return f"{text}; the task does not wait until a job can start from it."
        return f"{text}: a job can start from it ({int(snapshot.get('diskSizeBytes') or 0):,} bytes)."

    def _take(self) -> Conversation[Json]:
        text = f"{self.description} ({self.mark})".strip()
        body = read_body("SnapshotJobRequest", {"ttl": self.ttl, "snapshotSources": self.sources, "description": text}, "snapshot")
        request = Job.snapshot.request(body, **self.job.path)
        for _ in range(budgets.SENDS):
            try:
                snapshot: Json = yield from at_job(self.job, ask(request))
            except (NoAnswerError, ServiceError) as error:
                if not error.sent:
                    raise
                lost = error
                yield Say(f"{error} Looking whether there is a snapshot all the same.")
                found = yield from self._found(budgets.SNAPSHOT_PAUSES)
                if found is None:
                    continue
                snapshot = found
            yield Say(f"Snapshot {snapshot['id']} of {self.job} has begun.")
            return snapshot
        raise lost

    def _found(self, pauses: tuple[float, ...] = (0.0,)) -> Conversation[Json | None]:
        """The snapshot that this action has taken already."""
        request = Snapshot.list.request(**self.job.place.path, jobId=self.job.id)
        for pause in pauses:
            if pause:
                yield Sleep(pause)
            for snapshot in items((yield from pages(request)), "snapshots"):
                if self.mark in snapshot.get("description", "") and snapshot.get("state") not in ("FAILED", "DELETED"):
                    return snapshot
        return None


_KINDS: Mapping[str, type[StopAction | SnapshotAction]] = {kind.kind: kind for kind in (StopAction, SnapshotAction)}


def action_of(data: Mapping[str, Any]) -> Action:
    """The inverse of an action's ``serialize``."""
    return _KINDS[data["kind"]].deserialize({name: value for name, value in data.items() if name != "kind"})
