"""Replacing a running streaming job: the wait for a job that can be replaced, and the sentence on which job continues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.states import REPLACEABLE, TERMINAL, UNKNOWN, state_of
from airflow_dataflow_ext.api.dataflow.where import elsewhere
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask, items, pages
from airflow_dataflow_ext.api.rest.errors import CallError, LaunchError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Say, Sleep
from airflow_dataflow_ext.api.rest.texts import shown


def replaceable(place: Place, name: str) -> Conversation[tuple[str, ...]]:
    """Wait for a job of this name that can be replaced; returns its id.

    https://cloud.google.com/dataflow/docs/guides/updating-a-pipeline

    :raises LaunchError: no job of this name is active, or it does not start running.
    """
    waited = 0.0
    request = Job.list.request(**place.path, name=name, filter="ACTIVE")
    while True:
        found = [job for job in items((yield from pages(request)), "jobs") if job.get("name") == name and job.get("id")]
        ready = tuple(str(job["id"]) for job in found if state_of(job) in REPLACEABLE)
        if ready:
            return ready
        if not found:
            where = yield from elsewhere(place, name.__eq__)
            raise LaunchError(f"There is nothing to replace: no job named {shown(name)} is active in {place}.{where}")
        states = ", ".join(f"{job['id']} is in {job.get('currentState', UNKNOWN)}" for job in found)
        if waited >= budgets.REPLACEABLE_WITHIN:
            raise LaunchError(f"No job named {shown(name)} has started to run within {waited:.0f} s, so none can be replaced: {states}.")
        if not waited:
            yield Say(f"A job can be replaced once it runs; waiting: {states}.")
        yield Sleep(budgets.REPLACE_EVERY)
        waited += budgets.REPLACE_EVERY


def who_goes_on(new: JobRef, job: Mapping[str, Any]) -> Conversation[str]:
    """After the wait for a replacement: a sentence that says which job took over, or continues.

    :param job: the replacement in its current state.
    """
    lives = job.get("currentState") not in TERMINAL
    waited = 0.0
    while True:
        try:
            old_id = job.get("replaceJobId") or (yield from _read(new)).get("replaceJobId")
            if not old_id:  # the service refused before it found the old job
                return ""
            old = yield from _read(new.place.job(str(old_id)))
        except CallError as error:
            return f"The job that it replaces cannot be read: {error}"
        state = old.get("currentState", UNKNOWN)
        if state in TERMINAL or not lives or waited >= budgets.TAKEN_OVER_WITHIN:
            break
        yield Sleep(budgets.REPLACE_EVERY)
        waited += budgets.REPLACE_EVERY
    if lives and state in TERMINAL:
        return f"Job {job['id']} took over from job {old_id}, which ended as {state}."
    return f"The job that it was to replace, {old_id}, is in {state}."


def _read(job: JobRef) -> Conversation[Json]:
    found: Json = yield from ask(Job.get.request(**job.path, view="JOB_VIEW_DESCRIPTION"))
    return found
