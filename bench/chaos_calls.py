"""Finds the launch that a call belongs to: by the job name in the call, or by the id of a resource that belongs to the launch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from airflow_dataflow_ext.api.dataflow.methods import Job, Snapshot
from airflow_dataflow_ext.api.wave import methods as wave
from bench.chaos_proxy import Call, json_of
from bench.chaos_subjects import SUBJECTS, Group, number_in

READS = {Job.get.id: "jobId", Snapshot.get.id: "snapshotId", wave.DataflowJob.get.id: "jobId"}
"""The calls that a waiting task polls with, and the name of the value that contains the id."""

NAMED = {**READS, wave.Recipe.get.id: "recipeId", **{subject.start.id: subject.named for subject in SUBJECTS.values()}}
ALIASES = ("id", "job.id", "source.id", "targetDataflowId")
"""The fields of an answer that contain further ids of the same launch."""


class Launches:
    """The launches of a run, with the ids that belong to them and the times at which they began."""

    def __init__(self, groups: Iterable[Group]) -> None:
        self.began: dict[int, float] = {}
        """When the call of each launch first had its effect, in seconds since the epoch."""
        self._starts = {number: SUBJECTS[group.subject].start.id for group in groups for number in group.numbers}
        self._ids: dict[str, int] = {}

    def know(self, id: str, number: int) -> None:
        """Note that the resource with this id belongs to the launch."""
        self._ids[id] = number

    def number(self, call: Call) -> int | None:
        """The number of the launch that the call belongs to, or None if that is not known yet."""
        return self._known(_at(call.values, NAMED.get(call.method, "")))

    def is_started_by(self, call: Call) -> bool:
        """Whether this call has the effect of its launch."""
        number = self.number(call)
        return number is not None and self._starts.get(number) == call.method

    def learn(self, call: Call, answer: bytes) -> None:
        """Note the ids in an answer; an empty answer was lost after the call had its effect."""
        if call.method not in NAMED:
            return
        reply = json_of(answer)
        names = [name for name in (_at(reply, alias) for alias in ALIASES) if name]
        numbers = (self.number(call), *map(self._known, names))
        number = next((number for number in numbers if number is not None), None)
        if number is None:
            return
        self._ids.update(dict.fromkeys(names, number))
        if self.is_started_by(call) and (answer in (b"", b"{}") or (reply and "error" not in reply)):
            self.began.setdefault(number, time.time())

    def _known(self, name: str) -> int | None:
        return self._ids.get(name, number_in(name))


def _at(values: Mapping[str, Any], path: str) -> str:
    """The text at a dotted path, or an empty text."""
    found: Any = values
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""
