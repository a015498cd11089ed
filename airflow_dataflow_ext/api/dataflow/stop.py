"""Cancelling and draining a job, to its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_dataflow_ext.api.dataflow.job import JobRef
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.states import BATCH, CANCELLED, DRAINED, TERMINAL, UNKNOWN
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import CallError, JobError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Say, Sleep

NOT_YET, ALREADY_OVER = "not yet ready for cancel", "has terminated"
"""What the service says of a job too young, and too old, to be stopped; its status codes are not relied upon by any client."""

_NOTHING_TO_DRAIN = frozenset({UNKNOWN, "JOB_STATE_STOPPED", "JOB_STATE_QUEUED", "JOB_STATE_PENDING", "JOB_STATE_CANCELLING"})
"""States of a job that has read nothing yet, or is being cancelled; the service refuses to drain it."""


def stop(
    job: JobRef, *, drain: bool = False, wait_for: float = budgets.STOP_WAIT, poll_sleep: float = budgets.POLL_SLEEP
) -> Conversation[Json]:
    """Ask a job to stop and wait until it has ended, however it ended; a job that has ended already is fine.

    https://cloud.google.com/dataflow/docs/guides/stopping-a-pipeline

    :param drain: let a streaming job finish what it has read; a batch job, or one that has read nothing yet, is cancelled all the same.
    :param wait_for: seconds to wait for the end; 0 only asks.
    :returns: the job as last seen.
    :raises JobError: it has not ended within ``wait_for``.
    """
    spent = 0.0
    seen = yield from _read(job)
    while seen.get("currentState") not in TERMINAL:
        if (yield from request_stop(job, drain=drain and drains(seen))):
            break
        if spent >= wait_for:
            raise JobError(f"{job} was not ready to be stopped for {spent:.0f} s; it goes on. Stop it by hand or try again.")
        yield Sleep(budgets.STOP_EVERY)
        spent += budgets.STOP_EVERY
        seen = yield from _read(job)
    if not wait_for:
        return seen
    return (yield from _until_over(job, wait_for - spent, poll_sleep))


def request_stop(job: JobRef, *, drain: bool = False, labels: Mapping[str, str] | None = None) -> Conversation[bool]:
    """Ask a job to stop, without waiting.

    :param labels: labels to send along; the service's forced cancel is one.
    :returns: whether the service took it, or the job was over already; False when it is too early.
    :raises CallError: the service refused for another reason.
    """
    body: dict[str, Any] = {"requestedState": DRAINED if drain else CANCELLED}
    if labels:
        body["labels"] = dict(labels)
    yield Say(f"{'Draining' if drain else 'Cancelling'} {job}")
    try:
        yield from ask(Job.update.request(body, **job.path))
    except CallError as refused:
        if ALREADY_OVER in str(refused):
            return True
        if NOT_YET in str(refused):
            return False
        raise
    return True


def drains(seen: Json) -> bool:
    """Whether the job, as it is now, can be drained."""
    return seen.get("type") != BATCH and seen.get("currentState", UNKNOWN) not in _NOTHING_TO_DRAIN


def _read(job: JobRef) -> Conversation[Json]:
    found: Json = yield from ask(Job.get.request(**job.path))
    return found


def _until_over(job: JobRef, wait_for: float, poll_sleep: float) -> Conversation[Json]:
    pauses, spent = min(poll_sleep, max(wait_for, 1.0)), 0.0
    while True:
        seen = yield from _read(job)
        if seen.get("currentState") in TERMINAL:
            return seen
        if spent >= wait_for:
            raise JobError(f"{job} was asked to stop and is still {seen.get('currentState')} after {spent:.0f} s.")
        yield Sleep(pauses)
        spent += pauses
