"""The launch record of a task whose Airflow keeps none, made from the jobs that the service shows of its earlier tries."""

from __future__ import annotations

from dataclasses import replace

from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import Launcher
from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.rest.errors import ForeignJobError, NotFoundError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Now

EACH = 1000
"""Generations of one clear key: jobs of different keys can never be taken for each other's."""

GAP = 2
"""After so many generations without a job there are no later ones: a try that launches anew may leave one out."""

FAR = 100
"""So many generations of a key are looked at the most."""


def shown_record(launcher: Launcher, identity: LaunchIdentity, *, clear_key: int, is_first: bool) -> Conversation[LaunchRecord]:
    """How far earlier tries have come.

    The launcher's jobs must tell by name or labels which launch and generation they are of.

    :param clear_key: see :func:`~airflow_dataflow_ext.api.jobs.launch_once.launch_once`; a clear makes it greater.
    :param is_first: whether there was no try before; then nobody is asked.
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
    """The job of the latest generation from this record's on, and its generation."""
    found: tuple[int, Json | None] = (first.generation, None)
    generation, missed = first.generation, 0
    while missed < GAP and generation < first.generation + FAR:
        record = replace(first, generation=generation, job_name=_name(launcher, identity, generation))
        job = None
        try:
            job = yield from launcher.find(record, replace(identity, generation=generation))
            missed = missed + 1 if job is None else 0
        except NotFoundError:  # it is listed, and not yet readable
            missed += 1
        except ForeignJobError:  # another one has the name, which may be the job of a later generation
            pass
        found = found if job is None else (generation, job)
        generation += 1
    return found


def _name(launcher: Launcher, identity: LaunchIdentity, generation: int) -> str:
    return launcher.name(replace(identity, generation=generation))
