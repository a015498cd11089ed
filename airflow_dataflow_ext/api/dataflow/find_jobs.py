"""Finds the active jobs of a name, and tells which launch a job belongs to."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.names import LAUNCH_LABEL, made_name, with_suffix
from airflow_dataflow_ext.api.dataflow.states import TERMINAL, state_of
from airflow_dataflow_ext.api.dataflow.where import elsewhere
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.arguments import needed, only_given
from airflow_dataflow_ext.api.rest.ask import ask, items, pages
from airflow_dataflow_ext.api.rest.errors import NothingFoundError
from airflow_dataflow_ext.api.rest.method import Json, part
from airflow_dataflow_ext.api.rest.steps import Conversation, Now, Say, Sleep
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.times import epoch_or

_SUFFIX = re.compile(r"-([0-9a-f]{10})$")
_MOST_SIMILAR = 5


def find_jobs(place: Place, *, name: str | None = None, prefix: str | None = None, must_find: bool = False) -> Conversation[list[Json]]:
    """Summaries of active jobs; each is logged.

    :param name: jobs of exactly this name, and jobs that this package has launched with that name. Their names are the name as Google
        accepts it, with a suffix, which the job's label confirms.
    :param prefix: instead, all jobs whose name begins with this, whoever started them.
    :param must_find: whether it is an error if there are none.
    :raises InvalidInputError: neither a name nor a prefix is given, or both are.
    :raises NothingFoundError: there are none, and ``must_find`` is set.
    :raises CallError: the service refuses to list, or gave no good answer for too long.
    """
    if only_given(job_name=name, job_name_prefix=prefix) == "job_name":
        name = needed(name, "job_name")
    else:
        prefix = needed(prefix, "job_name_prefix")
    bodies = yield from pages(Job.list.request(**place.path, filter="ACTIVE"))
    active = [job for job in items(bodies, "jobs") if job.get("id")]
    found = []
    for job in active:
        if name_of(job).startswith(prefix) if prefix else (yield from _is_named(place, job, str(name))):
            found.append(job)
            yield Say(f"Found {place.job(str(job['id']))}: {name_of(job)}, {state_of(job)}.")
    if not found:
        why = _nothing(place, str(name or prefix), active, by_prefix=bool(prefix))
        why += yield from elsewhere(place, lambda other: other.startswith(prefix) if prefix else _may_be_named(other, str(name)))
        if must_find:
            raise NothingFoundError(why)
        yield Say(why, logging.WARNING)
    return found


def _is_named(place: Place, job: Json, name: str) -> Conversation[bool]:
    """Whether the job has the name, or was launched by this package with that name."""
    if name_of(job) == name:
        return True
    if not _may_be_named(name_of(job), name):
        return False
    owner = yield from _owner(place, job)
    return bool(owner) and name_of(job) in (made_name(name), with_suffix(made_name(name), owner))


def _may_be_named(found: str, name: str) -> bool:
    """Whether a job of that name may have been launched by this package with this name; the job's label then decides."""
    made, suffix = made_name(name), _SUFFIX.search(found)
    return found in (name, made) or (suffix is not None and found == with_suffix(made, suffix[1]))


def _owner(place: Place, job: Json) -> Conversation[str]:
    """The suffix of the job's launch; a new job may not show it yet."""
    now = yield Now()
    young = now - epoch_or(job.get("createTime"), now) < budgets.LABELS_WITHIN
    return owner_of((yield from (read_with_labels if young else read_whole)(place.job(str(job["id"])))))


def _nothing(place: Place, sought: str, active: Sequence[Json], *, by_prefix: bool) -> str:
    what = f"with a name that begins with {shown(sought)}" if by_prefix else f"named {shown(sought)}, nor launched under that name,"
    text = f"There is no job to stop: no job {what} is active in project {place.project_id}, location {place.location}."
    names = sorted({name_of(job) for job in active})
    wanted = made_name(sought)
    similar = [name for name in names if wanted in name or name in wanted]
    similar += [name for name in difflib.get_close_matches(wanted, names, n=_MOST_SIMILAR) if name not in similar]
    if similar:
        return f"{text} Active there under similar names: {', '.join(map(shown, similar[:_MOST_SIMILAR]))}."
    others = f"{len(names)} other names" if len(names) > 1 else "another name"
    return f"{text} {f'Jobs of {others} are active there.' if names else 'No other job is active there.'}"


def name_of(job: Mapping[str, Any]) -> str:
    """The job's name."""
    return str(job.get("name", ""))


def owner_of(job: Mapping[str, Any]) -> str:
    """The suffix of the job's launch, by its label; empty if this package did not launch it."""
    return str(part(job, "labels").get(LAUNCH_LABEL, ""))


def read_whole(job: JobRef) -> Conversation[Json]:
    """The job with its labels, if it already shows them."""
    return ask(Job.get.request(**job.path, view="JOB_VIEW_DESCRIPTION"))


def read_with_labels(at: JobRef) -> Conversation[Json]:
    """The job once it shows its labels, or no longer moves."""
    waited = 0.0
    while True:
        job = yield from read_whole(at)
        if job.get("labels") or job.get("currentState") in TERMINAL or waited >= budgets.LABELS_WITHIN:
            return job
        if not waited:
            yield Say(f"{at} has this launch's name and shows no labels yet; waiting for them.")
        yield Sleep(budgets.LABELS_EVERY)
        waited += budgets.LABELS_EVERY
