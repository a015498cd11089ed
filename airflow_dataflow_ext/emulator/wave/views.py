"""The runs as the emulated org shows them: fields by API version, and texts with HTML entities."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow_dataflow_ext.api.wave.methods import JOB_FIELDS
from airflow_dataflow_ext.api.wave.states import WAVE
from airflow_dataflow_ext.emulator.wave.runs import Json, WaveRun
from airflow_dataflow_ext.emulator.wave.script import WaveNode

_TEXTS = frozenset({"label", "name", "message", "description", "errorMessage"})


def stamp(seconds: float) -> str:
    """A time in the service's form."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def job_view(run: WaveRun, id: str, version: int, now: float, *, stale: bool = False) -> Json:
    """A DataflowJob.

    :param id: the id to show: the run's own, or its handle.
    :param stale: show the run as if it had never left the queue.
    """
    url = f"/services/data/v{version}.0/wave/dataflowjobs/{id}"
    executed, ended = (None, None) if stale else (run.executed, run.ended)
    job: Json = {
        "id": id,
        "label": run.label,
        "type": "dataflowjob",
        "url": url,
        "nodesUrl": f"{url}/nodes",
        "createdDate": stamp(run.created),
        "startDate": stamp(run.created),
        "status": "Queued" if stale else _status(run.status, version),
        "jobType": run.job_type,
        "progress": 0 if stale else run.progress(now),
        "source": run.source,
        "dataflow": run.source,
        "syncDataflows": {"dataflows": []},
        "licenseAttributes": {"type": "einsteinanalytics"},
        "retryCount": 0,
        "waitTime": int((executed or ended or now) - run.created),
        "events": {"events": [{"eventType": "JobRunManual", "createdDate": stamp(run.created)}]},
    }
    if executed is not None:
        job |= {"executedDate": stamp(executed), "duration": int((ended or now) - executed)}
    if ended is not None:
        job["endDate"] = stamp(ended)
    if run.message and not stale:
        job["message"] = run.message
    return at_version(job, version)


def _status(status: str, version: int) -> str:
    """A status as this API version shows it."""
    row = WAVE.get(status.lower())
    return status if row is None or version >= row.since else row.before


def start_view(run: WaveRun, version: int) -> Json:
    """The reply to a start, which has no id up to API version 49."""
    url = f"/services/data/v{version}.0/wave/dataflowjobs/{run.handle}"
    job: Json = {"progress": 0, "status": run.status, "type": "dataflowjob"}
    if version >= 50:
        job |= {"id": run.handle, "nodesUrl": f"{url}/nodes", "syncDataflows": {"dataflows": []}, "url": url}
    if run.message:
        job["message"] = run.message
    return at_version(job, version)


def at_version(job: Json, version: int) -> Json:
    """The fields of a job that the API version has."""
    return {name: value for name, value in job.items() if _has(version, name)}


def _has(version: int, name: str) -> bool:
    first, last = JOB_FIELDS.get(name, (0, version))
    return first <= version <= last


def node_view(run: WaveRun, node_id: str, node: WaveNode, status: str, seconds: float | None, version: int) -> Json:
    """A DataflowJobNode."""
    done = status not in ("pending", "running")
    view: Json = {
        "id": node_id,
        "name": node.name,
        "label": node.name,
        "nodeType": node.node_type,
        "status": status,
        "type": "dataflowjobnode",
        "url": f"/services/data/v{version}.0/wave/dataflowjobs/{run.id}/nodes/{node_id}",
        "inputRows": {"processedCount": node.rows_in if done else 0, "failedCount": 0},
        "outputRows": {"processedCount": node.rows_out if done else 0, "failedCount": node.rows_failed if done else 0},
    }
    if seconds is not None:
        view["duration"] = round(seconds)
    if node.message and status == node.status:
        view["message"] = node.message
    return view


def encoded(value: Any, key: str = "") -> Any:
    """A reply with HTML entities in its texts, as the service returns it unless a header disables this."""
    if isinstance(value, dict):
        return {name: encoded(entry, name) for name, entry in value.items()}
    if isinstance(value, list):
        return [encoded(entry, key) for entry in value]
    if isinstance(value, str) and key in _TEXTS:
        for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
            value = value.replace(character, entity)
    return value
