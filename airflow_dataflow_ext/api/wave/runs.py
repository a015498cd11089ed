"""Finds a run: by its id, or by what it runs and since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from airflow_dataflow_ext.api.rest.ask import ask, items, pages
from airflow_dataflow_ext.api.rest.method import as_json
from airflow_dataflow_ext.api.rest.times import epoch, rfc3339
from airflow_dataflow_ext.api.wave import methods as wave

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json, Request
    from airflow_dataflow_ext.api.rest.steps import Conversation

HANDLE = "030"
"""Prefix of the ids that a start returns; the run itself is listed under another id."""

DATASYNC = "datasync"

KIND = 3
"""Length of an id's prefix, which stands for the kind of object."""


def created(job: Mapping[str, Any]) -> float:
    """When the run was requested, by the service's clock, in seconds since the epoch; 0 if the service does not say.

    :raises ServiceError: its time cannot be read, so nobody knows whether it is the run of a launch.
    """
    date = job.get("createdDate") or job.get("startDate")
    return epoch(date) if date else 0.0


class Listing:
    """The jobs of a list, which can be found by id and by what they run."""

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
        """The jobs of a dataflow or a connector; if no data sync names the connector, those that name no connector are included."""
        named = self._by_source.get(source_id)
        if named or not sync:
            return named or []
        return [job for job in self._syncs if not str(wave.source_of(job).get("id", "")).startswith(source_id[:KIND])]


class RunRef(Struct, frozen=True, kw_only=True):
    """A reference to one run.

    :param version: the API version, for example ``59.0``.
    :param id: id of the job, or the handle that its start returned; empty if unknown.
    :param source_id: id of the dataflow that it runs or, with ``sync``, of the connector.
    :param since: the run is not older than this, in seconds since the epoch by the service's clock; 0 if unknown.
    :param others: ids of jobs that are not this run.
    :param newest: whether the newest run is meant; otherwise the first one since ``since``.
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
        """Whether the id alone identifies the run."""
        return bool(self.id) and (not self.id.startswith(HANDLE) or not self.source_id)

    def pick(self, listing: Listing) -> Json | None:
        """The run, if it is in the list."""
        if self.exact or self.id in listing.by_id:
            return listing.by_id.get(self.id)
        jobs = (job for job in listing.of(self.source_id, sync=self.sync) if job["id"] not in self.others and created(job) >= self.since)
        return (max if self.newest else min)(jobs, key=created, default=None)

    def listed(self) -> Request:
        """The request for the list to search: a short one if the API version allows it, else the last seven days."""
        narrow: dict[str, Any] = {}
        if wave.knows(wave.DataflowJob.list, self.version, "startedAfter"):
            narrow = {"startedAfter": int(self.since), "pageSize": wave.PAGE_SIZE, "jobTypes": "DataSync" if self.sync else None}
        return wave.call(wave.DataflowJob.list, self.version, dataflowId=None if self.sync else self.source_id, **narrow)

    def serialize(self) -> Json:
        """The reference as JSON; :meth:`deserialize` is the inverse."""
        return as_json(self)

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
    """The run as the list shows it, or None if it is not in the list."""
    bodies = yield from pages(run.listed(), retry_for=retry_for)
    return run.pick(Listing(items(bodies, "dataflowJobs")))


def read(run: RunRef, *, retry_for: float | None) -> Conversation[Json]:
    """The run as it is now; empty if it does not exist yet.

    A handle may expire, so the list is searched first.

    :raises NotFoundError: there is no such job.
    """
    if not run.exact:
        found = yield from find(run, retry_for=retry_for)
        if found is not None or not run.id:
            return found or {}
    job: Json = yield from ask(wave.call(wave.DataflowJob.get, run.version, jobId=run.id), retry_for=retry_for)
    return job
