"""Which run is meant, and how it is found: by its id, or by what it runs and since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.rest.ask import ask, items, pages
from airflow_dataflow_ext.api.rest.times import epoch, rfc3339
from airflow_dataflow_ext.api.wave import methods as wave

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json, Request
    from airflow_dataflow_ext.api.rest.steps import Conversation

HANDLE = "030"
"""How the ids begin that a start hands out; the run itself is listed under another id."""

DATASYNC = "datasync"

KIND = 3
"""How many letters at an id's beginning say what kind of thing it is the id of."""


def created(job: Mapping[str, Any]) -> float:
    """When the run was asked for, seconds since the epoch by the service's clock; 0 where the service does not say."""
    return epoch(job.get("createdDate") or job.get("startDate"), missing=0.0)


class Listing:
    """Jobs as a list gave them, found by id and by what they run."""

    def __init__(self, jobs: Iterable[Json]) -> None:
        self.by_id = {str(job["id"]): job for job in jobs if job.get("id")}

    @cached_property
    def _by_source(self) -> dict[str, list[Json]]:
        found: dict[str, list[Json]] = {}
        for job in self.by_id.values():
            found.setdefault(str(wave.source_of(job).get("id", "")), []).append(job)
        return found

    @cached_property
    def _syncs(self) -> list[Json]:
        return [job for job in self.by_id.values() if str(job.get("jobType", "")).lower() == DATASYNC]

    def of(self, source_id: str, *, sync: bool) -> list[Json]:
        """Jobs of a dataflow or of a connector; where no data sync says that it is the connector's, each may be that names no other one."""
        named = self._by_source.get(source_id)
        if named or not sync:
            return named or []
        return [job for job in self._syncs if not str(wave.source_of(job).get("id", "")).startswith(source_id[:KIND])]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRef:
    """One run.

    :param version: of the API, for example ``59.0``.
    :param id: of the job, or the handle that its start gave; empty when there is none.
    :param source_id: the dataflow or, with ``sync``, the connector that it runs.
    :param since: seconds since the epoch by the service's clock, before which it was not there; 0 for unknown.
    :param others: ids of jobs that it is not.
    :param newest: it is always the newest run; else the first one since.
    """

    version: str
    id: str = ""
    source_id: str = ""
    since: float = 0.0
    others: tuple[str, ...] = ()
    sync: bool = False
    newest: bool = False

    @property
    def exact(self) -> bool:
        """Whether the id alone tells it."""
        return bool(self.id) and (not self.id.startswith(HANDLE) or not self.source_id)

    def pick(self, listing: Listing) -> Json | None:
        """The run, if it is in the list."""
        if self.exact or self.id in listing.by_id:
            return listing.by_id.get(self.id)
        jobs = (job for job in listing.of(self.source_id, sync=self.sync) if job["id"] not in self.others and created(job) >= self.since)
        return (max if self.newest else min)(jobs, key=created, default=None)

    def listed(self) -> Request:
        """The list in which it is looked for: small where the version of the API can make it so, else of the last seven days."""
        narrow: dict[str, Any] = {}
        if wave.knows(wave.DataflowJob.list, self.version, "startedAfter"):
            narrow = {"startedAfter": int(self.since), "pageSize": wave.PAGE_SIZE, "jobTypes": "DataSync" if self.sync else None}
        return wave.call(wave.DataflowJob.list, self.version, dataflowId=None if self.sync else self.source_id, **narrow)

    def serialize(self) -> Json:
        """JSON from which :meth:`deserialize` makes the same value."""
        return {**asdict(self), "others": list(self.others)}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> RunRef:
        """The inverse of :meth:`serialize`."""
        return cls(**{**data, "others": tuple(data["others"])})

    def __str__(self) -> str:
        if self.id:
            return f"run {self.id}"
        what = "data sync of" if self.sync else "run of"
        return f"{'newest ' if self.newest else ''}{what} {self.source_id} since {rfc3339(self.since)[:19]} UTC"


def find(run: RunRef, *, retry_for: float | None) -> Conversation[Json | None]:
    """The run as the list shows it, or None when it is not there."""
    bodies = yield from pages(run.listed(), retry_for=retry_for)
    return run.pick(Listing(items(bodies, "dataflowJobs")))


def read(run: RunRef, *, retry_for: float | None) -> Conversation[Json]:
    """The run as it is now; empty while it is only awaited.

    A handle may stop to lead to its run, so the list is asked before it.

    :raises NotFoundError: there is no such job.
    """
    if not run.exact:
        found = yield from find(run, retry_for=retry_for)
        if found is not None or not run.id:
            return found or {}
    job: Json = yield from ask(wave.call(wave.DataflowJob.get, run.version, jobId=run.id), retry_for=retry_for)
    return job
