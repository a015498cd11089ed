"""What a wait can be for besides a job's state: its metrics, messages, autoscaling events and progress, or a snapshot."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Protocol

from airflow_dataflow_ext.api.dataflow.job import JobRef
from airflow_dataflow_ext.api.dataflow.methods import Job, Message, Snapshot
from airflow_dataflow_ext.api.dataflow.states import TERMINAL
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.jobs.watch import Look
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask, items, pages
from airflow_dataflow_ext.api.rest.errors import InvalidInputError, JobError, JobLostError, NotFoundError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Sleep
from airflow_dataflow_ext.api.rest.texts import shown


class Condition(Protocol):
    """Something that may be there or not yet."""

    @property
    def last_chance(self) -> bool:
        """Whether it still counts when the job has ended meanwhile."""

    def check(self, at: JobRef, *, retry_for: float | None) -> Conversation[Any]:
        """What is there, or None for not yet.

        :raises JobError: it will never be there.
        """

    def serialize(self) -> Json:
        """JSON from which :func:`condition_of` makes the same condition."""


def mark_of(entries: Any) -> str:
    """A short text that differs when the entries do."""
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()[:16]


NOTHING = mark_of([])


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """The entries that the service lists of a job, when they are others than those seen before.

    :param of: ``metrics`` (MetricUpdate), ``jobMessages`` (JobMessage) or ``autoscalingEvents`` (AutoscalingEvent).
    :param seen: :func:`mark_of` what was seen before.
    """

    kind: ClassVar[str] = "entries"
    last_chance: ClassVar[bool] = False
    of: str
    seen: str = NOTHING

    def check(self, at: JobRef, *, retry_for: float | None) -> Conversation[list[Json] | None]:
        method = Job.get_metrics if self.of == "metrics" else Message.list
        found = list(items((yield from pages(method.request(**at.path), retry_for=retry_for)), self.of))
        return None if mark_of(found) == self.seen else found

    def serialize(self) -> Json:
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricReached:
    """A metric whose number is large enough; what is seen is its MetricUpdate.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/MetricUpdate

    :param metric: its name, for example ``TotalVcpuTime`` or that of a counter of the pipeline.
    :param context: entries that its context must have, for example ``{"step": "s3"}``; of several metrics the largest counts.
    :param tentative: let tentative values count, which come earlier and may go back; else only committed ones do.
    """

    kind: ClassVar[str] = "metric"
    last_chance: ClassVar[bool] = True
    metric: str
    at_least: float
    tentative: bool = False
    context: Mapping[str, str] = field(default_factory=dict)

    def check(self, at: JobRef, *, retry_for: float | None) -> Conversation[Json | None]:
        reply: Json = yield from ask(Job.get_metrics.request(**at.path), retry_for=retry_for)
        numbers = [metric for metric in reply.get("metrics", ()) if self._is_meant(metric)]
        largest = max(numbers, key=lambda metric: float(metric["scalar"]), default=None)
        return largest if largest is not None and largest["scalar"] >= self.at_least else None

    def _is_meant(self, metric: Json) -> bool:
        name, value = metric.get("name", {}), metric.get("scalar")
        context = name.get("context", {})
        counts = self.tentative or context.get("tentative") != "true"
        fits = name.get("name") == self.metric and all(context.get(key) == text for key, text in self.context.items())
        return counts and fits and isinstance(value, int | float) and not isinstance(value, bool)

    def serialize(self) -> Json:
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressReached:
    """A part of the work that is done; what is seen is the fraction. The service estimates it, for batch jobs only.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs/getExecutionDetails

    :param at_least: from 0 to 1.
    :param stage: id of a stage; None means the mean over the stages that the service names.
    """

    kind: ClassVar[str] = "progress"
    last_chance: ClassVar[bool] = True
    at_least: float
    stage: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.at_least <= 1:
            raise InvalidInputError(f"at_least must be from 0 to 1, not {shown(self.at_least)}")

    def check(self, at: JobRef, *, retry_for: float | None) -> Conversation[float | None]:
        bodies = yield from pages(Job.get_execution_details.request(**at.path), retry_for=retry_for)
        stages = [stage for stage in items(bodies, "stages") if self.stage in (None, stage.get("stageId"))]
        done = sum(map(_done, stages)) / len(stages) if stages else 0.0
        return done if stages and done >= self.at_least else None

    def serialize(self) -> Json:
        return {"kind": self.kind, **asdict(self)}


def _done(stage: Json) -> float:
    if stage.get("state") == "EXECUTION_STATE_SUCCEEDED":
        return 1.0
    return float(stage.get("progress", {}).get("currentProgress", 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotReady:
    """A snapshot that a job can start from; what is seen is the Snapshot.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.snapshots
    """

    kind: ClassVar[str] = "snapshot"
    last_chance: ClassVar[bool] = True
    snapshot_id: str

    def check(self, at: JobRef, *, retry_for: float | None) -> Conversation[Json | None]:
        request = Snapshot.get.request(**at.place.path, snapshotId=self.snapshot_id)
        snapshot: Json = yield from ask(request, retry_for=retry_for)
        if snapshot.get("state") in ("FAILED", "DELETED"):
            raise JobError(f"Snapshot {self.snapshot_id} in {at.place} is in state {snapshot['state']}.")
        return snapshot if snapshot.get("state") == "READY" else None

    def serialize(self) -> Json:
        return {"kind": self.kind, **asdict(self)}


_KINDS: Mapping[str, Any] = {kind.kind: kind for kind in (Entries, MetricReached, ProgressReached, SnapshotReady)}


def condition_of(data: Mapping[str, Any]) -> Condition:
    """The inverse of :meth:`Condition.serialize`."""
    condition: Condition = _KINDS[data["kind"]](**{name: value for name, value in data.items() if name != "kind"})
    return condition


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionWait:
    """A wait for a condition.

    :param at: the job, or for a snapshot the place.
    :param ends_with_job: whether the end of the job is the failure of the wait.
    :param poll_sleep: seconds between two looks.
    """

    at: JobRef
    condition: Condition
    ends_with_job: bool
    poll_sleep: float

    @property
    def _watch(self) -> JobWatch:
        return JobWatch(job=self.at, policy=WaitPolicy(to_the_end=True, poll_sleep=self.poll_sleep, importance=None))

    def once(self, *, retry_for: float | None) -> Conversation[Any]:
        """Look once: what is there, or None.

        :raises JobError: the job has ended, or the condition can never come.
        """
        job = (yield from self._watch.read(retry_for=retry_for)) if self.ends_with_job else {}
        return (yield from self._see(job, retry_for))

    def wait(self) -> Conversation[Json]:
        """Look again and again until it is there; the event holds it as ``found``. Trouble that may pass never ends the wait.

        :raises JobError: the job has ended, or the condition can never come.
        :raises JobLostError: the service has not known it for a while.
        :raises CallError: the service refuses to show it.
        """
        look, missed = Look(self._watch), 0.0
        while True:
            job = (yield look) if self.ends_with_job else {}
            try:
                found = yield from self._see(job, None)
            except NotFoundError as error:
                if missed >= budgets.LOST_AFTER:
                    raise JobLostError(f"The service has not known it for {missed:.0f} s: {error}") from error
                found, missed = None, missed + self.poll_sleep
            else:
                missed = 0.0
            if found is not None:
                return {"found": found}
            if self.ends_with_job:
                look = Look(self._watch, within=self.poll_sleep, known=self._watch.state(job))
            else:
                yield Sleep(self.poll_sleep)

    def _see(self, job: Json, retry_for: float | None) -> Conversation[Any]:
        over = job.get("currentState") in TERMINAL
        ended = JobError(f"Job {self.at.id} is in {job.get('currentState')}, and what was waited for has not come.")
        if over and not self.condition.last_chance:
            raise ended
        found = yield from self.condition.check(self.at, retry_for=retry_for)
        if found is None and over:
            raise ended
        return found
