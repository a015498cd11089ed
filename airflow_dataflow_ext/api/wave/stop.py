"""Stopping a CRM Analytics run, to its end."""

from __future__ import annotations

from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import CallError, JobError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Say, Sleep
from airflow_dataflow_ext.api.wave import methods as wave
from airflow_dataflow_ext.api.wave.runs import RunRef
from airflow_dataflow_ext.api.wave.wait import RunWatch


def stop(run: RunRef, *, wait_for: float = budgets.STOP_WAIT, poll_sleep: float = budgets.POLL_SLEEP) -> Conversation[Json]:
    """Ask a run to stop, queued or running, and wait until it has ended; whether as Cancelled or Failure is up to the service.

    https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_resources_dataflowjobs_id.htm

    :param wait_for: seconds to wait for the end; 0 only asks.
    :returns: the job as last seen; one that has ended already is fine.
    :raises CallError: the service refused, and the run goes on.
    :raises JobError: it has not ended within ``wait_for``.
    """
    watch = RunWatch(run=run, poll_sleep=poll_sleep)
    job = yield from watch.read(retry_for=budgets.RETRY_FOR)
    if watch.judge(job) is not Phase.MOVING or not job:
        return job
    yield Say(f"Stopping {run}")
    try:
        yield from ask(wave.call(wave.DataflowJob.update, run.version, {"command": "stop"}, jobId=job["id"]))
    except CallError:
        job = yield from watch.read(retry_for=budgets.RETRY_FOR)
        if watch.judge(job) is Phase.MOVING:
            raise
    pause, spent = min(poll_sleep, max(wait_for, 1.0)), 0.0
    while watch.judge(job) is Phase.MOVING and wait_for:
        job = yield from watch.read(retry_for=budgets.RETRY_FOR)
        if watch.judge(job) is not Phase.MOVING:
            break
        if spent >= wait_for:
            raise JobError(f"{run} was asked to stop and is still {watch.state(job)} after {spent:.0f} s.")
        yield Sleep(pause)
        spent += pause
    return job
