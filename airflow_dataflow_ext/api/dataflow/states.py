"""The documented states of a job, one row each, and what each means."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_dataflow_ext.api.jobs.phase import Phase

DATAFLOW: Mapping[str, Phase] = {
    # https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.jobs#jobstate
    "JOB_STATE_UNKNOWN": Phase.MOVING,  # also a launch reply, which has no state yet
    "JOB_STATE_STOPPED": Phase.MOVING,  # "not started yet", in spite of its name
    "JOB_STATE_RUNNING": Phase.MOVING,
    "JOB_STATE_DONE": Phase.SUCCEEDED,
    "JOB_STATE_FAILED": Phase.FAILED,
    "JOB_STATE_CANCELLED": Phase.FAILED,  # data in flight is lost
    "JOB_STATE_UPDATED": Phase.SUCCEEDED,  # its replacement goes on with its data
    "JOB_STATE_DRAINING": Phase.MOVING,
    "JOB_STATE_DRAINED": Phase.SUCCEEDED,  # all data in flight was finished
    "JOB_STATE_PENDING": Phase.MOVING,
    "JOB_STATE_CANCELLING": Phase.MOVING,
    "JOB_STATE_QUEUED": Phase.MOVING,
    "JOB_STATE_RESOURCE_CLEANING_UP": Phase.MOVING,
    "JOB_STATE_PAUSING": Phase.MOVING,
    "JOB_STATE_PAUSED": Phase.MOVING,
}


UNKNOWN = "JOB_STATE_UNKNOWN"
RUNNING = "JOB_STATE_RUNNING"
DONE = "JOB_STATE_DONE"
FAILED = "JOB_STATE_FAILED"
CANCELLED = "JOB_STATE_CANCELLED"
DRAINED = "JOB_STATE_DRAINED"
UPDATED = "JOB_STATE_UPDATED"
CANCELLING = "JOB_STATE_CANCELLING"
DRAINING = "JOB_STATE_DRAINING"
STREAMING = "JOB_TYPE_STREAMING"
BATCH = "JOB_TYPE_BATCH"

TERMINAL = frozenset(state for state, phase in DATAFLOW.items() if phase is not Phase.MOVING)


class DataflowJobStatus:
    """The states under the names by which DAGs import them from the Google provider."""

    JOB_STATE_UNKNOWN = "JOB_STATE_UNKNOWN"
    JOB_STATE_STOPPED = "JOB_STATE_STOPPED"
    JOB_STATE_RUNNING = "JOB_STATE_RUNNING"
    JOB_STATE_DONE = "JOB_STATE_DONE"
    JOB_STATE_FAILED = "JOB_STATE_FAILED"
    JOB_STATE_CANCELLED = "JOB_STATE_CANCELLED"
    JOB_STATE_UPDATED = "JOB_STATE_UPDATED"
    JOB_STATE_DRAINING = "JOB_STATE_DRAINING"
    JOB_STATE_DRAINED = "JOB_STATE_DRAINED"
    JOB_STATE_PENDING = "JOB_STATE_PENDING"
    JOB_STATE_CANCELLING = "JOB_STATE_CANCELLING"
    JOB_STATE_QUEUED = "JOB_STATE_QUEUED"
    JOB_STATE_RESOURCE_CLEANING_UP = "JOB_STATE_RESOURCE_CLEANING_UP"
    JOB_STATE_PAUSING = "JOB_STATE_PAUSING"
    JOB_STATE_PAUSED = "JOB_STATE_PAUSED"
    SUCCEEDED_END_STATES = frozenset(state for state, phase in DATAFLOW.items() if phase is Phase.SUCCEEDED)
    FAILED_END_STATES = frozenset(state for state, phase in DATAFLOW.items() if phase is Phase.FAILED)
    TERMINAL_STATES = TERMINAL
    AWAITING_STATES = frozenset(DATAFLOW) - TERMINAL


class DataflowJobType:
    """The types of jobs under the names by which DAGs import them from the Google provider."""

    JOB_TYPE_UNKNOWN = "JOB_TYPE_UNKNOWN"
    JOB_TYPE_BATCH = BATCH
    JOB_TYPE_STREAMING = STREAMING
