"""The launch record of a task whose Airflow keeps none, made from the jobs that the service shows of its earlier tries."""

from __future__ import annotations

from dataclasses import replace

from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import Launcher, LaunchRecord
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.rest.errors import ForeignJobError, NotFoundError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Now

EACH = 1000
"""A clear moves the generation by so many for each try that was made before it, so that no job before it is taken for one after it."""

GAP = 2
"""After so many generations without a job there are no later ones: a try that launches anew may leave one out."""

FAR = 100
"""So many generations are looked at the most."""


def shown_record(launcher: Launcher, identity: LaunchIdentity, *, clears: int, is_first: bool) -> Conversation[LaunchRecord | None]:
    """How far earlier tries have come; None when there is nothing to look for.

    The launcher's jobs must tell by name or labels which launch and generation they are of.

    :param clears: how far clears have moved the task's last try.
    :param is_first: whether nobody has tried since the last clear.
    """
    begin, now = clears * EACH, (yield Now())
    intended = LaunchRecord(step="intended", generation=begin, clears=clears, job_name=launcher.name(identity), since=now)
    if not is_first:
        generation, job = yield from _newest(launcher, identity, intended)
        if job is not None and launcher.judge(job) is Phase.FAILED:
            return replace(intended, generation=generation + 1, job_name=_name(launcher, identity, generation + 1))
        if job is not None:
            return replace(intended, step="launched", generation=generation, job_id=str(job["id"]))
    for earlier in range(clears):
        _, job = yield from _newest(launcher, identity, replace(intended, generation=earlier * EACH))
        if job is not None and launcher.judge(job) is Phase.MOVING:
            return replace(intended, step="launched", generation=begin - 1, clears=earlier, job_id=str(job["id"]))
    intended = replace(intended, job_name=_name(launcher, identity, begin))
    if is_first:
        return replace(intended, step="refused") if clears else None
    return intended


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
