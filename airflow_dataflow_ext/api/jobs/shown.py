"""The launch record of a task on an Airflow that stores none, made from the jobs of its earlier tries."""

from __future__ import annotations

from msgspec.structs import replace

from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import Launcher
from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.rest.errors import ForeignJobError, NotFoundError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Now

EACH = 1000
"""Number of generations that each clear key has, so that jobs of different keys cannot be mistaken for each other."""

GAP = 2
"""After this many generations without a job there are no later ones: a try that launches a new job may skip one."""

FAR = 100
"""Greatest number of generations of a key that are checked."""


def shown_record(launcher: Launcher, identity: LaunchIdentity, *, clear_key: int, is_first: bool) -> Conversation[LaunchRecord]:
    """A launch record that tells how far earlier tries have come.

    The name or the labels of the launcher's jobs must tell which launch and generation they belong to.

    :param clear_key: see :func:`~airflow_dataflow_ext.api.jobs.launch_once.launch_once`; a clear increases it.
    :param is_first: whether this is the first try; then the service is not asked.
    """
    begin = clear_key * EACH
    record = LaunchRecord(
        step="refused", generation=begin, clear_key=clear_key, job_name=_name(launcher, identity, begin), since=(yield Now())
    )
    if is_first:
        return record
    generation, job = yield from _newest(launcher, identity, record)
    if job is not None and launcher.judge(job) is Phase.FAILED:
        return replace(record, step="intended", generation=generation + 1, job_name=_name(launcher, identity, generation + 1))
    if job is not None:
        return replace(record, step="launched", generation=generation, job_id=str(job["id"]))
    for earlier in range(clear_key):
        _, job = yield from _newest(launcher, identity, replace(record, generation=earlier * EACH))
        if job is not None and launcher.judge(job) is Phase.MOVING:
            return replace(record, step="launched", generation=begin - 1, clear_key=earlier, job_id=str(job["id"]))
    return replace(record, step="intended")


def _newest(launcher: Launcher, identity: LaunchIdentity, first: LaunchRecord) -> Conversation[tuple[int, Json | None]]:
    """The latest generation that has a job, from this record's on, and that job."""
    found: tuple[int, Json | None] = (first.generation, None)
    generation, missed = first.generation, 0
    while missed < GAP and generation < first.generation + FAR:
        record = replace(first, generation=generation, job_name=_name(launcher, identity, generation))
        job = None
        try:
            job = yield from launcher.find(record, replace(identity, generation=generation))
            missed = missed + 1 if job is None else 0
        except NotFoundError:  # it is listed, but cannot be read yet
            missed += 1
        except ForeignJobError:  # another job has the name; it may be that of a later generation
            pass
        found = found if job is None else (generation, job)
        generation += 1
    return found


def _name(launcher: Launcher, identity: LaunchIdentity, generation: int) -> str:
    return launcher.name(replace(identity, generation=generation))
