"""Finds the location of a job that the service does not know in the expected place, by searching the project's lists once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.methods import Project
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import items, pages
from airflow_dataflow_ext.api.rest.errors import CallError, NotFoundError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation
from airflow_dataflow_ext.api.rest.texts import LONGEST_VALUE, shortened

T = TypeVar("T")

PAGE = 500
MOST_PAGES = 5
"""How many pages of the project's jobs are read. A busy project has more, but an error must not wait long."""


def at_job(job: JobRef, conversation: Conversation[T]) -> Conversation[T]:
    """The result of a conversation about a job; if the job is not in this location, the error names the right one."""
    try:
        return (yield from conversation)
    except NotFoundError as error:
        explained = yield from where_is_it(job, error)
    raise explained


def where_is_it(job: JobRef, error: NotFoundError) -> Conversation[NotFoundError]:
    """The error with a sentence on where the job is, if the project's lists show it and can be read."""
    jobs, complete = yield from _jobs_of(job.place.project_id, "ALL")
    found = next((listed for listed in jobs if listed.get("id") == job.id), None)
    if found is not None and found.get("location") and found["location"] != job.place.location:
        return error.hinting(f"Job {job.id} is in {found['location']}: set location={found['location']!r}.")
    if found is None and complete:
        return error.hinting(f"No location of project {job.place.project_id} lists it.")
    return error


def elsewhere(place: Place, is_named: Callable[[str], bool]) -> Conversation[str]:
    """A sentence on an active job of this name in another location; empty if the project's lists show none."""
    jobs, _ = yield from _jobs_of(place.project_id, "ACTIVE")
    for job in jobs:
        name, location = str(job.get("name", "")), job.get("location", place.location)
        if location != place.location and is_named(name):
            return f" Job {job.get('id')} ({shortened(name, LONGEST_VALUE)}) is active in {location}: set location={location!r}."
    return ""


def _jobs_of(project_id: str, which: str) -> Conversation[tuple[list[Json], bool]]:
    """The project's jobs in all locations, and whether the list is complete; empty and incomplete if they cannot be listed.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.jobs/aggregated
    """
    request = Project.list_jobs.request(projectId=project_id, pageSize=PAGE, filter=which)
    try:
        bodies = yield from pages(request, retry_for=budgets.WHERE_WITHIN, limit=PAGE * MOST_PAGES)
    except CallError:
        return [], False
    return list(items(bodies, "jobs")), not bodies[-1].get("nextPageToken")
