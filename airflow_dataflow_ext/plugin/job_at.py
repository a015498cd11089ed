"""A task's job: which one it is, where it is, over which connection, and whether the task launched it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from airflow_dataflow_ext.api.dataflow.names import LAUNCH_LABEL
from airflow_dataflow_ext.api.jobs.facts import SUMMARY_KEY, Summary
from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import DataflowExtError
from airflow_dataflow_ext.plugin.find import RECORD_KEY, Found

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json

PACKAGE = "airflow_dataflow_ext."
ServiceName = Literal["dataflow", "wave"]
DATAFLOW: ServiceName = "dataflow"
WAVE: ServiceName = "wave"
_CONNECTIONS = {"gcp_conn_id": "google_cloud_default", "salesforce_conn_id": "salesforce_default"}


class JobAt(Struct, frozen=True, kw_only=True):
    """One job of a task.

    :param conn_id: the Airflow connection; empty if it is no longer known, so that the service cannot be asked.
    :param identity: identity of its launch; None for a job that the task only follows.
    :param foreign: whether the launch found the job running and only follows it.
    :param source_id: id of what a CRM Analytics run runs, with ``sync``, ``since`` and ``others`` as in its launch, since the id that a
        start returns does not always lead to the run.
    """

    service: ServiceName
    job_id: str
    conn_id: str
    impersonation_chain: str | tuple[str, ...] | None = None
    project_id: str | None = None
    location: str | None = None
    identity: LaunchIdentity | None = None
    foreign: bool = False
    source_id: str = ""
    sync: bool = False
    since: float = 0.0
    others: tuple[str, ...] = ()

    def is_own(self, job: Mapping[str, Any]) -> bool:
        """Whether a Dataflow job shows that this task launched it, by its label or, if it has no labels yet, by its name.

        The stored record is not enough: whoever edits it must not be able to use the task's connection on another job.

        :param job: the Job in view ``JOB_VIEW_DESCRIPTION``.
        """
        if self.identity is None:
            return False
        label = (job.get("labels") or {}).get(LAUNCH_LABEL)
        return bool(label == self.identity.suffix if label else str(job.get("name", "")).endswith(f"-{self.identity.suffix}"))


def summary_of(found: Found) -> Summary | None:
    """The summary that the task has stored."""
    return Summary.read(found.stored.get(SUMMARY_KEY))


def job_at(found: Found) -> JobAt | None:
    """The task's job; None if no job is known.

    A job that the task has launched is found by the launch record; one that it follows, as a sensor does, by the argument ``job_id``.
    """
    record, summary = _record(found), summary_of(found)
    if record is not None and record.job_id:
        return _launched(found, record, summary)
    if summary is not None:  # without the launch record, the service is not asked: whoever may edit XComs could have written the summary
        return replace(_at(found, summary.service, summary.job_id, summary), conn_id="")
    followed = found.argument("job_id")
    if isinstance(followed, str) and followed and str(getattr(found.task, "_task_module", "")).startswith(PACKAGE):
        service: ServiceName = WAVE if "salesforce_conn_id" in _fields(found) else DATAFLOW
        return _at(found, service, followed, None)
    return None


def _launched(found: Found, record: LaunchRecord, summary: Summary | None) -> JobAt:
    key = found.key
    identity = LaunchIdentity(
        dag_id=key.dag_id, run_id=key.run_id, task_id=key.task_id, map_index=key.map_index, generation=record.generation
    )
    service: ServiceName = WAVE if "salesforce_conn_id" in _fields(found) else DATAFLOW
    if summary is not None:
        service = summary.service
    at = _at(found, service, record.job_id, summary if summary is not None and summary.job_id == record.job_id else None)
    sync = summary is not None and bool(summary.place.get("sync"))
    source = str(summary.place.get("source_id", "")) if summary is not None else ""
    return replace(
        at,
        identity=identity,
        foreign=record.foreign,
        source_id=source,
        sync=sync,
        since=record.since - budgets.CLOCK_SKEW,
        others=record.others,
    )


def _at(found: Found, service: ServiceName, job_id: str, summary: Summary | None) -> JobAt:
    place = summary.place if summary else {}
    chain: Any = found.argument("impersonation_chain")
    return JobAt(
        service=service,
        job_id=job_id,
        conn_id=_connection(found, service),
        impersonation_chain=tuple(chain) if isinstance(chain, list) else chain or None,
        project_id=place.get("project_id") or _text(found.argument("project_id")),
        location=place.get("location") or _text(found.argument("location")),
    )


def _connection(found: Found, service: str) -> str:
    """The connection that the DAG names; empty if the DAG no longer exists, or the connection is a template that was not rendered."""
    name = "gcp_conn_id" if service == DATAFLOW else "salesforce_conn_id"
    if found.task is None and name not in found.rendered:
        return ""
    given = found.argument(name)
    if given is None and _is_set(found, name):
        return ""
    return str(given or _CONNECTIONS[name])


def _is_set(found: Found, name: str) -> bool:
    given = getattr(found.task, "partial_kwargs", None)
    return bool(given.get(name) if isinstance(given, Mapping) else getattr(found.task, name, None))


def _fields(found: Found) -> tuple[str, ...]:
    return tuple(getattr(found.task, "template_fields", None) or found.rendered)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value and value != "None" else None


def _record(found: Found) -> LaunchRecord | None:
    try:
        return LaunchRecord.read(found.stored.get(RECORD_KEY))
    except DataflowExtError:
        return None


def described(at: JobAt | None) -> Json | None:
    """The job in the form of a reply."""
    if at is None:
        return None
    return {
        "service": at.service,
        "job_id": at.job_id,
        "project_id": at.project_id,
        "location": at.location,
        "followed": at.identity is None,
    }
