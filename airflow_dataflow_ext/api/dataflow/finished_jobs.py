"""The ended jobs of a place: how they are listed, and the ledger that ensures that each is reported once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.wait import PAGE_SIZE
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import items, pages
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation
from airflow_dataflow_ext.api.rest.times import epoch_or, rfc3339


def finished_jobs(place: Place, since: float) -> Conversation[list[Json]]:
    """Summaries of the jobs that ended since a time, in the order of their ends; the call is retried until there is an answer.

    :param since: seconds since the epoch, by the service's clock.
    :raises CallError: the service refuses to list.
    """
    span = {"terminationTimeRange.startTime": rfc3339(max(since, 0.0)), "pageSize": PAGE_SIZE}
    request = Job.list.request(**place.path, filter="TERMINATED", **span)
    jobs = items((yield from pages(request, retry_for=None)), "jobs")
    return sorted((job for job in jobs if job.get("id")), key=ended_at)


def ended_at(job: Mapping[str, Any]) -> float:
    """When a job ended, by the service's clock, in seconds since the epoch; 0 if the service does not say."""
    return epoch_or(job.get("currentStateTime"), 0.0)


class Ledger(Struct, kw_only=True):
    """The ends that were reported.

    :param latest: time of the last one.
    :param reported: ids and times, as far back as a list may show them again.
    """

    latest: float
    reported: dict[str, float] = field(default_factory=dict)

    @property
    def since(self) -> float:
        """The time from which jobs must be listed, so that no end is missed."""
        return self.latest - budgets.ENDS_OVERLAP

    def fresh(self, jobs: Sequence[Json]) -> Iterator[Json]:
        """Yields the jobs that were not reported yet, and notes each as reported.

        A job whose end has no time counts as the last one for as long as it is listed.
        """
        since, last = self.since, max(map(ended_at, jobs), default=0.0)
        for job in jobs:
            at, job_id = ended_at(job) or max(last, self.latest), str(job["id"])
            if at < since:
                continue
            is_new = job_id not in self.reported
            self.reported[job_id] = at
            self.latest = max(self.latest, at)
            if is_new:
                yield job
        self.reported = {job_id: at for job_id, at in self.reported.items() if at >= self.since}

    def serialize(self) -> Json:
        """The ledger as JSON; :meth:`deserialize` is the inverse."""
        return {"latest": self.latest, "reported": dict(self.reported)}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> Ledger:
        """The inverse of :meth:`serialize`."""
        return cls(latest=float(data["latest"]), reported={str(job_id): float(at) for job_id, at in data["reported"].items()})
