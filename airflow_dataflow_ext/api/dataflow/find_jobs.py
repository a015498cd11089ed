"""How the active jobs of a name are found."""

from __future__ import annotations

from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.wait import state_of
from airflow_dataflow_ext.api.rest.ask import items, pages
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Say


def find_jobs(place: Place, *, name: str | None = None, prefix: str | None = None) -> Conversation[list[Json]]:
    """Summaries of the active jobs of a name, or with a name that begins so; each goes to the log.

    :raises CallError: the service refuses to list, or there was trouble for too long.
    """
    request = Job.list.request(**place.path, name=name, filter="ACTIVE")
    listed = items((yield from pages(request)), "jobs")
    found = [job for job in listed if (str(job.get("name")) == name if name else str(job.get("name")).startswith(str(prefix)))]
    for job in found:
        yield Say(f"Found {place.job(str(job['id']))}: {job.get('name')}, {state_of(job)}.")
    if not found:
        what = f"of the name {name!r}" if name else f"with a name that begins with {prefix!r}"
        yield Say(f"There is no job to stop: no active job {what} in {place}.")
    return found
