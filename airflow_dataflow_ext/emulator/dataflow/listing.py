"""Reading jobs: one job, or pages of many.

Source: https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs/list
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from airflow_dataflow_ext.api.dataflow.methods import Job, Project
from airflow_dataflow_ext.emulator.dataflow.jobs import JobRecord, Json, Place
from airflow_dataflow_ext.emulator.dataflow.values import page_key, page_token, seconds_of
from airflow_dataflow_ext.emulator.dataflow.world import Call, World, answers
from airflow_dataflow_ext.emulator.http.errors import invalid

Key = list[Any]


@answers(Job.get)
def get(world: World, call: Call) -> Json:
    return call.job(world).view(call.query.get("view", ""))


@answers(Job.list)
def list_jobs(world: World, call: Call) -> bytes:
    return _list(world, call, [call.place], [])


@answers(Project.list_jobs)
def aggregated(world: World, call: Call) -> bytes:
    """Jobs of all regions, or of the named one; the reply names the regions that cannot be reached."""
    if "name" in call.query:
        raise invalid("The name filter is not supported for jobs.aggregated")
    failed = world.settings.failed_locations
    places = [call.location] if call.named else world.jobs.locations(call.project)
    return _list(world, call, [(call.project, place) for place in places if place not in failed], sorted(failed))


def _list(world: World, call: Call, places: Sequence[Place], failed: Sequence[str]) -> bytes:
    size = call.query.get("pageSize", 0)
    if size < 0:
        raise invalid(f"pageSize must not be negative; it is {size}")
    size = world.page_size(size)
    jobs, key_of = _ordered(world, call.query.get("filter", "UNKNOWN"), places)
    token = call.query.get("pageToken")
    start = bisect_right(jobs, page_key(call.question, token), key=key_of) if token else 0
    wanted = _filter(call)
    page: list[JobRecord] = []
    more = False
    for position in range(start, len(jobs)):
        if wanted(jobs[position]):
            more = len(page) == size
            if more:
                break
            page.append(jobs[position])
    parts = []
    if page:
        parts.append(b'"jobs":[' + b",".join(record.summary() for record in page) + b"]")
    if more:
        parts.append(b'"nextPageToken":' + json.dumps(page_token(call.question, key_of(page[-1]))).encode())
    if failed:
        parts.append(b'"failedLocation":' + json.dumps([{"name": name} for name in failed]).encode())
    return b"{" + b",".join(parts) + b"}"


def _ordered(world: World, name: str, places: Sequence[Place]) -> tuple[list[JobRecord], Callable[[JobRecord], Key]]:
    """The jobs in the order of the filter, and the key that increases in that order."""
    # it is not documented whether the oldest or the newest comes first
    active = [record for place in places for record in world.jobs.active(place)] if name != "TERMINATED" else []
    ended = [record for place in places for record in world.jobs.ended(place)] if name != "ACTIVE" else []
    if name == "UNKNOWN":
        key_of = _by_birth
        everything = sorted(active + ended, key=key_of)
    else:
        key_of = _by_end
        everything = active + ended
        if len(places) > 1 or ended:
            everything.sort(key=key_of)
    return everything, key_of


def _by_birth(record: JobRecord) -> Key:
    return [-record.sequence]


def _by_end(record: JobRecord) -> Key:
    """Active jobs first, by creation time; then the others, by their end."""
    return [0, 0, -record.sequence] if record.ended is None else [1, -record.ended, -record.sequence]


def _filter(call: Call) -> Callable[[JobRecord], bool]:
    """Name and time ranges; a range includes its start and excludes its end."""
    name = call.query.get("name")
    born, ended = _range(call, "createTimeRange"), _range(call, "terminationTimeRange")
    ended_matters = ended != (float("-inf"), float("inf"))

    def wanted(record: JobRecord) -> bool:
        if name and record.name != name:
            return False
        if ended_matters and (record.ended is None or not ended[0] <= record.ended < ended[1]):
            return False
        return born[0] <= record.created < born[1]

    return wanted


def _range(call: Call, name: str) -> tuple[float, float]:
    start, end = call.query.get(f"{name}.startTime"), call.query.get(f"{name}.endTime")
    return seconds_of(start) if start else float("-inf"), seconds_of(end) if end else float("inf")
