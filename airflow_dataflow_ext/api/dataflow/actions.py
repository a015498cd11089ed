"""The actions on Dataflow jobs: stop jobs, take a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct

from airflow_dataflow_ext.api.dataflow.bodies import read_body
from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.methods import Job, Snapshot
from airflow_dataflow_ext.api.dataflow.stop import StoppableJob, check_force_after
from airflow_dataflow_ext.api.dataflow.where import at_job
from airflow_dataflow_ext.api.jobs.action import Action
from airflow_dataflow_ext.api.jobs.stop import stop_jobs
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask, items, pages
from airflow_dataflow_ext.api.rest.errors import CallError, JobError, NotFoundError, lost
from airflow_dataflow_ext.api.rest.method import Json, as_json
from airflow_dataflow_ext.api.rest.steps import Conversation, Now, Say, Sleep


class StopAction(Struct, frozen=True, kw_only=True):
    """Stop jobs and wait until they have ended, in whichever state.

    https://cloud.google.com/dataflow/docs/guides/stopping-a-pipeline

    :param drain: drain streaming jobs; batch jobs are always cancelled.
    :param until: when to stop waiting, in seconds since the epoch; None waits without a limit.
    :param wait: False asks the jobs to stop without waiting.
    :param force_after: seconds after which a job that is still being cancelled is cancelled by force, which may leave resources behind.
    :raises InvalidInputError: ``force_after`` is too short.
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
        """Stop the jobs; returns them as they ended.

        :raises CallError: the service refused to stop the only job.
        :raises JobError: the service refused to stop some jobs, or some have not ended by ``until``.
        """
        jobs = [StoppableJob(job=self.place.job(job_id), drain=self.drain, force_after=self.force_after) for job_id in self.job_ids]
        return stop_jobs(jobs, wait=self.wait, until=self.until, poll_sleep=self.poll_sleep)

    def xcoms(self, result: list[Json]) -> Json:
        """Empty: the jobs are the result."""
        return {}

    def serialize(self) -> Json:
        return {"kind": self.kind, **as_json(self)}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> StopAction:
        """The inverse of :meth:`serialize`."""
        return cls(**{**data, "place": Place(**data["place"]), "job_ids": tuple(data["job_ids"])})


class SnapshotAction(Struct, frozen=True, kw_only=True):
    """Take one snapshot of a running streaming job and wait until a job can start from it.

    https://cloud.google.com/dataflow/docs/guides/using-snapshots

    :param mark: a text that no other snapshot's description contains, by which a snapshot is found if the answer was lost.
    :param ttl: how long the service keeps the snapshot, for example ``604800s``.
    :param sources: also snapshot the Pub/Sub sources.
    :param wait: False does not wait until the snapshot is ready.
    :param until: when to stop waiting, in seconds since the epoch; None waits without a limit.
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
        return {"kind": self.kind, **as_json(self)}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> SnapshotAction:
        """The inverse of :meth:`serialize`."""
        return cls(**{**data, "job": JobRef.deserialize(data["job"])})

    def perform(self) -> Conversation[Json]:
        """Take the snapshot; returns the Snapshot.

        :raises JobError: it failed, or is not ready by ``until``.
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
            except NotFoundError:  # a new snapshot cannot always be read at once; a deleted one is missing from the list, too
                snapshot = (yield from self._found()) or {**snapshot, "state": "DELETED"}
        yield Say(self._end_of(snapshot))
        return snapshot

    def xcoms(self, result: Json) -> Json:
        """The snapshot's id."""
        return {"snapshot_id": result["id"]}

    def _end_of(self, snapshot: Json) -> str:
        """Log how the action ended."""
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
            except CallError as error:
                if not lost(error):
                    raise
                last = error
                yield Say(f"{error} Checking whether there is a snapshot all the same.")
                found = yield from self._found(budgets.SNAPSHOT_PAUSES)
                if found is None:
                    continue
                snapshot = found
            yield Say(f"Snapshot {snapshot['id']} of {self.job} has begun.")
            return snapshot
        raise last

    def _found(self, pauses: tuple[float, ...] = (0.0,)) -> Conversation[Json | None]:
        """The snapshot that this action has already taken, or None."""
        request = Snapshot.list.request(**self.job.place.path, jobId=self.job.id)
        for pause in pauses:
            if pause:
                yield Sleep(pause)
            for snapshot in items((yield from pages(request)), "snapshots"):
                is_ours = snapshot.get("id") and self.mark in str(snapshot.get("description"))
                if is_ours and snapshot.get("state") not in ("FAILED", "DELETED"):
                    return snapshot
        return None


_KINDS: Mapping[str, type[StopAction | SnapshotAction]] = {kind.kind: kind for kind in (StopAction, SnapshotAction)}


def action_of(data: Mapping[str, Any]) -> Action:
    """The inverse of an action's ``serialize``."""
    return _KINDS[data["kind"]].deserialize({name: value for name, value in data.items() if name != "kind"})
