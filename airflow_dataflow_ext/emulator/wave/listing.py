"""The emulated list of runs: filters, time span and pages.

Source: https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_resources_dataflowjobs.htm
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.wave.methods import PAGE_SIZE, full_id
from airflow_dataflow_ext.api.wave.states import WAVE
from airflow_dataflow_ext.emulator.http.errors import ApiError, short
from airflow_dataflow_ext.emulator.http.payload import whole
from airflow_dataflow_ext.emulator.wave.org import WaveOrg
from airflow_dataflow_ext.emulator.wave.runs import Json, WaveRun
from airflow_dataflow_ext.emulator.wave.views import job_view

T = TypeVar("T")
WEEK = 604_800.0
DEFAULT_PAGE = 25
STATUSES = tuple(sorted(state for state, row in WAVE.items() if row.filters))
PAGED_SINCE = 51


def job_page(org: WaveOrg, query: Mapping[str, str], version: int) -> Json:
    """A DataflowJobCollection.

    :raises ApiError: 400 if a filter is wrong.
    """
    now, url = org.clock.now(), f"/services/data/v{version}.0/wave/dataflowjobs"
    wanted = _filter(query)
    since = -1.0 if {"page", "pageSize"} & set(query) else now - WEEK
    listed = [run for run in org.runs if since <= run.created <= now - org.settings.list_lag and wanted(run)]
    listed.sort(key=lambda run: (-run.created, -run.sequence))
    if version < PAGED_SINCE:
        return {"dataflowJobs": [job_view(run, run.id, version, now) for run in listed], "url": url}
    page, following = page_of(listed, query, url)
    return {"dataflowJobs": [job_view(run, run.id, version, now) for run in page], "nextPageUrl": following, "url": url}


def page_of(entries: Sequence[T], query: Mapping[str, str], url: str) -> tuple[Sequence[T], str | None]:
    """One page, and the URL of the next.

    :raises ApiError: 400 if a size or a token is wrong.
    """
    try:
        size = whole(query.get("pageSize", DEFAULT_PAGE))
        start = whole(urlsafe_b64decode(query["page"]).decode().removeprefix("from ")) if "page" in query else 0
    except ValueError as error:
        raise ApiError(400, "pageSize or page is not valid") from error
    if start < 0:
        raise ApiError(400, "page is not valid")
    if not 1 <= size <= PAGE_SIZE:
        raise ApiError(400, f"pageSize must be between 1 and {PAGE_SIZE}, not {size}")
    end = start + size
    if end >= len(entries):
        return entries[start:], None
    token = urlsafe_b64encode(f"from {end}".encode()).decode()
    return entries[start:end], f"{url}?{urlencode({**query, 'page': token, 'pageSize': size})}"


def _filter(query: Mapping[str, str]) -> Callable[[WaveRun], bool]:
    dataflow = _dataflow(query["dataflowId"]) if "dataflowId" in query else ""
    status = query.get("status", "").lower()
    if status and status not in STATUSES:
        raise ApiError(400, f"status must be one of {', '.join(STATUSES)}")
    types = {name.strip().lower() for name in query.get("jobTypes", "").split(",") if name.strip()}
    licence = query.get("licenseType", "").lower()
    words = query.get("q", "").replace('"', "").replace("*", "").lower().split()
    after, before = _seconds(query, "startedAfter", float("-inf")), _seconds(query, "startedBefore", float("inf"))

    def wanted(run: WaveRun) -> bool:
        return (
            dataflow in ("", run.source["id"])
            and status in ("", run.status.lower())
            and (not types or run.job_type in types or ("recipe" in types and run.job_type == "recipe_v3"))
            and licence in ("", "einsteinanalytics")
            and all(word in run.label.lower() for word in words)
            and after <= int(run.created) <= before
        )

    return wanted


def _dataflow(id: str) -> str:
    try:
        found = full_id(id)
    except InvalidInputError as error:
        raise ApiError(400, f"malformed id {short(id)}", code="MALFORMED_ID") from error
    if not found.startswith("02K"):
        raise ApiError(400, f"The dataflowId must start with 02K, not {id}.", code="MALFORMED_ID")
    return found


def _seconds(query: Mapping[str, str], name: str, default: float) -> float:
    try:
        return whole(query[name]) if name in query else default
    except ValueError as error:
        raise ApiError(400, f"{name} must be seconds since 1970") from error
