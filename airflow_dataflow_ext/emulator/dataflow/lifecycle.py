"""The lifecycle of a job: its changes of state, and what an engine reports.

Source: https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.jobs#jobstate
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from airflow_dataflow_ext.api.dataflow.states import (
    CANCELLED,
    CANCELLING,
    DONE,
    DRAINING,
    FAILED,
    PENDING,
    QUEUED,
    RUNNING,
    TERMINAL,
    UNKNOWN,
    UPDATED,
)
from airflow_dataflow_ext.emulator.dataflow.jobs import JobRecord, Json, known_state
from airflow_dataflow_ext.emulator.dataflow.values import stamp
from airflow_dataflow_ext.emulator.dataflow.world import World

KEPT_SECONDS = 30 * 24 * 3600.0
"""Seconds after which a finished job is deleted: https://cloud.google.com/dataflow/docs/guides/archive-jobs"""

_STAGE_STATES = {
    "EXECUTION_STATE_NOT_STARTED": PENDING,
    "EXECUTION_STATE_RUNNING": RUNNING,
    "EXECUTION_STATE_SUCCEEDED": DONE,
    "EXECUTION_STATE_FAILED": FAILED,
    "EXECUTION_STATE_CANCELLED": CANCELLED,
}


def move(world: World, record: JobRecord, state: str) -> None:
    """Put a job into a state, whatever its previous state."""
    now = world.clock.now()
    was_terminal = record.is_terminal
    record.change(currentState=known_state(state), currentStateTime=stamp(now))
    if record.is_terminal:
        record.ended = now
    if record.is_terminal != was_terminal:
        world.jobs.reshelve(record)
    if record.is_terminal and not was_terminal:
        forget_later(world, record)
    if state in (RUNNING, *TERMINAL):
        _take_over(world, record)


def forget_later(world: World, record: JobRecord) -> None:
    """Schedule the deletion of a finished job."""
    left = KEPT_SECONDS - (world.clock.now() - (record.ended or 0.0))
    world.clock.after(max(0.0, left), partial(world.jobs.remove, record))


def _take_over(world: World, record: JobRecord) -> None:
    """End the old job when its replacement runs; if the old job has already ended, do nothing."""
    old, record.replaces = record.replaces, None
    if old is None or old.is_terminal or record.state != RUNNING:
        return
    old.change(replacedByJobId=record.id)
    move(world, old, UPDATED)
    world.engine.stop(old.id, drain=False)


def cancel(world: World, record: JobRecord) -> None:
    """Cancel a job that still moves; a queued job ends at once."""
    if record.state == CANCELLING:
        return
    at_once = record.state == QUEUED
    record.cancelling_since = world.clock.now()
    move(world, record, CANCELLED if at_once else CANCELLING)
    world.engine.stop(record.id, drain=False)


def drain(world: World, record: JobRecord) -> None:
    """Drain a running streaming job."""
    if record.state != DRAINING:
        move(world, record, DRAINING)
        world.engine.stop(record.id, drain=True)


class JobReport:
    """The interface by which an engine reports on one job; after the job's end, its reports are ignored."""

    def __init__(self, world: World, record: JobRecord) -> None:
        self._world = world
        self._record = record

    def state(self, state: str) -> None:
        record = self._record
        leaving = record.state in (CANCELLING, DRAINING) and state not in (*TERMINAL, CANCELLING)
        if record.is_terminal or leaving:
            return
        if state in (PENDING, RUNNING):
            record.unveil()
        if state != record.state:
            move(self._world, record, state)

    def message(self, text: str, importance: str = "JOB_MESSAGE_BASIC") -> None:
        # accepted after the end, too, because the service also adds messages to a failed job
        record = self._record
        number = f"{len(record.messages) + 1:08x}"
        record.changed = True
        record.messages.append({"id": number, "time": self._now(), "messageText": text, "messageImportance": importance})

    def worker_log(self, text: str, severity: str = "ERROR") -> None:
        logs = self._record.worker_logs
        self._record.changed = True
        entry = {"insertId": f"{len(logs) + 1:08x}", "timestamp": self._now(), "severity": severity}
        logs.append({**entry, "jsonPayload": {"message": text, "job": self._record.id}})

    def autoscaling(self, event_type: str, text: str, *, current: int, target: int) -> None:
        event = {"eventType": event_type, "currentNumWorkers": str(current), "targetNumWorkers": str(target), "time": self._now()}
        self._record.changed = True
        self._record.events.append({**event, "description": {"messageText": text}, "workerPool": "Regular"})

    def metrics(self, metrics: Sequence[Mapping[str, Any]]) -> None:
        before = {_metric_key(metric): metric for metric in self._record.metrics}
        self._record.changed = True
        self._record.metrics = [self._dated(dict(metric), before.get(_metric_key(metric))) for metric in metrics]

    def stages(self, stages: Sequence[Mapping[str, Any]]) -> None:
        before = {state["executionStageName"]: state for state in self._record.fields.get("stageStates", ())}
        known = {stage["stageId"]: stage for stage in self._record.stages}
        self._record.stages = [self._timed(dict(stage), known.get(stage["stageId"], {})) for stage in stages]
        self._record.change(stageStates=[self._stage_state(stage, before) for stage in self._record.stages])

    def stacks(self, stacks: Sequence[Mapping[str, Any]]) -> None:
        self._record.stacks = [dict(stack) for stack in stacks]

    def describe(self, fields: Mapping[str, Any]) -> None:
        self._record.change(**fields)
        self._record.unveil()

    def _now(self) -> str:
        return stamp(self._world.clock.now())

    def _dated(self, metric: Json, before: Json | None) -> Json:
        """A metric with the time of its last change."""
        if before is not None and {**before, "updateTime": ""} == {**metric, "updateTime": ""}:
            return before
        return {"updateTime": self._now(), **metric}

    def _timed(self, stage: Json, before: Json) -> Json:
        """A stage with its start and end times, if the engine does not report them."""
        state = _STAGE_STATES.get(stage.get("state", ""), UNKNOWN)
        times = {"startTime": state not in (UNKNOWN, PENDING), "endTime": state in TERMINAL}
        return {name: before.get(name) or self._now() for name, reached in times.items() if reached} | stage

    def _stage_state(self, stage: Json, before: Mapping[str, Json]) -> Json:
        name, state = stage["stageId"], _STAGE_STATES.get(stage.get("state", ""), UNKNOWN)
        known = before.get(name)
        if known is not None and known["executionStageState"] == state:
            return known
        return {"executionStageName": name, "executionStageState": state, "currentStateTime": self._now()}


def _metric_key(metric: Mapping[str, Any]) -> str:
    name = metric["name"]
    return "\0".join((name.get("origin", ""), name["name"], *(f"{key}={value}" for key, value in sorted(name.get("context", {}).items()))))
