"""The errors of a failed job's workers: the last error entries in Cloud Logging, limited in size, and the link to all of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal, get_args
from urllib.parse import quote

from airflow_dataflow_ext.api.cloud_logging.methods import LogEntry
from airflow_dataflow_ext.api.dataflow.job import JobRef
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import DataflowExtError, InvalidInputError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Say
from airflow_dataflow_ext.api.rest.texts import shortened, shown

WorkerLogs = Literal["off", "on_failure"]
MOST_ENTRIES = 20
MOST_CHARACTERS = 16 * 1024
"""Greatest length of all entries together; the oldest are omitted first."""
EXPLORER = "https://console.cloud.google.com/logs/query;query={query}?project={project_id}"


def check_worker_logs(value: str) -> None:
    """
    :raises InvalidInputError: there is no such way.
    """
    if value not in get_args(WorkerLogs):
        raise InvalidInputError(f"worker_logs must be one of {', '.join(get_args(WorkerLogs))}, not {shown(value)}")


def log_filter(job_id: str) -> str:
    """The filter that selects the error entries of a job's workers and launcher.

    https://cloud.google.com/logging/docs/view/logging-query-language
    """
    return (
        f'resource.type="dataflow_step" AND resource.labels.job_id="{job_id}" AND severity>=ERROR '
        'AND (log_id("dataflow.googleapis.com/worker") OR log_id("dataflow.googleapis.com/launcher"))'
    )


def explorer(job: JobRef) -> str:
    """The URL of the Logs Explorer with these entries."""
    return EXPLORER.format(query=quote(log_filter(job.id), safe=""), project_id=quote(job.place.project_id, safe=""))


def worker_errors(job: JobRef, created: str = "") -> Conversation[list[str]]:
    """The last error entries, oldest first; each is logged. If they cannot be read, the result is empty, and the log says why.

    :param created: the job's creation time, as the service returns it; older entries are not read.
    """
    since = f' AND timestamp>="{created}"' if created else ""
    body: Json = {
        "resourceNames": [f"projects/{job.place.project_id}"],
        "filter": log_filter(job.id) + since,
        "orderBy": "timestamp desc",
        "pageSize": MOST_ENTRIES,
    }
    try:
        reply: Json = yield from ask(LogEntry.list.request(body), retry_for=budgets.WORKER_LOGS_WITHIN)
        texts = _bounded([text for entry in reply.get("entries", ()) if (text := _text(entry))])
    except (DataflowExtError, TypeError, AttributeError) as error:
        yield Say(f"The logs of the workers cannot be read: {error}", logging.WARNING)
        return []
    for text in texts:
        yield Say(f"Worker: {text}", logging.ERROR)
    return texts


def _bounded(newest_first: list[str]) -> list[str]:
    """The newest entries that fit, oldest first."""
    kept: list[str] = []
    room = MOST_CHARACTERS
    for text in newest_first[:MOST_ENTRIES]:
        if room <= 0:
            break
        kept.append(text if len(text) <= room else shortened(text, room))
        room -= len(text)
    return kept[::-1]


def _text(entry: Mapping[str, Any]) -> str:
    """The text of an entry; Java and Python workers put a traceback beside the message."""
    payload = entry.get("jsonPayload") or {}
    parts = [entry.get("textPayload"), payload.get("message"), payload.get("exception")]
    return "\n".join(str(part).strip() for part in parts if part)
