"""The jobs of the emulated service, and how they are found; ``lifecycle`` changes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from airflow_dataflow_ext.api.dataflow.states import DATAFLOW, TERMINAL
from airflow_dataflow_ext.emulator.dataflow.schema import lean
from airflow_dataflow_ext.emulator.engines.contract import Work
from airflow_dataflow_ext.emulator.http.errors import missing, short

Json = dict[str, Any]
Place = tuple[str, str]
"""Project and location."""

_IDENTITY = ("id", "projectId", "location", "name", "type")
_SUMMARY = frozenset((*_IDENTITY, "currentState", "currentStateTime", "createTime", "startTime", "jobMetadata", "stageStates"))
_NOT_DESCRIBED = frozenset(("steps", "stepsLocation", "executionInfo", "tempFiles"))
_ENVIRONMENT_IN_FULL_ONLY = frozenset(("sdkPipelineOptions", "internalExperiments", "workerPools"))


@dataclass(slots=True, eq=False, kw_only=True)
class JobRecord:
    """One job.

    :param fields: the whole Job as the API shows it, including defaults.
    :param veiled: fields that appear once the launcher of a Flex template has run.
    :param created: when it was created, in seconds since 1970.
    :param ended: when it ended, in seconds since 1970.
    :param shown_from: when readers begin to see it.
    :param replaces: the job that this one replaces once it runs.
    :param changed: whether it has changed since it was last saved.
    """

    fields: Json
    work: Work
    sequence: int
    created: float
    shown_from: float
    veiled: Json = field(default_factory=dict)
    replaces: JobRecord | None = None
    ended: float | None = None
    cancelling_since: float | None = None
    messages: list[Json] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    metrics: list[Json] = field(default_factory=list)
    stages: list[Json] = field(default_factory=list)
    stacks: list[Json] = field(default_factory=list)
    worker_logs: list[Json] = field(default_factory=list)
    changed: bool = True
    _summary: bytes | None = None

    @property
    def id(self) -> str:
        return str(self.fields["id"])

    @property
    def name(self) -> str:
        return str(self.fields["name"])

    @property
    def state(self) -> str:
        return str(self.fields["currentState"])

    @property
    def type(self) -> str:
        return str(self.fields.get("type", ""))

    @property
    def place(self) -> Place:
        return self.fields["projectId"], self.fields["location"]

    @property
    def is_terminal(self) -> bool:
        return self.state in TERMINAL

    def change(self, **fields: Any) -> None:
        """Set fields of the Job."""
        self.fields.update(fields)
        self._summary = None
        self.changed = True

    def unveil(self) -> None:
        """Show the fields that the launcher has found out; fields that it reported itself are kept."""
        veiled, self.veiled = self.veiled, {}
        self.change(**{**veiled, **{name: self.fields[name] for name in veiled if self.fields.get(name)}})

    def view(self, name: str) -> Json:
        """The Job in a JobView."""
        if name == "JOB_VIEW_ALL":
            return self.fields
        if name == "JOB_VIEW_DESCRIPTION":
            described = {key: value for key, value in self.fields.items() if key not in _NOT_DESCRIBED}
            if "environment" in described:
                environment = described["environment"].items()
                described["environment"] = {key: value for key, value in environment if key not in _ENVIRONMENT_IN_FULL_ONLY}
            return described
        return {key: value for key, value in self.fields.items() if key in _SUMMARY}

    def summary(self) -> bytes:
        """The entry in a list, serialized; it is cached, because lists of thousands of jobs are read every few seconds."""
        if self._summary is None:
            self._summary = json.dumps(lean("Job", self.view("JOB_VIEW_SUMMARY")), separators=(",", ":")).encode()
        return self._summary


class Jobs:
    """All jobs, by id, by place, and the active ones by name."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._by_id: dict[str, JobRecord] = {}
        self._active: dict[Place, dict[str, JobRecord]] = {}
        self._ended: dict[Place, dict[str, JobRecord]] = {}
        self._named: dict[tuple[Place, str], list[JobRecord]] = {}

    def __iter__(self) -> Iterator[JobRecord]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, record: JobRecord) -> None:
        self._by_id[record.id] = record
        shelf = self._ended if record.is_terminal else self._active
        shelf.setdefault(record.place, {})[record.id] = record
        if not record.is_terminal:
            self._named.setdefault((record.place, record.name), []).append(record)

    def reshelve(self, record: JobRecord) -> None:
        """Move a known job to the index of its current state."""
        if record.id in self._by_id:
            self.remove(record)
            self.add(record)

    def remove(self, record: JobRecord) -> None:
        self._by_id.pop(record.id, None)
        for shelf in (self._active, self._ended):
            shelf.get(record.place, {}).pop(record.id, None)
        twins = self._named.get((record.place, record.name), [])
        if record in twins:
            twins.remove(record)

    def get(self, job_id: str) -> JobRecord | None:
        """A job by its id alone, even if readers do not see it yet."""
        return self._by_id.get(job_id)

    def find(self, place: Place, job_id: str) -> JobRecord:
        """A job as a reader sees it.

        :raises ApiError: 404.
        """
        record = self._by_id.get(job_id)
        if record is None or record.place != place or record.shown_from > self._now():
            where = "project {}, location {}".format(*place)
            raise missing(f"Information about job {job_id} could not be found in our system ({where}). Check the job id")
        return record

    def active_twins(self, place: Place, name: str) -> list[JobRecord]:
        """Active jobs of this name: at most one, or two while one replaces the other."""
        return list(self._named.get((place, name), ()))

    def active(self, place: Place) -> list[JobRecord]:
        """The active jobs that readers see, newest first."""
        return self._seen(self._active.get(place, {}))

    def count_active(self, project: str) -> int:
        """Number of active jobs of the project in all locations."""
        return sum(len(jobs) for (owner, _), jobs in self._active.items() if owner == project)

    def ended(self, place: Place) -> list[JobRecord]:
        """The ended jobs; the one that ended last comes first."""
        return self._seen(self._ended.get(place, {}))

    def locations(self, project: str) -> list[str]:
        """The locations in which the project has or had jobs."""
        places = [place for shelf in (self._active, self._ended) for place, jobs in shelf.items() if jobs]
        return sorted({location for owner, location in places if owner == project})

    def _seen(self, shelf: dict[str, JobRecord]) -> list[JobRecord]:
        now = self._now()
        return [record for record in reversed(shelf.values()) if record.shown_from <= now]


def known_state(name: str) -> str:
    """Check the name of a state.

    :raises ValueError: there is no such state.
    """
    if name not in DATAFLOW:
        raise ValueError(f"{short(name)} is not a job state; the states are {', '.join(DATAFLOW)}")
    return name
