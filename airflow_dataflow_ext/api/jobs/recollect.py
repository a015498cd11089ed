"""The launch record of a task that has lost it, made again from the jobs that bear its names."""

from __future__ import annotations

from dataclasses import replace

from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import Launcher
from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
from airflow_dataflow_ext.api.rest.errors import ForeignJobError, NotFoundError
from airflow_dataflow_ext.api.rest.steps import Conversation

OF_A_LAUNCH_BEFORE = -1
"""A key that no clear has: whatever the record is of, it is not of the launch that begins now."""


def recollect(launcher: Launcher, identity: LaunchIdentity, *, tries: int) -> Conversation[LaunchRecord | None]:
    """The record of the task's latest launch that has left a job; None when there is no such job.

    Nobody can say whether a retry or a clear has come since, so that it counts as a clear: the job is stopped before a new one starts.

    :param tries: how many there were; each starts one generation at the most.
    :raises ForeignJobError: somebody else's job has the name, and may hide one of this task's.
    """
    hidden: ForeignJobError | None = None
    for generation in reversed(range(tries)):
        mine = replace(identity, generation=generation)
        record = LaunchRecord(step="intended", generation=generation, clear_key=OF_A_LAUNCH_BEFORE, job_name=launcher.name(mine), since=0.0)
        try:
            job = yield from launcher.find(record, mine)
        except ForeignJobError as error:  # or of another generation, when all have one name
            hidden = error
            continue
        except NotFoundError:  # listed, and not readable
            continue
        if job is not None:
            return replace(record, step="launched", job_id=str(job["id"]))
    if hidden is not None:
        raise hidden
    return None
