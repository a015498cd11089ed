"""The documented states of a job, one row each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from airflow_dataflow_ext.api.jobs.phase import Phase, StateRow
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import read


class JobState(StateRow, frozen=True):
    """One state of a job.

    :param drainable: whether a streaming job in it may have read data that a drain can finish.
    :param replaceable: whether a new job can take over from a streaming job in it.
    """

    drainable: bool = False
    replaceable: bool = False


DATAFLOW: Mapping[str, JobState] = {
    # https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.jobs#jobstate
    "JOB_STATE_UNKNOWN": JobState(Phase.MOVING),  # also the reply to a launch, which has no state yet
    "JOB_STATE_STOPPED": JobState(Phase.MOVING),  # "not started yet", in spite of its name
    "JOB_STATE_RUNNING": JobState(Phase.MOVING, drainable=True, replaceable=True),
    "JOB_STATE_DONE": JobState(Phase.SUCCEEDED),
    "JOB_STATE_FAILED": JobState(Phase.FAILED),
    "JOB_STATE_CANCELLED": JobState(Phase.FAILED),  # data in flight is lost
    "JOB_STATE_UPDATED": JobState(Phase.SUCCEEDED),  # its replacement continues with its data
    "JOB_STATE_DRAINING": JobState(Phase.MOVING, drainable=True, replaceable=True),
    "JOB_STATE_DRAINED": JobState(Phase.SUCCEEDED),  # all data in flight was finished
    "JOB_STATE_PENDING": JobState(Phase.MOVING),
    "JOB_STATE_CANCELLING": JobState(Phase.MOVING),
    "JOB_STATE_QUEUED": JobState(Phase.MOVING),
    "JOB_STATE_RESOURCE_CLEANING_UP": JobState(Phase.MOVING, drainable=True),
    "JOB_STATE_PAUSING": JobState(Phase.MOVING, drainable=True),
    "JOB_STATE_PAUSED": JobState(Phase.MOVING, drainable=True),
}

UNKNOWN = "JOB_STATE_UNKNOWN"
STOPPED = "JOB_STATE_STOPPED"
QUEUED = "JOB_STATE_QUEUED"
PENDING = "JOB_STATE_PENDING"
RUNNING = "JOB_STATE_RUNNING"
CANCELLING = "JOB_STATE_CANCELLING"
DRAINING = "JOB_STATE_DRAINING"
DONE = "JOB_STATE_DONE"
FAILED = "JOB_STATE_FAILED"
CANCELLED = "JOB_STATE_CANCELLED"
DRAINED = "JOB_STATE_DRAINED"
UPDATED = "JOB_STATE_UPDATED"
STREAMING = "JOB_TYPE_STREAMING"
BATCH = "JOB_TYPE_BATCH"

STATE = "|".join(DATAFLOW)
"""The type of a state, see :data:`airflow_dataflow_ext.api.rest.values.Fields`."""


def _in(phase: Phase) -> frozenset[str]:
    return frozenset(state for state, row in DATAFLOW.items() if row.phase is phase)


TERMINAL = frozenset(DATAFLOW) - _in(Phase.MOVING)
REPLACEABLE = frozenset(state for state, row in DATAFLOW.items() if row.replaceable)


def read_states(value: Any, at: str) -> list[str]:
    """A state, or several, which may be given as the text of a list.

    :raises InvalidInputError: none is given, or one is not a job state.
    """
    if isinstance(value, str):
        value = value if value.lstrip().startswith("[") else [value]
    elif isinstance(value, Collection | Iterator) and not isinstance(value, Mapping):
        value = list(value)
    found: list[str] = sorted(set(read(f"[{STATE}]", value, at, {}) or ()))
    if not found:
        raise InvalidInputError(f"{at} must name a state, such as {DONE}, and is {shown(value)}")
    return found


def state_of(job: Mapping[str, Any]) -> str:
    """The job's state; the reply to a launch has none yet."""
    return str(job.get("currentState") or UNKNOWN)


class _StateNames(type):
    """Gives a class one attribute for each row of the table."""

    def __getattr__(cls, name: str) -> str:
        if name in DATAFLOW:
            return name
        raise AttributeError(f"{name} is not a job state; the states are {', '.join(DATAFLOW)}")

    def __dir__(cls) -> list[str]:
        return [*super().__dir__(), *DATAFLOW]


class DataflowJobStatus(metaclass=_StateNames):
    """The states under the names by which DAGs import them from the Google provider."""

    SUCCEEDED_END_STATES = _in(Phase.SUCCEEDED)
    FAILED_END_STATES = _in(Phase.FAILED)
    TERMINAL_STATES = TERMINAL
    AWAITING_STATES = _in(Phase.MOVING)


class DataflowJobType:
    """The types of jobs under the names by which DAGs import them from the Google provider."""

    JOB_TYPE_UNKNOWN = "JOB_TYPE_UNKNOWN"
    JOB_TYPE_BATCH = BATCH
    JOB_TYPE_STREAMING = STREAMING
