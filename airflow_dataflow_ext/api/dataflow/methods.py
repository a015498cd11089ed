"""Descriptions of the methods of Google Cloud Dataflow v1b3: one class per resource, one ``Method`` per action.

Source: the discovery document ``dataflow.v1b3.json``, https://dataflow.googleapis.com/$discovery/rest?version=v1b3 ;
a test compares every entry with the copy that google-api-python-client ships.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_dataflow_ext.api.rest.method import ALWAYS, Method, Refusal

ROOT = "https://dataflow.googleapis.com"
DEFAULT_LOCATION = "us-central1"
"""The location of a call that names none."""

_PROJECT = "v1b3/projects/{projectId}"
_LOCATION = _PROJECT + "/locations/{location}"
_PAGE = ("pageSize", "pageToken")
_JOB_FILTERS = (
    "filter",
    "name",
    *_PAGE,
    "createTimeRange.startTime",
    "createTimeRange.endTime",
    "terminationTimeRange.startTime",
    "terminationTimeRange.endTime",
    "regionalFanoutRequested",
    "view",
)


_REFUSALS: Mapping[int | str, Refusal] = {
    400: Refusal(lasting=("INVALID_ARGUMENT", "invalid regional endpoint"), unless=("quota",)),
    401: Refusal("Check the credentials of the connection."),
    403: Refusal("Check the roles of the account that the connection uses; new ones take some minutes to count."),
    404: Refusal("Check the project and the location."),
}
"""The meaning of refusals by any method."""

_NOT_FOUND: Mapping[str, Refusal] = {
    "/jobs/{jobId}": Refusal("A job can be found only in its own project and location, and for 30 days after its end."),
    "/snapshots/{snapshotId}": Refusal("A snapshot can be found only in its own project and location, until its time to live is over."),
    "emplates": Refusal(
        "Check the template's path and its bucket, and that the connection's account and the workers' service account may read them.",
        lasting=ALWAYS,
        unless=("RUNNING OR DRAINING", "DEADLINE_EXCEEDED"),  # a job to replace that is not running yet; slow storage
    ),
}
"""The meaning of a 404, by a part of the path."""


def _refusals(path: str) -> dict[int | str, Refusal]:
    found = [refusal for part, refusal in _NOT_FOUND.items() if part in path]
    return {**_REFUSALS, **({404: found[0]} if found else {})}


def _regional(name: str, verb: str, suffix: str, query: tuple[str, ...] = (), **facts: Any) -> Method:
    return Method(id=name, verb=verb, path=_LOCATION + suffix, query=query, refusals=_refusals(suffix), **facts)


def _wide(name: str, verb: str, suffix: str, query: tuple[str, ...] = (), **facts: Any) -> Method:
    return Method(id=name, verb=verb, path=_PROJECT + suffix, query=query, refusals=_refusals(suffix), **facts)


def _both(name: str, verb: str, suffix: str, query: tuple[str, ...] = (), *, location_in_query: bool = True, **facts: Any) -> Method:
    """A method with both paths; if it has no regional path, the location goes into the query or, for some methods, into the body."""
    wide = _wide(name, verb, suffix, (*query, "location") if location_in_query else query, **facts)
    return _regional(name, verb, suffix, query, wide=wide, **facts)


class Project:
    """``projects``: calls about a whole project."""

    delete_snapshots = _wide(
        "deleteSnapshots", "DELETE", "/snapshots", ("location", "snapshotId"), reply="DeleteSnapshotResponse", repeatable=True
    )
    list_jobs = _wide(
        "jobs.aggregated", "GET", "/jobs:aggregated", (*_JOB_FILTERS, "location"), reply="ListJobsResponse", repeatable=True, items="jobs"
    )


class Location:
    """``projects.locations``: messages from workers."""

    worker_messages = _both(
        "workerMessages",
        "POST",
        "/WorkerMessages",
        location_in_query=False,
        body="SendWorkerMessagesRequest",
        reply="SendWorkerMessagesResponse",
        repeatable=False,
    )


class WorkItem:
    """``projects.locations.jobs.workItems``: the protocol between a worker and the service."""

    lease = _both(
        "jobs.workItems.lease",
        "POST",
        "/jobs/{jobId}/workItems:lease",
        location_in_query=False,
        body="LeaseWorkItemRequest",
        reply="LeaseWorkItemResponse",
        repeatable=False,
    )
    report_status = _both(
        "jobs.workItems.reportStatus",
        "POST",
        "/jobs/{jobId}/workItems:reportStatus",
        location_in_query=False,
        body="ReportWorkItemStatusRequest",
        reply="ReportWorkItemStatusResponse",
        repeatable=False,
    )


class Stage:
    """``projects.locations.jobs.stages``."""

    get_execution_details = _regional(
        "jobs.stages.getExecutionDetails",
        "GET",
        "/jobs/{jobId}/stages/{stageId}/executionDetails",
        ("startTime", "endTime", *_PAGE),
        reply="StageExecutionDetails",
        repeatable=True,
        items="workers",
    )


class Template:
    """``projects.locations.templates``: classic templates."""

    create = _both(
        "templates.create",
        "POST",
        "/templates",
        location_in_query=False,
        body="CreateJobFromTemplateRequest",
        reply="Job",
        repeatable=False,
    )
    get = _both("templates.get", "GET", "/templates:get", ("gcsPath", "view"), reply="GetTemplateResponse", repeatable=True)
    launch = _both(
        "templates.launch",
        "POST",
        "/templates:launch",
        ("gcsPath", "validateOnly", "dynamicTemplate.gcsPath", "dynamicTemplate.stagingLocation"),
        body="LaunchTemplateParameters",
        reply="LaunchTemplateResponse",
        repeatable=False,
    )


class FlexTemplate:
    """``projects.locations.flexTemplates``."""

    launch = _regional(
        "flexTemplates.launch",
        "POST",
        "/flexTemplates:launch",
        body="LaunchFlexTemplateRequest",
        reply="LaunchFlexTemplateResponse",
        repeatable=False,
    )


class Snapshot:
    """``projects.locations.snapshots`` and the snapshots of a job."""

    get = _both("snapshots.get", "GET", "/snapshots/{snapshotId}", reply="Snapshot", repeatable=True, needs="id")
    list = _both("snapshots.list", "GET", "/snapshots", ("jobId",), reply="ListSnapshotsResponse", repeatable=True)
    list_of_job = _regional("jobs.snapshots.list", "GET", "/jobs/{jobId}/snapshots", reply="ListSnapshotsResponse", repeatable=True)
    delete = _regional("snapshots.delete", "DELETE", "/snapshots/{snapshotId}", reply="DeleteSnapshotResponse", repeatable=True)


class Message:
    """``projects.locations.jobs.messages``."""

    list = _both(
        "jobs.messages.list",
        "GET",
        "/jobs/{jobId}/messages",
        ("minimumImportance", "startTime", "endTime", *_PAGE),
        reply="ListJobMessagesResponse",
        repeatable=True,
        items="jobMessages",
    )


class Debug:
    """``projects.locations.jobs.debug``."""

    get_config = _both(
        "jobs.debug.getConfig",
        "POST",
        "/jobs/{jobId}/debug/getConfig",
        location_in_query=False,
        body="GetDebugConfigRequest",
        reply="GetDebugConfigResponse",
        repeatable=True,
    )
    send_capture = _both(
        "jobs.debug.sendCapture",
        "POST",
        "/jobs/{jobId}/debug/sendCapture",
        location_in_query=False,
        body="SendDebugCaptureRequest",
        reply="SendDebugCaptureResponse",
        repeatable=False,
    )
    get_worker_stacktraces = _regional(
        "jobs.debug.getWorkerStacktraces",
        "POST",
        "/jobs/{jobId}/debug/getWorkerStacktraces",
        body="GetWorkerStacktracesRequest",
        reply="GetWorkerStacktracesResponse",
        repeatable=True,
    )


class Job:
    """``projects.locations.jobs``."""

    create = _both("jobs.create", "POST", "/jobs", ("view", "replaceJobId"), body="Job", reply="Job", repeatable=False)
    get = _both("jobs.get", "GET", "/jobs/{jobId}", ("view",), reply="Job", repeatable=True, needs="id")
    list = _both("jobs.list", "GET", "/jobs", _JOB_FILTERS, reply="ListJobsResponse", repeatable=True, items="jobs")
    update = _both("jobs.update", "PUT", "/jobs/{jobId}", ("updateMask",), body="Job", reply="Job", repeatable=True)
    get_metrics = _both("jobs.getMetrics", "GET", "/jobs/{jobId}/metrics", ("startTime",), reply="JobMetrics", repeatable=True)
    get_execution_details = _regional(
        "jobs.getExecutionDetails",
        "GET",
        "/jobs/{jobId}/executionDetails",
        _PAGE,
        reply="JobExecutionDetails",
        repeatable=True,
        items="stages",
    )
    snapshot = _both(
        "jobs.snapshot",
        "POST",
        "/jobs/{jobId}:snapshot",
        location_in_query=False,
        body="SnapshotJobRequest",
        reply="Snapshot",
        repeatable=False,
        needs="id",
    )


RESOURCES = (Project, Location, WorkItem, Stage, Template, FlexTemplate, Snapshot, Message, Debug, Job)


def all_methods() -> Iterator[Method]:
    """All methods of the service."""
    for resource in RESOURCES:
        yield from (fact for fact in vars(resource).values() if isinstance(fact, Method))
