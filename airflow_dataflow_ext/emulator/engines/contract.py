"""What runs a job: the contract between the emulated service and an engine.

Everything here is called on the emulator's event loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class RefusedError(Exception):
    """The engine cannot run this; the launch is answered with the status, and no job comes to be.

    :param status: HTTP status of the reply.
    :param code: Google's word for it, for example ``FAILED_PRECONDITION``.
    """

    def __init__(self, message: str, *, status: int = 400, code: str = "INVALID_ARGUMENT") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What an engine is asked to run.

    :param kind: ``classic``, ``flex`` or ``create`` (a job graph given to jobs.create).
    :param template: the ``gs://`` path of the classic template or of the Flex container spec, where there is one.
    :param spec: the container spec (Flex) or the template's JSON (classic).
    :param parameters: the launch's parameters, all of them strings.
    :param environment: the launch's environment, as sent.
    :param streaming: whether it is known before it runs to be a streaming job.
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
    """How an engine tells the service what happens to one job; times come from the emulator's clock."""

    def state(self, state: str) -> None:
        """The job is in this state now, for example ``JOB_STATE_RUNNING``."""

    def message(self, text: str, importance: str = "JOB_MESSAGE_BASIC") -> None:
        """A job message."""

    def worker_log(self, text: str, severity: str = "ERROR") -> None:
        """An entry of a worker's log, as Cloud Logging has it."""

    def autoscaling(self, event_type: str, text: str, *, current: int, target: int) -> None:
        """An autoscaling event."""

    def metrics(self, metrics: Sequence[Mapping[str, Any]]) -> None:
        """All metrics of the job as MetricUpdate objects, committed ones; they replace the earlier ones."""

    def stages(self, stages: Sequence[Mapping[str, Any]]) -> None:
        """All stages of the job as StageSummary objects; they replace the earlier ones."""

    def stacks(self, stacks: Sequence[Mapping[str, Any]]) -> None:
        """What the threads of the job's worker do at this moment, as Stack objects; they replace the earlier ones."""

    def describe(self, fields: Mapping[str, Any]) -> None:
        """Fields of the Job that only the launcher finds out: ``type``, ``jobMetadata``, ``pipelineDescription``."""


class Engine(Protocol):
    """Runs jobs and reports on them."""

    name: str

    def start(self, work: Work, report: Report) -> None:
        """Begin, and return at once.

        :raises RefusedError: it cannot be run; nothing was started.
        """

    def stop(self, job_id: str, *, drain: bool) -> None:
        """Cancel or drain; the job's end is reported when it has come. The service has reported CANCELLING or DRAINING."""

    async def close(self) -> None:
        """End everything that still runs."""
