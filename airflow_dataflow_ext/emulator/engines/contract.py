"""The contract between the emulated service and an engine, which runs its jobs.

All methods are called on the emulator's event loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class RefusedError(Exception):
    """The engine cannot run this job; the launch is answered with the status, and no job is created.

    :param status: HTTP status of the reply.
    :param code: Google's error code, for example ``FAILED_PRECONDITION``.
    """

    def __init__(self, message: str, *, status: int = 400, code: str = "INVALID_ARGUMENT") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A job for an engine to run.

    :param kind: ``classic``, ``flex`` or ``create`` (a job graph given to jobs.create).
    :param template: the ``gs://`` path of the classic template or of the Flex container spec, if there is one.
    :param spec: the container spec (Flex) or the template's JSON (classic).
    :param parameters: the launch's parameters; all values are strings.
    :param environment: the launch's environment, as sent.
    :param streaming: whether the job is known to be streaming before it runs.
    """

    job_id: str
    job_name: str
    project_id: str
    location: str
    kind: str
    template: str | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    streaming: bool = False


class Report(Protocol):
    """Receives what happens to one job from its engine; times come from the emulator's clock."""

    def state(self, state: str) -> None:
        """Set the job's state, for example ``JOB_STATE_RUNNING``."""

    def message(self, text: str, importance: str = "JOB_MESSAGE_BASIC") -> None:
        """Add a job message."""

    def worker_log(self, text: str, severity: str = "ERROR") -> None:
        """Add an entry to the worker log, which Cloud Logging returns."""

    def autoscaling(self, event_type: str, text: str, *, current: int, target: int) -> None:
        """Add an autoscaling event."""

    def metrics(self, metrics: Sequence[Mapping[str, Any]]) -> None:
        """Set all metrics of the job, as committed MetricUpdate objects; they replace the earlier ones."""

    def stages(self, stages: Sequence[Mapping[str, Any]]) -> None:
        """Set all stages of the job, as StageSummary objects; they replace the earlier ones."""

    def stacks(self, stacks: Sequence[Mapping[str, Any]]) -> None:
        """Set the current stacks of the worker's threads, as Stack objects; they replace the earlier ones."""

    def describe(self, fields: Mapping[str, Any]) -> None:
        """Set fields of the Job that are known only after the launcher has run: ``type``, ``jobMetadata``, ``pipelineDescription``."""


class Engine(Protocol):
    """Runs jobs and reports on them."""

    name: str

    def start(self, work: Work, report: Report) -> None:
        """Start the job, and return at once.

        :raises RefusedError: the job cannot be run; nothing was started.
        """

    def stop(self, job_id: str, *, drain: bool) -> None:
        """Cancel or drain the job, and report its end when it comes. The service has already reported CANCELLING or DRAINING."""

    async def close(self) -> None:
        """End all jobs that still run."""
