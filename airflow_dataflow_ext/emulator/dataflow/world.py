"""The state of the emulated Dataflow, the form of a call to it, and the table of the functions that answer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.emulator.dataflow.capacity import Capacity
from airflow_dataflow_ext.emulator.dataflow.jobs import JobRecord, Jobs, Json, Place
from airflow_dataflow_ext.emulator.engines.contract import Engine
from airflow_dataflow_ext.emulator.google.objects import Objects
from airflow_dataflow_ext.emulator.http.answers import Answers
from airflow_dataflow_ext.emulator.http.clock import Clock
from airflow_dataflow_ext.emulator.http.payload import change


@dataclass(kw_only=True)
class Settings(Capacity):
    """Behavior that the service does not document, or that varies; :class:`Capacity` sets how full the service is.

    :param read_lag: seconds of the clock for which readers do not see a new job.
    :param page_size: entries per page if a call names no size.
    :param page_cap: greatest number of entries per page.
    :param failed_locations: regions that ``jobs.aggregated`` cannot reach.
    :param snapshot_seconds: seconds until a snapshot is ready.
    """

    read_lag: float = 0.0
    page_size: int = 100
    page_cap: int = 1000
    failed_locations: frozenset[str] = frozenset()
    snapshot_seconds: float = 4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        numbers: tuple[object, ...] = (self.read_lag, self.page_size, self.page_cap, self.snapshot_seconds)
        if not all(isinstance(number, (int, float)) and number >= 0 for number in numbers) or not self.page_size or not self.page_cap:
            raise ValueError(f"read_lag and snapshot_seconds must be at least 0, page_size and page_cap at least 1, not {numbers}")
        self.failed_locations = frozenset(self.failed_locations)

    def change(self, **changes: Any) -> None:
        """Change settings by their names: all of them or, on an error, none.

        :raises ValueError: there is no such setting, or a value is wrong.
        """
        change(self, changes)

    def to_json(self) -> Json:
        return {**vars(self), "failed_locations": sorted(self.failed_locations)}


@dataclass(kw_only=True)
class World:
    """The state of the emulated service.

    :param pipelines: by full name, the Pipeline and the ids of its jobs.
    """

    clock: Clock
    engine: Engine
    objects: Objects
    settings: Settings = field(default_factory=Settings)
    snapshots: dict[str, Json] = field(default_factory=dict)
    leases: dict[tuple[str, str], Json] = field(default_factory=dict)
    pipelines: dict[str, Json] = field(default_factory=dict)
    sequence: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.jobs = Jobs(self.clock.now)
        self._first_settings = vars(copy.deepcopy(self.settings))

    def reset_settings(self) -> None:
        """Give the settings the values again that they had at the start."""
        self.settings.change(**copy.deepcopy(self._first_settings))

    def page_size(self, asked: int | None) -> int:
        return min(asked or self.settings.page_size, self.settings.page_cap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One checked call.

    :param location: the location in the path, else in the query or the body, else the service's default.
    :param named: whether the call names the location.
    """

    method: Method
    project: str
    location: str
    named: bool
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Json

    @property
    def place(self) -> Place:
        return self.project, self.location

    @property
    def question(self) -> Mapping[str, Any]:
        """What a page token belongs to: the method and the query."""
        return {"": self.method.id, **self.path, **self.query}

    def job(self, world: World) -> JobRecord:
        """The job that the path names.

        :raises ApiError: 404.
        """
        return world.jobs.find(self.place, self.path["jobId"])


answers: Answers[Callable[[World, Call], Json | bytes]] = Answers()
"""The functions that answer the methods; bytes are a body that is already serialized."""
