"""Where a job is that the service does not know in the place that was asked: one look through the lists of the project."""

from __future__ import annotations

from typing import TypeVar

from airflow_dataflow_ext.api.dataflow.job import JobRef
from airflow_dataflow_ext.api.dataflow.methods import Project
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import items, pages
from airflow_dataflow_ext.api.rest.errors import CallError, NotFoundError
from airflow_dataflow_ext.api.rest.steps import Conversation

T = TypeVar("T")

PAGE = 500
MOST_PAGES = 5
"""Pages of the project's jobs that are read: a busy project has more, and an error must come soon."""


def at_job(job: JobRef, conversation: Conversation[T]) -> Conversation[T]:
    """What a conversation about a job gives; where there is no such job, the error says in which location it is."""
    try:
        return (yield from conversation)
    except NotFoundError as error:
        explained = yield from where_is_it(job, error)
    raise explained


def where_is_it(job: JobRef, error: NotFoundError) -> Conversation[NotFoundError]:
    """The error with a sentence on where the job is, as far as the project's lists say; trouble with them adds none.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.jobs/aggregated
    """
    request = Project.list_jobs.request(projectId=job.place.project_id, pageSize=PAGE, filter="ALL")
    try:
        bodies = yield from pages(request, retry_for=budgets.WHERE_WITHIN, limit=PAGE * MOST_PAGES)
    except CallError:
        return error
    found = next((listed for listed in items(bodies, "jobs") if listed.get("id") == job.id), None)
    if found is not None and found.get("location") and found["location"] != job.place.location:
        return error.hinting(f"Job {job.id} is in {found['location']}: set location={found['location']!r}.")
    if found is None and not bodies[-1].get("nextPageToken"):
        return error.hinting(f"No location of project {job.place.project_id} lists it.")
    return error
