"""The wait for a CRM Analytics run: what ends it, what is logged, and what the end means."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import force_setattr

from airflow_dataflow_ext.api.jobs.facts import state_times
from airflow_dataflow_ext.api.jobs.phase import Phase, phase_of
from airflow_dataflow_ext.api.jobs.watch import Ending, check_poll_sleep
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import items, pages
from airflow_dataflow_ext.api.rest.errors import CallError
from airflow_dataflow_ext.api.rest.method import part
from airflow_dataflow_ext.api.rest.steps import Now, Say
from airflow_dataflow_ext.api.rest.values import flag
from airflow_dataflow_ext.api.wave import methods as wave
from airflow_dataflow_ext.api.wave import runs as wave_runs
from airflow_dataflow_ext.api.wave.runs import Listing, RunRef, created
from airflow_dataflow_ext.api.wave.states import WAVE

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.jobs.watch import Known, Watch
    from airflow_dataflow_ext.api.rest.errors import NotFoundError
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation

NONE_YET = "awaited"
"""The state of a run that does not exist yet; the service has no name for it."""

DAY, WEEK = 86_400.0, 604_800.0
STEP = 0.05
"""Least progress that is logged, as a fraction."""


class RunWatch(Struct, frozen=True, kw_only=True):
    """A wait for one run.

    :param poll_sleep: seconds between two looks.
    :param fail_on_warning: whether a run that ended with warnings counts as failed.
    """

    run: RunRef
    poll_sleep: float = budgets.WAVE_POLL_SLEEP
    fail_on_warning: bool = False

    def __post_init__(self) -> None:
        force_setattr(self, "poll_sleep", check_poll_sleep(self.poll_sleep))
        force_setattr(self, "fail_on_warning", flag(self.fail_on_warning, "fail_on_warning"))

    @property
    def job_id(self) -> str:
        """The job's id or, before it has one, a text that identifies the run."""
        return self.run.id or str(self.run)

    @property
    def place(self) -> str:
        """The key of the Board: watchers of one API version share their looks, since a connection leads to one org."""
        return self.run.version

    def state(self, job: Mapping[str, Any]) -> str:
        """The job's ``status``."""
        return str(job.get("status") or NONE_YET)

    def documented(self, state: str) -> bool:
        """Whether the state table has a row for the state."""
        return state == NONE_YET or state.lower() in WAVE

    def judge(self, job: Mapping[str, Any]) -> Phase:
        """What the job's current state means for this wait."""
        state = self.state(job).lower()
        return Phase.FAILED if state == "warning" and self.fail_on_warning else phase_of(state, WAVE)

    def read(self, *, retry_for: float | None = None) -> Conversation[Json]:
        """The job as it is now; by default, the call is retried until there is an answer."""
        return wave_runs.read(self.run, retry_for=retry_for)

    def explained(self, error: NotFoundError) -> Conversation[NotFoundError]:
        """The error unchanged, since an org has only one place for its runs."""
        yield from ()
        return error

    def lister(self) -> RecentRuns:
        """The lister of the org's runs."""
        return RecentRuns(self.run.version)

    def stream(self) -> RunStream:
        """What is logged during the wait: progress and time in the queue."""
        return RunStream(self)

    def serialize(self) -> Json:
        """The watch as JSON; :meth:`deserialize` is the inverse."""
        return {"run": self.run.serialize(), "poll_sleep": self.poll_sleep, "fail_on_warning": self.fail_on_warning}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> RunWatch:
        """The inverse of :meth:`serialize`."""
        return cls(**{**data, "run": RunRef.deserialize(data["run"])})


class RecentRuns(Struct, frozen=True):
    """Lists the recent runs of an org, including ended ones: the service can list a time span, but not just the active runs."""

    version: str

    def active(self, watches: Iterable[Watch], known: Known) -> Conversation[tuple[dict[str, Json | None], int]]:
        """Watched runs by :attr:`RunWatch.job_id`, or None for a run that is still in its known state; and the number of calls.

        Since API version 53, the span begins with the oldest of the watched runs; before, it is the last seven days.
        """
        now = yield Now()
        wanted = [watch for watch in watches if isinstance(watch, RunWatch)]
        begin = max(now - WEEK, min((watch.run.since or now - DAY for watch in wanted), default=now - DAY))
        span: dict[str, Any] = {}
        if wave.knows(wave.DataflowJob.list, self.version, "startedAfter"):
            span = {"startedAfter": int(begin), "pageSize": wave.PAGE_SIZE}
        bodies = yield from pages(wave.call(wave.DataflowJob.list, self.version, **span), retry_for=budgets.LIST_WITHIN)
        listing = Listing(items(bodies, "dataflowJobs"))
        found: dict[str, Json | None] = {}
        for watch in wanted:
            job = watch.run.pick(listing)
            if job is None and watch.run.newest and watch.run.since >= begin:
                job = {}  # if it existed, it would be in the list
            if job is not None:
                found[watch.job_id] = None if known.get(watch.job_id) == watch.state(job) else job
        return found, len(bodies)

    def ended(self, watches: Sequence[Watch], since: float) -> Conversation[dict[str, Json]]:
        """Empty: ended runs are read singly, because lists do not show all of their fields."""
        yield from ()
        return {}


class RunStream:
    """Logs a run's progress, and explains its end."""

    quiet_rounds = 1.0
    patience = math.inf

    def __init__(self, watch: RunWatch) -> None:
        self._watch = watch
        self._progress = 0.0
        self._waited = 1.0
        self._states: list[tuple[str, str]] = []

    def follow(self, job: Json) -> Conversation[None]:
        """Log the run's progress, or its time in the queue, which are fields of the job."""
        since = {"queued": "createdDate", "running": "executedDate", "preprocessing": "executedDate"}
        state = self._watch.state(job).lower()
        self._states.append((self._watch.state(job), str(job.get(since.get(state, "endDate")) or "")))
        progress = _number(job.get("progress"))
        if state == "queued" and created(job):
            waited = _number(job.get("waitTime")) or (yield Now()) - created(job)
            if waited >= 2 * self._waited:
                self._waited = waited
                yield Say(f"In the queue for {waited:.0f} s")
        elif self._watch.judge(job) is Phase.MOVING and progress >= self._progress + STEP:
            self._progress = progress
            yield Say(f"{min(progress, 1.0):.0%} done")

    def facts(self) -> Json:
        """The run's states with their times."""
        return {"states": state_times(self._states)}

    def mark(self) -> None:
        """None: everything that is logged is in the job itself."""

    def final(self, job: Json) -> Conversation[Json]:
        """The job with its ``nodes``, if the API version returns them and the run has any; each is logged."""
        yield Say(_summary(job))
        if not wave.knows(wave.DataflowJobNode.list, self._watch.run.version) or not job.get("id"):
            return job
        try:
            bodies = yield from pages(
                wave.call(wave.DataflowJobNode.list, self._watch.run.version, jobId=job["id"]), retry_for=budgets.NODES_WITHIN
            )
        except CallError as error:
            yield Say(f"The run's nodes cannot be read: {error}", logging.WARNING)
            return job
        nodes = [{name: value for name, value in node.items() if name not in ("url", "type")} for node in items(bodies, "nodes")]
        for node in nodes:
            yield Say(_node_line(node), logging.WARNING if _trouble(node) else logging.INFO)
        return {**job, "nodes": nodes}

    def ending(self, job: Json, phase: Phase) -> Conversation[Ending]:
        """What the end means, and why it came: the service's message, and the failed nodes with theirs."""
        yield from ()
        reasons = [str(job["message"])] if job.get("message") else []
        reasons += [f"node {_name(node)} {_trouble(node)}" for node in job.get("nodes", ()) if _trouble(node)]
        return Ending(phase, " ".join("; ".join(reasons).split()))

    def complaint(self, job: Json, reason: str) -> str:
        """A sentence on how the run ended and why."""
        label = job.get("label") or wave.source_of(job).get("label") or "no label"
        text = f"Run {job.get('id')} ({label}) ended as {self._watch.state(job)}"
        return f"{text}: {reason}" if reason else f"{text}."


def _summary(job: Json) -> str:
    parts = [f"Run {job.get('id')} ({job.get('label', 'no label')}) ended as {job.get('status')}"]
    if job.get("duration") is not None:
        parts.append(f"ran {_number(job['duration']):.0f} s")
    if job.get("waitTime") is not None:
        parts.append(f"had waited {_number(job['waitTime']):.0f} s in the queue")
    return ", ".join(parts)


def _name(node: Json) -> str:
    return f"{node.get('name') or node.get('id')} ({node.get('nodeType', 'unknown type')})"


def _rows(node: Json, side: str, count: str) -> int:
    return int(_number(part(node, side).get(count)))


def _node_line(node: Json) -> str:
    rows = f"{_rows(node, 'inputRows', 'processedCount')} rows in, {_rows(node, 'outputRows', 'processedCount')} out"
    return f"Node {_name(node)}: {_trouble(node) or node.get('status')}, {rows}, {_number(node.get('duration')):.0f} s"


def _trouble(node: Json) -> str:
    """What went wrong in a node, or an empty text."""
    status = str(node.get("status", "")).lower()
    failed = _rows(node, "inputRows", "failedCount") + _rows(node, "outputRows", "failedCount")
    if status not in ("error", "aborted", "warning") and not failed:
        return ""
    rows = f", {failed} rows failed" if failed else ""
    message = f": {node['message']}" if node.get("message") else ""
    return f"ended as {status}{rows}{message}"


def _number(value: Any) -> float:
    """A number in a reply; 0 for anything else."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0
