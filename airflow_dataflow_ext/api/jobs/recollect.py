"""Restores a lost launch record from the jobs that have the task's job names."""

from __future__ import annotations

from msgspec.structs import replace

from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import Launcher
from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
from airflow_dataflow_ext.api.rest.errors import ForeignJobError, NotFoundError
from airflow_dataflow_ext.api.rest.steps import Conversation

OF_A_LAUNCH_BEFORE = -1
"""A clear key that never occurs, so that the restored record always counts as that of an earlier launch."""


def recollect(launcher: Launcher, identity: LaunchIdentity, *, tries: int) -> Conversation[LaunchRecord | None]:
    """The record of the task's latest launch that has a job; None if there is no such job.

    It is unknown whether a retry or a clear has happened since, so it counts as a clear: the job is stopped before a new one starts.

    :param tries: number of earlier tries; each starts at most one generation.
    :raises ForeignJobError: another job has the name, and may hide one of this task's.
    """
    hidden: ForeignJobError | None = None
    for generation in reversed(range(tries)):
        mine = replace(identity, generation=generation)
        record = LaunchRecord(step="intended", generation=generation, clear_key=OF_A_LAUNCH_BEFORE, job_name=launcher.name(mine), since=0.0)
        try:
            job = yield from launcher.find(record, mine)
        except ForeignJobError as error:  # or it belongs to another generation, if all have the same name
            hidden = error
            continue
        except NotFoundError:  # it is listed, but cannot be read
            continue
        if job is not None:
            return replace(record, step="launched", job_id=str(job["id"]))
    if hidden is not None:
        raise hidden
    return None
