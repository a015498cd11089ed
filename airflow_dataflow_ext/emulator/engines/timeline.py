"""The steps of a script, each of which is one event of a job, and the default timelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from airflow_dataflow_ext.api.dataflow.states import DATAFLOW, DONE, PENDING, RUNNING
from airflow_dataflow_ext.emulator.engines.contract import Report
from airflow_dataflow_ext.emulator.http.errors import short
from airflow_dataflow_ext.emulator.http.payload import make

Json = Mapping[str, Any]


class TimelineEvent(Protocol):
    """One event of a job."""

    def play(self, report: Report) -> None: ...


@dataclass(frozen=True, slots=True)
class State:
    """The job enters a state."""

    name: str

    def __post_init__(self) -> None:
        if self.name not in DATAFLOW:
            raise ValueError(f"{short(self.name)} is not a job state")

    def play(self, report: Report) -> None:
        report.state(self.name)


@dataclass(frozen=True, slots=True)
class JobMessage:
    """The job gets a message."""

    message: str
    importance: str = "JOB_MESSAGE_BASIC"

    def play(self, report: Report) -> None:
        report.message(self.message, self.importance)


@dataclass(frozen=True, slots=True)
class WorkerLog:
    """A worker writes a log entry, which Cloud Logging returns."""

    worker_log: str
    severity: str = "ERROR"

    def __post_init__(self) -> None:
        if self.severity not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
            raise ValueError(f"{short(self.severity)} is not a severity of a worker log")

    def play(self, report: Report) -> None:
        report.worker_log(self.worker_log, self.severity)


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """The worker pool changes."""

    autoscaling: str
    current: int
    target: int
    event_type: str = "CURRENT_NUM_WORKERS_CHANGED"

    def play(self, report: Report) -> None:
        report.autoscaling(self.event_type, self.autoscaling, current=self.current, target=self.target)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The job's metrics are replaced by these MetricUpdate objects."""

    metrics: Sequence[Json]

    def play(self, report: Report) -> None:
        report.metrics(self.metrics)


@dataclass(frozen=True, slots=True)
class Stages:
    """The job's stages are replaced by these StageSummary objects."""

    stages: Sequence[Json]

    def play(self, report: Report) -> None:
        report.stages(self.stages)


@dataclass(frozen=True, slots=True)
class Describe:
    """The launcher sets fields of the Job."""

    describe: Json

    def play(self, report: Report) -> None:
        report.describe(self.describe)


_KINDS: Sequence[type[JobMessage | WorkerLog | Autoscaling | Metrics | Stages | Describe]] = (
    *(JobMessage, WorkerLog, Autoscaling),
    *(Metrics, Stages, Describe),
)


def step_of(value: Any) -> TimelineEvent:
    """A step from its JSON form: a state's name, or an object such as ``{"message": "...", "importance": "..."}``.

    :raises ValueError: the value is not a step.
    """
    if isinstance(value, str):
        return State(value)
    for kind in _KINDS if isinstance(value, Mapping) else ():
        names = [entry.name for entry in fields(kind)]
        if names[0] in value:
            return make(kind, value, f"a step of {names[0]}")
    known = "message, worker_log, autoscaling, metrics, stages or describe"
    raise ValueError(f"a step must be a state's name or an object with {known}, not {short(value)}")


def step_to_json(step: TimelineEvent) -> Any:
    """The inverse of :func:`step_of`."""
    if isinstance(step, State):
        return step.name
    return {entry.name: getattr(step, entry.name) for entry in fields(step)}  # type: ignore[arg-type]


def service_metric(name: str, original_name: str, scalar: float, **context: str) -> Json:
    """A MetricUpdate for a metric of the service itself."""
    return {"name": {"origin": "dataflow/v1b3", "name": name, "context": {"original_name": original_name, **context}}, "scalar": scalar}


_DETAILED, _DEBUG = "JOB_MESSAGE_DETAILED", "JOB_MESSAGE_DEBUG"
_STAGE = "F1"
_BEGINNING: tuple[tuple[float, TimelineEvent], ...] = (
    (0.5, State(PENDING)),
    (0.5, JobMessage("Autoscaling is enabled for the job. The number of workers will be between 1 and 1000.", _DETAILED)),
    (0.6, JobMessage("Worker configuration: e2-standard-2 in us-central1-a.")),
    (0.8, JobMessage("Fusing adjacent ParDo, Read, Write, and Flatten operations", _DETAILED)),
    (0.8, JobMessage("Adding workflow start and stop steps.", _DEBUG)),
    (1.0, JobMessage("Starting 1 workers in us-central1-a...")),
    (1.0, State(RUNNING)),
    (1.0, Stages([{"stageId": _STAGE, "state": "EXECUTION_STATE_RUNNING"}])),
    (1.5, Autoscaling("Worker pool started.", 1, 1)),
    (2.0, JobMessage("Workers have started successfully.", _DETAILED)),
)
ORDINARY_STREAM: tuple[tuple[float, TimelineEvent], ...] = (
    *_BEGINNING,
    (2.0, Metrics([service_metric("CurrentVcpuCount", "Service-cpu_num", 2)])),
)
ORDINARY_RUN: tuple[tuple[float, TimelineEvent], ...] = (
    *_BEGINNING,
    (3.0, JobMessage("Cleaning up.", _DETAILED)),
    (3.0, Stages([{"stageId": _STAGE, "state": "EXECUTION_STATE_SUCCEEDED", "progress": {"currentProgress": 1.0}}])),
    (
        3.0,
        Metrics(
            [
                service_metric("TotalVcpuTime", "Service-cpu_num_seconds", 4),
                service_metric("TotalMemoryUsage", "Service-mem_mb_seconds", 16384),
                service_metric("ElementCount", "Read-out0-ElementCount", 1000, output_user_name="Read-out0"),
            ]
        ),
    ),
    (3.2, JobMessage("Stopping worker pool...")),
    (3.5, Autoscaling("Worker pool stopped.", 0, 0)),
    (3.5, JobMessage("Worker pool stopped.")),
    (4.0, State(DONE)),
)
