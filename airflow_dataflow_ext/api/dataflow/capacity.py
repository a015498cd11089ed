"""When the service is full: how it says so, and whether a job that failed for it had done any work."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow.bodies import parts_of
from airflow_dataflow_ext.api.dataflow.job import JobRef, Place, check_location
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.usage import totals
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidInputError, TooManyRequestsError
from airflow_dataflow_ext.api.rest.steps import Conversation, Say
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import sequence

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.dataflow.templates import Launch

_SHORTAGES = (
    # https://docs.cloud.google.com/compute/docs/resource-error ; by Dataflow: GoogleCloudPlatform/DataflowTemplates#2263
    (re.compile(r"ZONE_RESOURCE_POOL_EXHAUSTED"), "Compute Engine has no such machines free there; another zone or region may have some"),
    # googlecodelabs/feedback#967
    (re.compile(r"QUOTA_FOR_[A-Z0-9_]+"), "the project's quota of Compute Engine in that region is used up; ask Google for more of it"),
    # apache/beam#34381
    (re.compile(r"jobs-per-[a-z]+ quota"), "so many jobs run already; wait for one to end, or ask Google for a greater quota"),
)
"""What the service is short of in its own words, and what that means. Messages hold the words, and refusals too, whatever their status."""

ADVICE = 'when_full="wait" waits for room, and fallback_locations tries other regions.'

_OF_ONE_REGION = ("zone", "workerZone", "workerRegion", "subnetwork")


def fallbacks_of(launch: Launch, place: Place, locations: Any) -> tuple[Place, ...]:
    """The places where a launch is tried when there is no room in its own.

    :param locations: their names, also as the text of a list.
    :raises InvalidInputError: they are none, or the launch can be in one region only.
    """
    names = [check_location(location, "fallback_locations") for location in sequence(locations, "fallback_locations")]
    for name in names:
        if name == place.location or names.count(name) > 1:
            raise InvalidInputError(
                f"fallback_locations must name other locations than {place.location}, each once; {shown(name)} is not one of those"
            )
    for field, value in ((field, part[field]) for part in parts_of(launch.environment) for field in _OF_ONE_REGION if part.get(field)):
        raise InvalidInputError(f"{field} is {shown(value)}, which is in one region, and fallback_locations names others: leave one out")
    if launch.update:
        raise InvalidInputError("update replaces a job in its own location, and fallback_locations names others: leave one out")
    return tuple(replace(place, location=name) for name in names)


def shortage_in(said: str) -> str:
    """What the service says that it is short of, and what helps; empty where it does not say that."""
    for words, meaning in _SHORTAGES:
        if found := words.search(said):
            return f"{found[0]}: {meaning}"
    return ""


def shortage_behind(error: CallError) -> str:
    """What is short, and what helps, where a launch was refused for want of room; empty where it was refused for what it asks for."""
    shortage = shortage_in(str(error))
    if not shortage and not isinstance(error, TooManyRequestsError):
        return ""
    return f"The service has no room ({shortage or 'too many requests at a time'}). {ADVICE}"


def why_full(job: JobRef, messages: Sequence[str]) -> Conversation[str]:
    """Why a failed job had no room, by its error messages; empty where it failed for another reason, or had done work by then."""
    shortage = next((found for message in messages if (found := shortage_in(message))), "")
    if not shortage:
        return ""
    try:
        reply = yield from ask(Job.get_metrics.request(**job.path), retry_for=budgets.METRICS_WITHIN)
    except CallError as error:
        yield Say(f"Whether {job} did any work is not known: {error}")
        return ""
    worked = totals(reply.get("metrics", ())).get("vcpu_hours", 0.0) > 0
    return "" if worked else f"the service had no room for it ({shortage}). {ADVICE}"
