"""The emulated Cloud Logging: log entries of jobs' workers, selected by the filters that are common for them.

Source: https://cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from airflow_dataflow_ext.api.cloud_logging import methods as api
from airflow_dataflow_ext.api.rest.method import Json, Method
from airflow_dataflow_ext.emulator.dataflow.jobs import JobRecord
from airflow_dataflow_ext.emulator.dataflow.values import page_key, page_token, seconds_of
from airflow_dataflow_ext.emulator.dataflow.world import World
from airflow_dataflow_ext.emulator.google.json_service import JsonService
from airflow_dataflow_ext.emulator.google.oauth import IssuedTokens
from airflow_dataflow_ext.emulator.google.schemas import Schemas
from airflow_dataflow_ext.emulator.http.errors import invalid, short
from airflow_dataflow_ext.emulator.http.router import Incoming

SCHEMAS = Schemas("logging.v2")
SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
_PROJECT = re.compile(r"projects/([^/]+)")
_TERM = re.compile(
    r'(?P<field>resource\.type|resource\.labels\.\w+|severity|timestamp)\s*(?P<how>>=|=)\s*"?(?P<value>[^"\s()]+)"?'
    r'|log_id\("(?P<log>[^"]+)"\)'
)
Chosen = Callable[[Json], bool]


class CloudLoggingServer(JsonService):
    """Cloud Logging v2, for reading."""

    prefix = "v2/"

    def __init__(self, world: World, tokens: IssuedTokens) -> None:
        super().__init__(SCHEMAS, tokens)
        self._world = world

    def methods(self) -> Iterable[Method]:
        return api.all_methods()

    def check(self, incoming: Incoming) -> None:
        """Check nothing: the path has no values."""

    def reply(self, incoming: Incoming, query: dict[str, Any], body: dict[str, Any]) -> Mapping[str, Any]:
        projects = [match[1] for name in body.get("resourceNames", ()) if (match := _PROJECT.fullmatch(name))]
        if not projects:
            raise invalid("resourceNames must name a project; the emulator supports no other resources")
        newest_first = {"": False, "timestamp asc": False, "timestamp desc": True}.get(body.get("orderBy", ""))
        if newest_first is None:
            raise invalid(f"orderBy must be 'timestamp asc' or 'timestamp desc', not {short(body['orderBy'])}")
        wanted = _filter(body.get("filter", ""))
        found = [entry for job in self._world.jobs if job.place[0] in projects for entry in _entries(job) if wanted(entry)]
        found.sort(key=lambda entry: (entry["timestamp"], entry["insertId"]), reverse=newest_first)
        return _page(body, found)


def _entries(job: JobRecord) -> list[Json]:
    project, location = job.place
    labels = {"job_id": job.id, "job_name": job.name, "project_id": project, "region": location, "step_id": ""}
    log = f"projects/{project}/logs/dataflow.googleapis.com%2Fworker"
    return [{**entry, "logName": log, "resource": {"type": "dataflow_step", "labels": labels}} for entry in job.worker_logs]


def _page(body: Json, found: list[Json]) -> Json:
    size = body.get("pageSize", 50)
    if size < 0:
        raise invalid(f"pageSize must not be negative; it is {size}")
    token, question = body.get("pageToken"), {name: str(body.get(name)) for name in ("filter", "orderBy", "resourceNames")}
    start = int(page_key(question, token)) if token else 0
    end = start + min(size or 50, 1000)
    more = {"nextPageToken": page_token(question, end)} if end < len(found) else {}
    return {"entries": found[start:end], **more}


def _filter(text: str) -> Chosen:
    """A filter of terms that must all hold, where a term may be a list of alternatives in parentheses.

    :raises ApiError: 400 for any other filter: the emulator understands only this part of the query language.
    """
    terms = [part.strip() for part in re.split(r"\s+AND\s+|\n", text) if part.strip()]
    chosen = [_alternatives(term) for term in terms]
    return lambda entry: all(holds(entry) for holds in chosen)


def _alternatives(text: str) -> Chosen:
    inner = text[1:-1] if text.startswith("(") and text.endswith(")") and not text.startswith("log_id") else text
    chosen = [_term(part.strip()) for part in re.split(r"\s+OR\s+", inner)]
    return lambda entry: any(holds(entry) for holds in chosen)


def _term(text: str) -> Chosen:
    match = _TERM.fullmatch(text)
    if match is None:
        raise invalid(f"Unparseable filter: {short(text)} is not supported by the emulator")
    if match["log"]:
        ending = "/logs/" + match["log"].replace("/", "%2F")
        return lambda entry: bool(entry["logName"].endswith(ending))
    field, value, is_exact = match["field"], match["value"], match["how"] == "="
    if field == "severity":
        if value not in SEVERITIES:
            raise invalid(f"Unparseable filter: {short(value)} is not a severity")
        least = SEVERITIES.index(value)
        return lambda entry: (at := SEVERITIES.index(entry["severity"])) == least or (at > least and not is_exact)
    if field == "timestamp":
        try:
            since = seconds_of(value)
        except ValueError as error:
            raise invalid(f"Unparseable filter: {error}") from error
        return lambda entry: (at := seconds_of(entry["timestamp"])) == since or (at > since and not is_exact)
    if not is_exact:
        raise invalid(f"Unparseable filter: {short(text)} is not supported by the emulator")
    if field == "resource.type":
        return lambda entry: bool(entry["resource"]["type"] == value)
    label = field.rpartition(".")[2]
    return lambda entry: bool(entry["resource"]["labels"].get(label) == value)
