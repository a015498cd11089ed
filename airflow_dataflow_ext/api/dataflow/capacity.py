"""Lack of capacity: how the service reports it, and whether a job that failed for it had done any work."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from airflow_dataflow_ext.api.dataflow.bodies import parts_of
from airflow_dataflow_ext.api.dataflow.job import JobRef, Place, check_location
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.usage import totals
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask, items
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
    (re.compile(r"QUOTA_FOR_[A-Z0-9_]+"), "the project's quota of Compute Engine in that region is used up; request a higher quota"),
    # apache/beam#34381
    (re.compile(r"jobs-per-[a-z]+ quota"), "too many jobs are running; wait for one to end, or request a higher quota"),
)
"""The service's texts about lack of capacity, and what each means. They occur in job messages, and in refusals of any status."""

ADVICE = 'when_full="wait" waits for capacity, and fallback_locations tries other regions.'

_OF_ONE_REGION = ("zone", "workerZone", "workerRegion", "subnetwork")


def fallbacks_of(launch: Launch, place: Place, locations: Any) -> tuple[Place, ...]:
    """The places to try when the launch's own place has no capacity.

    :param locations: names of the locations, which may be given as the text of a list.
    :raises InvalidInputError: a location is not valid, or the launch is tied to one region.
    """
    names = [check_location(location, "fallback_locations") for location in sequence(locations, "fallback_locations")]
    if not names:
        return ()
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
    """What the service is short of, according to its text, and what helps; empty if the text does not report a lack of capacity."""
    for words, meaning in _SHORTAGES:
        if found := words.search(said):
            return f"{found[0]}: {meaning}"
    return ""


def shortage_behind(error: CallError) -> str:
    """What the service is short of, and what helps, if it refused a launch for lack of capacity; empty if it refused for another reason."""
    shortage = shortage_in(str(error))
    if not shortage and not isinstance(error, TooManyRequestsError):
        return ""
    return f"The service has no capacity ({shortage or 'too many requests at a time'}). {ADVICE}"


def why_full(job: JobRef, messages: Sequence[str]) -> Conversation[str]:
    """What a failed job lacked, by its error messages; empty if it failed for another reason, or had already done work."""
    shortage = next((found for message in messages if (found := shortage_in(message))), "")
    if not shortage:
        return ""
    try:
        reply = yield from ask(Job.get_metrics.request(**job.path), retry_for=budgets.METRICS_WITHIN)
        used = totals(items([reply], "metrics"))
    except CallError as error:
        yield Say(f"Whether {job} did any work is not known: {error}")
        return ""
    return "" if used.get("vcpu_hours", 0.0) > 0 else f"the service had no capacity for it ({shortage}). {ADVICE}"
