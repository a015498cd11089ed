"""Descriptions of the methods of Salesforce's CRM Analytics REST API ("Wave"): one class per resource, one ``Method`` per action.

Source: https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_rest_overview.htm
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from airflow_dataflow_ext.api.rest.arguments import no_id
from airflow_dataflow_ext.api.rest.errors import AllowanceSpentError, InvalidInputError
from airflow_dataflow_ext.api.rest.method import ALWAYS, Json, Method, Refusal, Request, part
from airflow_dataflow_ext.api.rest.texts import shown

DEFAULT_VERSION = "59.0"
"""The API version that simple-salesforce, and so the Salesforce provider, uses by default."""

OLDEST_VERSION = 42
PREFIXES: Mapping[str, str] = {"dataflow": "02K", "recipe": "05v"}
"""What the ids of each kind of asset begin with."""
PAGE_SIZE = 200
"""Greatest number of jobs on a page."""

HEADERS = (("X-Chatter-Entity-Encoding", "false"),)
"""Headers of every call: the service then returns plain texts without HTML entities."""

_ROOT = "services/data/v{version}/wave"
_JOB = _ROOT + "/dataflowjobs/{jobId}"


_REFUSALS: Mapping[int | str, Refusal] = {
    401: Refusal("Check the credentials of the connection."),
    403: Refusal("Check the permissions of the user that the connection logs in, and whether CRM Analytics is on in the org."),
    404: Refusal("Check the id, the org, and whether the user that the connection logs in may see it."),
    "REQUEST_LIMIT_EXCEEDED": Refusal(
        "The org's API requests of the last 24 hours are used up ({header}).", header="sforce-limit-info", error=AllowanceSpentError
    ),
}
"""The meaning of refusals by any method. https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm"""

_OF_READING: Mapping[int | str, Refusal] = {400: Refusal(lasting=ALWAYS)}
"""The meaning of a 400 to a request that reads: the request is wrong. A start is also refused with 400 when too many runs are active."""


_WITHOUT_ID: Mapping[int | str, Refusal] = {
    404: Refusal("Check the version in the connection's extra, and the org: an org may not have that API version yet."),
}
"""The meaning of a 404 to a list, which names nothing but the API version."""


def _wave(name: str, verb: str, path: str, query: tuple[str, ...] = (), **facts: Any) -> Method:
    refusals = {**_REFUSALS, **(_OF_READING if verb == "GET" else {}), **(_WITHOUT_ID if verb == "GET" and "Id}" not in path else {})}
    return Method(id=f"wave.{name}", verb=verb, path=path, query=query, refusals=refusals, **{"repeatable": verb != "POST", **facts})


class DataflowJob:
    """``dataflowjobs``: runs of dataflows, recipes and data syncs."""

    list = _wave(
        "jobs.list",
        "GET",
        _ROOT + "/dataflowjobs",
        ("dataflowId", "jobTypes", "licenseType", "page", "pageSize", "q", "startedAfter", "startedBefore", "status"),
        reply="DataflowJobCollection",
        items="dataflowJobs",
    )
    start = _wave("jobs.start", "POST", _ROOT + "/dataflowjobs", body="DataflowJobInput", reply="DataflowJob")
    get = _wave("jobs.get", "GET", _JOB, reply="DataflowJob", needs="id")
    update = _wave("jobs.update", "PATCH", _JOB, body="DataflowJobInput", reply="DataflowJob")


class DataflowJobNode:
    """``dataflowjobs/nodes``: the steps of a run."""

    list = _wave("jobs.nodes.list", "GET", _JOB + "/nodes", reply="DataflowJobNodeCollection", items="nodes")
    get = _wave("jobs.nodes.get", "GET", _JOB + "/nodes/{nodeId}", reply="DataflowJobNode")


class Dataflow:
    """``dataflows``."""

    list = _wave("dataflows.list", "GET", _ROOT + "/dataflows", ("q",), reply="DataflowCollection", items="dataflows")
    get = _wave("dataflows.get", "GET", _ROOT + "/dataflows/{dataflowId}", reply="Dataflow")
    histories = _wave(
        "dataflows.histories", "GET", _ROOT + "/dataflows/{dataflowId}/histories", reply="DataflowHistoryCollection", items="histories"
    )


class Recipe:
    """``recipes``; a recipe is started as a job of its ``targetDataflowId``."""

    list = _wave(
        "recipes.list",
        "GET",
        _ROOT + "/recipes",
        ("format", "licenseType", "page", "pageSize", "q", "sort"),
        reply="RecipeCollection",
        items="recipes",
    )
    get = _wave("recipes.get", "GET", _ROOT + "/recipes/{recipeId}", ("format",), reply="Recipe")


class DataConnector:
    """``dataConnectors``, which sync data into the org."""

    ingest = _wave(
        "dataConnectors.ingest", "POST", _ROOT + "/dataConnectors/{connectorId}/ingest", body="Empty", reply="RestoreDatasetVersion"
    )


class Limit:
    """``limits`` of the analytics platform."""

    list = _wave("limits.list", "GET", _ROOT + "/limits", ("licenseType", "types"), reply="WaveLimitCollection", items="limits")


RESOURCES = (DataflowJob, DataflowJobNode, Dataflow, Recipe, DataConnector, Limit)

SINCE: Mapping[str, int] = {
    DataflowJob.list.id: 42,
    DataflowJob.start.id: 42,
    DataflowJob.get.id: 42,
    DataflowJob.update.id: 42,
    DataflowJobNode.list.id: 50,
    DataflowJobNode.get.id: 50,
    Dataflow.list.id: 37,
    Dataflow.get.id: 37,
    Dataflow.histories.id: 46,
    Recipe.list.id: 38,
    Recipe.get.id: 38,
    DataConnector.ingest.id: 43,
    Limit.list.id: 51,
}
"""The first API version that has each method."""

QUERY_SINCE: Mapping[tuple[str, str], int] = {
    **dict.fromkeys(((DataflowJob.list.id, name) for name in ("licenseType", "page", "pageSize", "q", "status")), 51),
    **dict.fromkeys(((DataflowJob.list.id, name) for name in ("jobTypes", "startedAfter", "startedBefore")), 53),
    (Dataflow.list.id, "q"): 47,
    (Recipe.list.id, "format"): 48,
    (Recipe.get.id, "format"): 49,
    (Recipe.list.id, "licenseType"): 52,
}
"""The first API version in which a query parameter works, if that is later than its method."""

JOB_FIELDS: Mapping[str, tuple[int, int]] = {
    "dataflow": (42, 45),
    "source": (46, 999),
    "jobType": (46, 999),
    "progress": (46, 999),
    "executedDate": (46, 999),
    "nodesUrl": (50, 999),
    "syncDataflows": (50, 999),
    "licenseAttributes": (51, 999),
    "waitTime": (53, 999),
    "endDate": (55, 999),
    "retryCount": (55, 999),
    "nextRunDate": (55, 999),
    "inputNodes": (55, 999),
    "outputNodes": (55, 999),
    "transformNodes": (57, 999),
    "events": (60, 999),
}
"""First and last API version of those fields of a job that not every version has."""


def all_methods() -> Iterator[Method]:
    """All methods of the service."""
    for resource in RESOURCES:
        yield from (fact for fact in vars(resource).values() if isinstance(fact, Method))


def number_of(version: str, at: str = "the API version") -> int:
    """``59`` for ``59.0``, ``59`` or ``v59.0``.

    :param at: where the version was set, for the error message.
    :raises InvalidInputError: it is not a version, or a version without dataflow jobs.
    """
    match = re.fullmatch(r"v?([0-9]{2,3})(\.0+)?", version, re.IGNORECASE)
    if not match or int(match[1]) < OLDEST_VERSION:
        raise InvalidInputError(f"{at} must be a number such as {DEFAULT_VERSION}, from {OLDEST_VERSION}.0 on, not {shown(version)}")
    return int(match[1])


def knows(method: Method, version: str, parameter: str = "") -> bool:
    """Whether an API version has the method or, if ``parameter`` is given, this query parameter of the method."""
    number = number_of(version)
    return number >= SINCE[method.id] and number >= QUERY_SINCE.get((method.id, parameter), 0)


def call(method: Method, version: str, body: Mapping[str, Any] | None = None, /, **values: Any) -> Request:
    """A request to one API version.

    :param values: path and query parameters under the service's own names; ``None`` counts as not given.
    :raises InvalidInputError: the version does not have the method or a parameter, or a value is missing.
    """
    if not knows(method, version):
        raise InvalidInputError(f"{method.id} needs version {SINCE[method.id]}.0 of the API; the connection asks for {version}")
    for name, value in values.items():
        if value is not None and not knows(method, version, name):
            need = QUERY_SINCE[method.id, name]
            raise InvalidInputError(f"{name} of {method.id} needs version {need}.0 of the API; the connection asks for {version}")
    return replace(method.request(body, version=f"{number_of(version)}.0", **values), headers=HEADERS)


def full_id(id: Any, at: str = "id") -> str:
    """The 18-character form of an id, which lists contain; the 15-character form lacks the checksum of three characters.

    https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm

    :param at: name of the argument, for the error message.
    :raises InvalidInputError: it is not an id.
    """
    if not isinstance(id, str) or not re.fullmatch(r"[0-9A-Za-z]{15}([0-9A-Za-z]{3})?", id):
        raise no_id(id, at, "a Salesforce id of 15 or 18 letters and digits")
    marks = ("".join("1" if letter.isupper() else "0" for letter in reversed(id[start : start + 5])) for start in (0, 5, 10))
    return id[:15] + "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[int(mark, 2)] for mark in marks)


def run_id(id: Any, at: str) -> str:
    """The 18-character form of a run's id.

    :param at: name of the argument, for the error message.
    :raises InvalidInputError: it is not an id, or the id of what the run runs.
    """
    found = full_id(id, at)
    if what := kind_of(found):
        raise InvalidInputError(f"{at} must be the id of a run, and {shown(id)} is the id of a {what}")
    return found


def kind_of(text: str) -> str:
    """Which kind of asset a text is the id of; empty if it is none."""
    return next((kind for kind, prefix in PREFIXES.items() if is_id(text, prefix)), "")


def is_id(text: str, prefix: str) -> bool:
    """Whether a text is an id with a prefix, which stands for a kind of object, for example ``02K`` for a dataflow."""
    return text.startswith(prefix) and re.fullmatch(r"[0-9A-Za-z]{15}([0-9A-Za-z]{3})?", text) is not None


def source_of(job: Json) -> Json:
    """What a job runs, for example a dataflow: ``source`` since version 46, ``dataflow`` before."""
    return part(job, "source") or part(job, "dataflow")
