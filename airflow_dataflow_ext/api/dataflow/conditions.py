"""What a sensor can wait for other than a job's state: metrics, messages, autoscaling events, progress, or a snapshot."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Protocol

from msgspec import Struct, field

from airflow_dataflow_ext.api.dataflow.job import JobRef
from airflow_dataflow_ext.api.dataflow.methods import Job, Message, Snapshot
from airflow_dataflow_ext.api.rest.ask import ask, items, pages
from airflow_dataflow_ext.api.rest.errors import InvalidInputError, JobError
from airflow_dataflow_ext.api.rest.method import Json, as_json, part
from airflow_dataflow_ext.api.rest.steps import Conversation
from airflow_dataflow_ext.api.rest.texts import shown


class Seen(Struct, frozen=True):
    """What one check of a condition has shown.

    :param text: a sentence for the log about the progress.
    :param found: what the sensor waits for, once it is there.
    :param doubtful: whether nothing that the job shows can meet the condition, as after a misspelling.
    """

    text: str
    found: Any = None
    doubtful: bool = False


class Condition(Protocol):
    """A condition that can be checked."""

    of_job: ClassVar[bool]
    """Whether the condition is about a job."""

    @property
    def last_chance(self) -> bool:
        """Whether to check once more after the job has ended."""

    def check(self, at: JobRef, *, retry_for: float | None) -> Conversation[Seen]:
        """Check the condition once.

        :raises JobError: it can no longer be met.
        """

    def serialize(self) -> Json:
        """The condition as JSON; :func:`condition_of` is the inverse."""


def mark_of(entries: Any) -> str:
    """A short text that changes when the entries change."""
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()[:16]


NOTHING = mark_of([])
_WORDS = {"metrics": "metrics", "jobMessages": "messages", "autoscalingEvents": "autoscaling events"}
MOST_NAMES = 20
"""Greatest number of names in a text."""


class Entries(Struct, frozen=True, kw_only=True):
    """Entries that the service lists for a job, once they differ from those seen before.

    :param of: ``metrics`` (MetricUpdate), ``jobMessages`` (JobMessage) or ``autoscalingEvents`` (AutoscalingEvent).
    :param seen: :func:`mark_of` the entries that were seen before.
    """

    kind: ClassVar[str] = "entries"
    of_job: ClassVar[bool] = True
    last_chance: ClassVar[bool] = False
    of: str
    seen: str = NOTHING

    def check(self, at: JobRef, *, retry_for: float | None) -> Conversation[Seen]:
        method = Job.get_metrics if self.of == "metrics" else Message.list
        found = list(items((yield from pages(method.request(**at.path), retry_for=retry_for)), self.of))
        text = f"The job has {len(found) or 'no'} {_WORDS[self.of]}{'' if found else ' yet'}."
        return Seen(text, None if mark_of(found) == self.seen else found)

    def serialize(self) -> Json:
        return {"kind": self.kind, **as_json(self)}


class MetricReached(Struct, frozen=True, kw_only=True):
    """A metric that has reached a value; its MetricUpdate is what is found.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/MetricUpdate

    :param metric: name of the metric, for example ``TotalVcpuTime``, or of a counter of the pipeline.
    :param context: entries that the metric's context must have, for example ``{"step": "s3"}``; of several metrics, the largest counts.
    :param tentative: accept tentative values, which arrive earlier and may decrease again; otherwise only committed values count.
    """

    kind: ClassVar[str] = "metric"
    of_job: ClassVar[bool] = True
    last_chance: ClassVar[bool] = True
    metric: str
    at_least: float
    tentative: bool = False
    context: Mapping[str, str] = field(default_factory=dict)

    def check(self, at: JobRef, *, retry_for: float | None) -> Conversation[Seen]:
        reply: Json = yield from ask(Job.get_metrics.request(**at.path), retry_for=retry_for)
        metrics = [metric for metric in items([reply], "metrics") if _is_number(metric.get("scalar"))]
        if not metrics:
            return Seen("The job has no metrics yet.")
        named = [metric for metric in metrics if part(metric, "name").get("name") == self.metric]
        if not named:
            names = {str(part(metric, "name").get("name")) for metric in metrics}
            return Seen(f"The job has no metric {shown(self.metric)}{_near(self.metric, names)}", doubtful=True)
        meant = [metric for metric in named if self.context.items() <= _context(metric).items()]
        if not meant:
            texts = {_text(_context(metric)) for metric in named}
            return Seen(f"Metric {self.metric} has no context {_text(self.context)}{_near(_text(self.context), texts)}", doubtful=True)
        return self._reached(meant)

    def _reached(self, meant: list[Json]) -> Seen:
        """Compare the largest value that counts."""
        counting = [metric for metric in meant if self.tentative or _context(metric).get("tentative") != "true"]
        largest = max(counting or meant, key=lambda metric: float(metric["scalar"]))
        text = f"Metric {self.metric} is {_figure(largest['scalar'])}; waited for: {_figure(self.at_least)}"
        if not counting:
            return Seen(f"{text}. That value is tentative, and counts only with tentative=True.")
        return Seen(f"{text}.", largest if largest["scalar"] >= self.at_least else None)

    def serialize(self) -> Json:
        return {"kind": self.kind, **as_json(self)}


class ProgressReached(Struct, frozen=True, kw_only=True):
    """A part of the work that is done; the fraction is what is found. The service estimates it, for batch jobs only.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs/getExecutionDetails

    :param at_least: from 0 to 1.
    :param stage: id of a stage; None takes the mean of all stages that the service lists.
    """

    kind: ClassVar[str] = "progress"
    of_job: ClassVar[bool] = True
    last_chance: ClassVar[bool] = True
    at_least: float
    stage: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.at_least <= 1:
            raise InvalidInputError(f"at_least must be from 0 to 1, not {shown(self.at_least)}")

    def check(self, at: JobRef, *, retry_for: float | None) -> Conversation[Seen]:
        bodies = yield from pages(Job.get_execution_details.request(**at.path), retry_for=retry_for)
        known = list(items(bodies, "stages"))
        if not known:
            return Seen("The job shows no stages yet.")
        stages = [stage for stage in known if self.stage in (None, stage.get("stageId"))]
        if not stages:
            names = {str(stage.get("stageId")) for stage in known}
            return Seen(f"The job has no stage {shown(self.stage)}{_near(str(self.stage), names)}", doubtful=True)
        done = sum(map(_done, stages)) / len(stages)
        text = f"{f'Stage {self.stage}' if self.stage else 'The job'} is {done:.0%} done; waited for: {self.at_least:.0%}."
        return Seen(text, done if done >= self.at_least else None)

    def serialize(self) -> Json:
        return {"kind": self.kind, **as_json(self)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _figure(value: float) -> str:
    """A number as text; a whole number has no fraction."""
    return f"{int(value):,}" if float(value).is_integer() else f"{value:,}"


def _context(metric: Json) -> dict[str, Any]:
    return part(part(metric, "name"), "context")


def _text(context: Mapping[str, Any]) -> str:
    """A metric's context as text, without the entry ``tentative``."""
    return json.dumps({name: value for name, value in context.items() if name != "tentative"}, sort_keys=True)


def _near(given: str, known: Collection[str]) -> str:
    """The end of a sentence about an unknown name: which name may be meant, and which there are."""
    near = get_close_matches(given, known, n=1)
    more = f", and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    return f"{f'; did you mean {near[0]}?' if near else '.'} There is {', '.join(sorted(known)[:MOST_NAMES])}{more}."


def _done(stage: Json) -> float:
    if stage.get("state") == "EXECUTION_STATE_SUCCEEDED":
        return 1.0
    done: Any = part(stage, "progress").get("currentProgress")
    return float(done) if _is_number(done) else 0.0


class SnapshotReady(Struct, frozen=True, kw_only=True):
    """A snapshot that a job can start from; the Snapshot is what is found.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.snapshots
    """

    kind: ClassVar[str] = "snapshot"
    of_job: ClassVar[bool] = False
    last_chance: ClassVar[bool] = True
    snapshot_id: str

    def check(self, at: JobRef, *, retry_for: float | None) -> Conversation[Seen]:
        request = Snapshot.get.request(**at.place.path, snapshotId=self.snapshot_id)
        snapshot: Json = yield from ask(request, retry_for=retry_for)
        if snapshot.get("state") in ("FAILED", "DELETED"):
            raise JobError(f"Snapshot {self.snapshot_id} in {at.place} is in state {snapshot['state']}.")
        text = f"Snapshot {self.snapshot_id} in {at.place} is in state {snapshot.get('state')}."
        return Seen(text, snapshot if snapshot.get("state") == "READY" else None)

    def serialize(self) -> Json:
        return {"kind": self.kind, **as_json(self)}


_KINDS: Mapping[str, Any] = {kind.kind: kind for kind in (Entries, MetricReached, ProgressReached, SnapshotReady)}


def condition_of(data: Mapping[str, Any]) -> Condition:
    """The inverse of :meth:`Condition.serialize`."""
    condition: Condition = _KINDS[data["kind"]](**{name: value for name, value in data.items() if name != "kind"})
    return condition
