"""How a CRM Analytics run is stopped, also as an action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct

from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.stop import stop_jobs, stop_within
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import CallError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Say
from airflow_dataflow_ext.api.wave import methods as wave
from airflow_dataflow_ext.api.wave.runs import RunRef
from airflow_dataflow_ext.api.wave.wait import RunWatch


class StoppableRun(Struct, kw_only=True):
    """A run to stop."""

    watch: RunWatch
    _asked: bool = False

    def __str__(self) -> str:
        return str(self.watch.run)

    def read(self, *, retry_for: float | None) -> Conversation[Json]:
        """The run as it is now; empty if it does not exist yet."""
        return self.watch.read(retry_for=retry_for)

    def is_over(self, job: Json) -> bool:
        """Whether it has ended, or does not exist."""
        return not job or self.watch.judge(job) is not Phase.MOVING

    def state(self, job: Json) -> str:
        """Its status."""
        return self.watch.state(job)

    def push(self, job: Json) -> Conversation[bool]:
        """Ask it once to stop; if it ends meanwhile, that counts as accepted."""
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
        """Log how it ended."""
        yield Say(f"{self} ended as {self.state(job)}.")


class RunStopAction(Struct, frozen=True, kw_only=True):
    """Ask a queued or running run to stop, and wait until it has ended; the service ends it as Cancelled or Failure.

    https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_resources_dataflowjobs_id.htm

    :param wait: False asks it to stop without waiting.
    :param until: when to stop waiting, in seconds since the epoch; None waits without a limit.
    :param poll_sleep: seconds between two looks.
    """

    run: RunRef
    wait: bool = True
    until: float | None = None
    poll_sleep: float = budgets.POLL_SLEEP

    is_done: ClassVar[bool] = False
    """There is always something to do."""

    def perform(self) -> Conversation[Json]:
        """Stop the run; returns the job as last seen. A run that has already ended is left alone.

        :raises CallError: the service refused, and the run continues.
        :raises JobError: it has not ended by ``until``.
        """
        run = StoppableRun(watch=RunWatch(run=self.run, poll_sleep=self.poll_sleep))
        return (yield from stop_jobs([run], wait=self.wait, until=self.until, poll_sleep=self.poll_sleep))[0]

    def xcoms(self, result: Json) -> Json:
        """Empty: the job is the result."""
        return {}

    def serialize(self) -> Json:
        """The action as JSON; :meth:`deserialize` is the inverse."""
        return {"run": self.run.serialize(), "wait": self.wait, "until": self.until, "poll_sleep": self.poll_sleep}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> RunStopAction:
        """The inverse of :meth:`serialize`."""
        return cls(**{**data, "run": RunRef.deserialize(data["run"])})


def stop(run: RunRef, *, wait_for: float = budgets.STOP_WAIT, poll_sleep: float = budgets.POLL_SLEEP) -> Conversation[Json]:
    """Stop a run; see :class:`RunStopAction`.

    :param wait_for: seconds to wait for the end; 0 does not wait.
    :raises InvalidInputError: ``wait_for`` is not 0 or more, or ``poll_sleep`` is not greater than 0.
    """
    return stop_within(StoppableRun(watch=RunWatch(run=run)), wait_for, poll_sleep)
