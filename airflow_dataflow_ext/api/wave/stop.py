"""How a CRM Analytics run is asked to stop."""

from __future__ import annotations

from dataclasses import dataclass, field

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


def stop(run: RunRef, *, wait_for: float = budgets.STOP_WAIT, poll_sleep: float = budgets.POLL_SLEEP) -> Conversation[Json]:
    """Ask a run to stop, queued or running, and wait until it has ended; whether as Cancelled or Failure is up to the service.

    https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_resources_dataflowjobs_id.htm

    :param wait_for: seconds to wait for the end; 0 only asks.
    :returns: the job as last seen; one that has ended already is fine.
    :raises CallError: the service refused, and the run goes on.
    :raises JobError: it has not ended within ``wait_for``.
    """
    until = (yield Now()) + wait_for
    watch = RunWatch(run=run, poll_sleep=min(poll_sleep, max(wait_for, 1.0)))
    stopping = stop_jobs([StoppableRun(watch=watch)], wait=bool(wait_for), until=until, poll_sleep=watch.poll_sleep)
    return (yield from stopping)[0]
