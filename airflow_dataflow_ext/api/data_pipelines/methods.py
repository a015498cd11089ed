"""Descriptions of the methods of Google's Data Pipelines v1: one class per resource, one ``Method`` per action.

Source: the discovery document ``datapipelines.v1.json``, https://datapipelines.googleapis.com/$discovery/rest?version=v1 ;
a test compares every entry with the copy that google-api-python-client ships.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_dataflow_ext.api.rest.method import Method, Refusal

ROOT = "https://datapipelines.googleapis.com"

_PIPELINES = "v1/projects/{projectId}/locations/{location}/pipelines"
_PIPELINE = _PIPELINES + "/{pipelineId}"
_PAGE = ("pageSize", "pageToken")
_SCHEMA = "GoogleCloudDatapipelinesV1"

_REFUSALS: Mapping[int | str, Refusal] = {
    400: Refusal(lasting=("INVALID_ARGUMENT",), unless=("quota",)),
    401: Refusal("Check the credentials of the connection."),
    403: Refusal(
        "Check that the project has the Data Pipelines API enabled, and the roles of the account that the connection uses; new ones take "
        "some minutes to count."
    ),
    404: Refusal("Check the pipeline's name, the project and the location: a pipeline can be found only in its own location."),
}
"""The meaning of refusals by any method."""


def _method(name: str, verb: str, path: str, query: tuple[str, ...] = (), *, body: str | None = None, reply: str, **facts: Any) -> Method:
    return Method(
        id=name,
        verb=verb,
        path=path,
        query=query,
        body=body and _SCHEMA + body,
        reply=reply if reply.startswith("Google") else _SCHEMA + reply,
        refusals=_REFUSALS,
        root=ROOT,
        **facts,
    )


class Pipeline:
    """``projects.locations.pipelines``."""

    create = _method("pipelines.create", "POST", _PIPELINES, body="Pipeline", reply="Pipeline", repeatable=False)
    get = _method("pipelines.get", "GET", _PIPELINE, reply="Pipeline", repeatable=True)
    list = _method(
        "pipelines.list", "GET", _PIPELINES, ("filter", *_PAGE), reply="ListPipelinesResponse", repeatable=True, items="pipelines"
    )
    patch = _method("pipelines.patch", "PATCH", _PIPELINE, ("updateMask",), body="Pipeline", reply="Pipeline", repeatable=True)
    run = _method("pipelines.run", "POST", _PIPELINE + ":run", body="RunPipelineRequest", reply="RunPipelineResponse", repeatable=False)
    stop = _method("pipelines.stop", "POST", _PIPELINE + ":stop", body="StopPipelineRequest", reply="Pipeline", repeatable=True)
    delete = _method("pipelines.delete", "DELETE", _PIPELINE, reply="GoogleProtobufEmpty", repeatable=True)


class PipelineJob:
    """``projects.locations.pipelines.jobs``."""

    list = _method("pipelines.jobs.list", "GET", _PIPELINE + "/jobs", _PAGE, reply="ListJobsResponse", repeatable=True, items="jobs")


RESOURCES = (Pipeline, PipelineJob)


def all_methods() -> Iterator[Method]:
    """All methods of the service."""
    for resource in RESOURCES:
        yield from (fact for fact in vars(resource).values() if isinstance(fact, Method))
