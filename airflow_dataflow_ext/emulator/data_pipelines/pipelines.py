"""Data pipelines: create, read, run, stop and delete. A schedule is stored and shown, but starts no runs.

Source: https://cloud.google.com/dataflow/docs/reference/data-pipelines/rest
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zoneinfo import available_timezones

from airflow_dataflow_ext.api.data_pipelines.methods import Pipeline, PipelineJob
from airflow_dataflow_ext.api.dataflow.methods import FlexTemplate, Template
from airflow_dataflow_ext.api.dataflow.states import CANCELLED, DONE, DRAINED, FAILED, PENDING, QUEUED, UPDATED
from airflow_dataflow_ext.emulator.dataflow.jobs import JobRecord, Json
from airflow_dataflow_ext.emulator.dataflow.launches import launch_classic, launch_flex
from airflow_dataflow_ext.emulator.dataflow.values import page_key, page_token, read_mask, stamp
from airflow_dataflow_ext.emulator.dataflow.world import Call, World
from airflow_dataflow_ext.emulator.http.answers import Answers
from airflow_dataflow_ext.emulator.http.errors import ApiError, invalid, missing, not_now, short

answers: Answers[Callable[[World, Call], Json]] = Answers()
"""The functions that answer the methods."""

ACTIVE, ARCHIVED = "STATE_ACTIVE", "STATE_ARCHIVED"
STREAMING = "PIPELINE_TYPE_STREAMING"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_CHANGEABLE = ("displayName", "workload", "scheduleInfo", "schedulerServiceAccountEmail")
_FILTERS: Mapping[str, str] = {"type": "PIPELINE_TYPE_", "status": "STATE_"}
_STATES: Mapping[str, str] = {
    **dict.fromkeys((PENDING, QUEUED), "STATE_PENDING"),
    **dict.fromkeys((DONE, DRAINED, UPDATED), "STATE_DONE"),
    FAILED: "STATE_FAILED",
    CANCELLED: "STATE_CANCELLED",
}
"""The name of a job's state in Data Pipelines; in every other state, it is running."""


@answers(Pipeline.create)
def create(world: World, call: Call) -> Json:
    body, name = call.body, call.body.get("name", "")
    parent = f"projects/{call.project}/locations/{call.location}/pipelines/"
    if not name.startswith(parent) or not _NAME.fullmatch(name.removeprefix(parent)):
        raise invalid(f"The pipeline name {short(name)} must be {parent} followed by an id of letters, digits, '-' and '_'")
    if name in world.pipelines:
        raise ApiError(409, f"Pipeline {name} already exists")
    _check(body)
    now = stamp(world.clock.now())
    pipeline = {**body, "name": name, "state": ACTIVE, "createTime": now, "lastUpdateTime": now}
    record: Json = {"pipeline": pipeline, "jobs": []}
    if body["type"] == STREAMING:
        _run(world, record)
    world.pipelines[name] = record
    return _shown(record)


@answers(Pipeline.get)
def get(world: World, call: Call) -> Json:
    return _shown(_find(world, call))


@answers(Pipeline.list)
def list_pipelines(world: World, call: Call) -> Json:
    wanted = _filter(call.query.get("filter", ""))
    parent = f"projects/{call.project}/locations/{call.location}/pipelines/"
    found = [record for name, record in reversed(world.pipelines.items()) if name.startswith(parent) and wanted(record["pipeline"])]
    return _page(world, call, "pipelines", [_shown(record) for record in found])


@answers(Pipeline.patch)
def patch(world: World, call: Call) -> Json:
    record = _find(world, call)
    names = read_mask(call.query.get("updateMask", "")) or [name for name in call.body if name not in ("name", "state")]
    fixed = [name for name in names if name not in _CHANGEABLE]
    if fixed:
        raise invalid(f"{', '.join(fixed)[:200]} of a pipeline cannot be changed; {', '.join(_CHANGEABLE)} can")
    changed = {**record["pipeline"], **{name: call.body.get(name) for name in names}, "lastUpdateTime": stamp(world.clock.now())}
    _check(changed)
    record["pipeline"] = changed
    return _shown(record)


@answers(Pipeline.run)
def run(world: World, call: Call) -> Json:
    record = _find(world, call)
    if record["pipeline"]["state"] != ACTIVE:
        raise not_now(f"Pipeline {record['pipeline']['name']} is in {record['pipeline']['state']}; only an active one can run")
    return {"job": _job(record, _run(world, record))}


@answers(Pipeline.stop)
def stop(world: World, call: Call) -> Json:
    record = _find(world, call)
    pipeline = {name: value for name, value in record["pipeline"].items() if name != "scheduleInfo"}
    record["pipeline"] = {**pipeline, "state": ARCHIVED, "lastUpdateTime": stamp(world.clock.now())}
    return _shown(record)


@answers(Pipeline.delete)
def delete(world: World, call: Call) -> Json:
    del world.pipelines[_find(world, call)["pipeline"]["name"]]
    return {}


@answers(PipelineJob.list)
def list_jobs(world: World, call: Call) -> Json:
    record = _find(world, call)
    known = [world.jobs.get(id) for id in reversed(record["jobs"])]
    return _page(world, call, "jobs", [_job(record, job) for job in known if job is not None])


def _find(world: World, call: Call) -> Json:
    name = f"projects/{call.project}/locations/{call.location}/pipelines/{call.path['pipelineId']}"
    if name not in world.pipelines:
        raise missing(f"Pipeline {name[:300]} was not found")
    record: Json = world.pipelines[name]
    return record


def _check(pipeline: Mapping[str, Any]) -> None:
    """
    :raises ApiError: 400 if the pipeline could not run.
    """
    if not _NAME.fullmatch(pipeline.get("displayName") or ""):
        raise invalid("displayName must hold letters, digits, '-' and '_' only, and at least one of them")
    if pipeline.get("type", "PIPELINE_TYPE_UNSPECIFIED") == "PIPELINE_TYPE_UNSPECIFIED":
        raise invalid("type must be given: PIPELINE_TYPE_BATCH or PIPELINE_TYPE_STREAMING")
    workload = pipeline.get("workload") or {}
    if ("dataflowFlexTemplateRequest" in workload) == ("dataflowLaunchTemplateRequest" in workload):
        raise invalid("Exactly one of workload.dataflowFlexTemplateRequest and workload.dataflowLaunchTemplateRequest must be given")
    schedule = (pipeline.get("scheduleInfo") or {}).get("schedule", "")
    if schedule and pipeline["type"] == STREAMING:
        raise invalid("A streaming pipeline has no schedule")
    if schedule and len(schedule.split()) != 5:
        raise invalid(f"scheduleInfo.schedule must be in unix-cron format, five fields, not {short(schedule)}")
    zone = (pipeline.get("scheduleInfo") or {}).get("timeZone", "")
    if zone and zone not in available_timezones():
        raise invalid(f"scheduleInfo.timeZone must be a time zone of the tz database, not {short(zone)}")


def _filter(text: str) -> Callable[[Json], bool]:
    """The filter of a list.

    :raises ApiError: 400 if it is not a filter.
    """
    wanted: list[tuple[str, str]] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition(":")
        if name not in _FILTERS or not value:
            raise invalid(f"Invalid filter {short(part)}: use, for example, type:BATCH or status:ACTIVE")
        if value != "ALL":
            wanted.append(("type" if name == "type" else "state", _FILTERS[name] + value))
    return lambda pipeline: all(pipeline[name] == value for name, value in wanted)


def _run(world: World, record: Json) -> JobRecord:
    """Launch the pipeline's job under a unique name.

    How the service makes this name is not documented.
    """
    _, project, _, location, *_ = record["pipeline"]["name"].split("/")
    workload = record["pipeline"]["workload"]
    flex = workload.get("dataflowFlexTemplateRequest")
    asked: Json = flex or workload["dataflowLaunchTemplateRequest"]
    launch: Json = dict(asked.get("launchParameter" if flex else "launchParameters", {}))
    launch["jobName"] = f"{launch.get('jobName', '')}-{len(record['jobs']) + 1}"
    call = Call(
        method=FlexTemplate.launch if flex else Template.launch,
        project=asked.get("projectId") or project,
        location=asked.get("location") or location,
        named=True,
        path={},
        query={} if flex else {"gcsPath": asked.get("gcsPath", "")},
        body={"launchParameter": launch} if flex else launch,
    )
    started = (launch_flex if flex else launch_classic)(world, call)
    assert isinstance(started, dict)
    record["jobs"].append(started["job"]["id"])
    job = world.jobs.get(started["job"]["id"])
    assert job is not None
    return job


def _shown(record: Json) -> Json:
    return {**record["pipeline"], "jobCount": len(record["jobs"])}


def _job(record: Json, job: JobRecord) -> Json:
    return {
        "name": f"{record['pipeline']['name']}/jobs/{job.id}",
        "id": job.id,
        "createTime": job.fields["createTime"],
        "endTime": job.fields["currentStateTime"] if job.is_terminal else None,
        "state": _STATES.get(job.state, "STATE_RUNNING"),
    }


def _page(world: World, call: Call, name: str, entries: Sequence[Json]) -> Json:
    size = call.query.get("pageSize", 0)
    if size < 0:
        raise invalid(f"pageSize must not be negative; it is {size}")
    size = world.page_size(size)
    token = call.query.get("pageToken")
    start = 1 + next((at for at, entry in enumerate(entries) if entry["name"] == page_key(call.question, token)), -1) if token else 0
    page = entries[start : start + size]
    more = {"nextPageToken": page_token(call.question, page[-1]["name"])} if start + size < len(entries) else {}
    return {name: list(page), **more}
