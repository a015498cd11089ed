"""How a CRM Analytics run is stopped: how it is asked to, and that as an action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.stop import stop_jobs
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import CallError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Now, Say
from airflow_dataflow_ext.api.wave import methods as wave
from airflow_dataflow_ext.api.wave.runs import RunRef
from airflow_dataflow_ext.api.wave.wait import RunWatch


@dataclass(slots=True, kw_only=True)
class StoppableRun:
    """A run that is to be stopped."""

    watch: RunWatch
    _asked: bool = field(default=False, init=False)

    def __str__(self) -> str:
        return str(self.watch.run)

    def read(self, *, retry_for: float | None) -> Conversation[Json]:
        """The run as it is now; empty while it is only awaited."""
        return self.watch.read(retry_for=retry_for)

    def is_over(self, job: Json) -> bool:
        """Whether it has ended, or there is none."""
        return not job or self.watch.judge(job) is not Phase.MOVING

    def state(self, job: Json) -> str:
        """Its status."""
        return self.watch.state(job)

    def push(self, job: Json) -> Conversation[bool]:
        """Ask it to stop, once; one that has ended while it was asked is fine."""
        if self._asked:
            return True
        self._asked = True
        yield Say(f"Stopping {self}")
        try:
            yield from ask(wave.call(wave.DataflowJob.update, self.watch.run.version, {"command": "stop"}, jobId=job["id"]))
        except CallError:
            if not self.is_over((yield from self.read(retry_for=budgets.STOP_RETRY_FOR))):
                raise
        return True

    def tell_end(self, job: Json) -> Conversation[None]:
        """Tell how it ended."""
        yield Say(f"{self} ended as {self.state(job)}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStopAction:
    """Ask a run to stop, queued or running, and wait until it has ended; whether as Cancelled or Failure is up to the service.

    https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_resources_dataflowjobs_id.htm

    :param wait: False only asks.
    :param until: seconds since the epoch at which the wait is over; None waits on.
    :param poll_sleep: seconds between two looks.
    """

    run: RunRef
    wait: bool = True
    until: float | None = None
    poll_sleep: float = budgets.POLL_SLEEP

    is_done: ClassVar[bool] = False
    """There is always something to do."""

    def perform(self) -> Conversation[Json]:
        """The job as last seen; one that has ended already is fine.

        :raises CallError: the service refused, and the run goes on.
        :raises JobError: it still moves at ``until``.
        """
        run = StoppableRun(watch=RunWatch(run=self.run, poll_sleep=self.poll_sleep))
        return (yield from stop_jobs([run], wait=self.wait, until=self.until, poll_sleep=self.poll_sleep))[0]

    def xcoms(self, result: Json) -> Json:
        """None beside the job."""
        return {}

    def serialize(self) -> Json:
        """JSON from which :meth:`deserialize` makes the same action."""
        return {"run": self.run.serialize(), "wait": self.wait, "until": self.until, "poll_sleep": self.poll_sleep}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> RunStopAction:
        """The inverse of :meth:`serialize`."""
        return cls(**{**data, "run": RunRef.deserialize(data["run"])})


def stop(run: RunRef, *, wait_for: float = budgets.STOP_WAIT, poll_sleep: float = budgets.POLL_SLEEP) -> Conversation[Json]:
    """Stop a run now; see :class:`RunStopAction`.

    :param wait_for: seconds to wait for the end; 0 only asks.
    """
    until, poll_sleep = (yield Now()) + wait_for, min(poll_sleep, max(wait_for, 1.0))
    return (yield from RunStopAction(run=run, wait=bool(wait_for), until=until, poll_sleep=poll_sleep).perform())
