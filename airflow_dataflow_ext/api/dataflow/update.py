"""Changes of a job in place by ``jobs.update``, other than a requested state."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field
from msgspec.structs import force_setattr

from airflow_dataflow_ext.api.dataflow.bodies import read_field
from airflow_dataflow_ext.api.dataflow.fields import FIELDS
from airflow_dataflow_ext.api.dataflow.job import JobRef
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.states import UNKNOWN
from airflow_dataflow_ext.api.dataflow.where import at_job
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.method import Json, Request
from airflow_dataflow_ext.api.rest.steps import Conversation, Say
from airflow_dataflow_ext.api.rest.texts import shortened, shown
from airflow_dataflow_ext.api.rest.values import read

LATENCY_TIERS = ("low-latency", "medium-latency", "high-latency")
_MOST_WORKERS = 1000
_LEAST_HINT, _MOST_HINT = 0.1, 0.9
LONGEST_TEXT = 300
"""Greatest length of a change in the log, in characters."""
_PARAMETERS, _PROPERTIES = "runtime_updatable_params", "job_metadata.user_display_properties"


class JobUpdate(Struct, frozen=True, kw_only=True):
    """A change of a job. Fields that are None change nothing; text is read as the type of its field.

    https://cloud.google.com/dataflow/docs/guides/updating-a-pipeline and https://cloud.google.com/dataflow/docs/guides/archive-jobs

    :param min_num_workers: smallest number of workers, for a running streaming job with Streaming Engine, like ``max_num_workers``.
    :param worker_utilization_hint: CPU utilization that autoscaling aims at, 0.1 to 0.9.
    :param latency_tier: one of :data:`LATENCY_TIERS`.
    :param archived: for a job that has ended: hide it from lists, or show it again.
    :param display_properties: other properties that the console shows.
    :raises InvalidInputError: nothing changes, or a value is out of range.
    """

    min_num_workers: Any = None
    max_num_workers: Any = None
    worker_utilization_hint: Any = None
    latency_tier: str | None = None
    archived: Any = None
    display_properties: Any = field(default_factory=dict)

    def __post_init__(self) -> None:
        for camel, name, value in self._parameters:
            force_setattr(self, name, read_field("RuntimeUpdatableParams", camel, value, name))
        force_setattr(self, "archived", read("boolean", self.archived, "archived", FIELDS))
        properties = read_field("JobMetadata", "userDisplayProperties", self.display_properties, "display_properties")
        force_setattr(self, "display_properties", properties or {})
        if not self._parameters and not self._properties:
            raise InvalidInputError(
                "nothing is to be changed: give workers, worker_utilization_hint, latency_tier, archived or display_properties"
            )
        low, high = self.min_num_workers, self.max_num_workers
        for name, value in (("min_num_workers", low), ("max_num_workers", high)):
            if value is not None and not 1 <= value <= _MOST_WORKERS:
                raise InvalidInputError(f"{name} must lie between 1 and {_MOST_WORKERS}, not {value}")
        if low is not None and high is not None and low > high:
            raise InvalidInputError(f"min_num_workers ({low}) must not be more than max_num_workers ({high})")
        hint = self.worker_utilization_hint
        if hint is not None and not _LEAST_HINT <= hint <= _MOST_HINT:
            raise InvalidInputError(f"worker_utilization_hint must lie between {_LEAST_HINT} and {_MOST_HINT}, not {hint}")
        if self.latency_tier is not None and self.latency_tier not in LATENCY_TIERS:
            raise InvalidInputError(f"latency_tier must be one of {', '.join(LATENCY_TIERS)}, not {shown(self.latency_tier)}")

    def __str__(self) -> str:
        changes = {**{snake: value for _, snake, value in self._parameters}, **self._properties}
        return ", ".join(f"{name}={value}" for name, value in changes.items())

    def perform(self, job: JobRef) -> Conversation[Json]:
        """Send the change, and log it and its result; returns the Job.

        :raises CallError: the service refuses, or there is no such job.
        """
        yield Say(f"Changing {job}: {shortened(str(self), LONGEST_TEXT)}")
        changed: Json = yield from at_job(job, ask(self.request(job)))
        yield Say(f"The service has accepted the change of {job}, which is in {changed.get('currentState', UNKNOWN)}.")
        return changed

    def request(self, job: JobRef) -> Request:
        """The request for the change, whose mask names exactly its fields."""
        body: dict[str, Any] = {}
        if self._parameters:
            body["runtimeUpdatableParams"] = {camel: value for camel, _, value in self._parameters}
        if self._properties:
            body["jobMetadata"] = {"userDisplayProperties": self._properties}
        mask = [f"{_PARAMETERS}.{snake}" for _, snake, _ in self._parameters] + [f"{_PROPERTIES}.{name}" for name in self._properties]
        return Job.update.request(body, **job.path, updateMask=",".join(mask))

    @property
    def _parameters(self) -> list[tuple[str, str, Any]]:
        known = (
            ("minNumWorkers", "min_num_workers", self.min_num_workers),
            ("maxNumWorkers", "max_num_workers", self.max_num_workers),
            ("workerUtilizationHint", "worker_utilization_hint", self.worker_utilization_hint),
            ("latencyTier", "latency_tier", self.latency_tier),
        )
        return [row for row in known if row[2] is not None]

    @property
    def _properties(self) -> dict[str, str]:
        archived = {} if self.archived is None else {"archived": str(self.archived).lower()}
        return {**self.display_properties, **archived}
