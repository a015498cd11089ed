"""HTML pages on the paths of Google's console: the jobs of a project, and one job."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.emulator.dataflow.jobs import JobRecord
from airflow_dataflow_ext.emulator.dataflow.world import World
from airflow_dataflow_ext.emulator.http.errors import ApiError, missing
from airflow_dataflow_ext.emulator.http.html import Link, facts, page, table, text
from airflow_dataflow_ext.emulator.http.router import Incoming, Outgoing

JOBS = Method(id="console.jobs", verb="GET", path="dataflow/jobs", query=("project",), reply="page", repeatable=True)
JOB = Method(id="console.job", verb="GET", path="dataflow/jobs/{location}/{jobId}", query=("project",), reply="page", repeatable=True)
_MOST = 1000
"""Greatest number of rows of a table."""


class JobPages:
    """The pages to which a task's link leads; they need no token, because a browser has none."""

    prefix = "dataflow/"
    any_case = False

    def __init__(self, world: World) -> None:
        self._world = world

    def methods(self) -> Iterable[Method]:
        return (JOBS, JOB)

    def answer(self, incoming: Incoming) -> Outgoing:
        project = incoming.query.get("project", "")
        if incoming.method is JOBS:
            return self._jobs(project)
        record = self._world.jobs.get(incoming.path["jobId"])
        if record is None or record.place != (project, incoming.path["location"]):
            where = f"project {project[:100] or '(none given)'}, location {incoming.path['location'][:100]}"
            raise missing(f"There is no job {incoming.path['jobId'][:100]} in {where}.")
        return _job(record)

    def refuse(self, error: ApiError) -> Outgoing:
        return page("Emulated Dataflow", text(str(error)), status=error.status)

    def job_name(self, incoming: Incoming) -> str:
        record = self._world.jobs.get(incoming.path.get("jobId", ""))
        return record.name if record else ""

    def _jobs(self, project: str) -> Outgoing:
        found = [record for record in self._world.jobs if project in ("", record.place[0])][-_MOST:]
        rows = ((Link(job.name, _path(job)), job.state, job.type, *job.place, str(job.fields["createTime"])) for job in reversed(found))
        columns = ("Job", "State", "Type", "Project", "Location", "Created")
        return page("Emulated Dataflow", table("Jobs", columns, rows))


def _path(record: JobRecord) -> str:
    project, location = record.place
    return f"/dataflow/jobs/{quote(location)}/{quote(record.id)}?project={quote(project)}"


def _job(record: JobRecord) -> Outgoing:
    project, location = record.place
    fields = record.fields
    shown = {
        "State": f"{record.state} since {fields['currentStateTime']}",
        "Type": record.type or "not known before the launcher has run",
        "Id": record.id,
        "Project and location": f"{project}, {location}",
        "Created": str(fields["createTime"]),
        "Template": record.work.template or "none",
        "Labels": ", ".join(f"{name}: {value}" for name, value in fields.get("labels", {}).items()) or "none",
    }
    messages = ((entry["time"], entry["messageImportance"].removeprefix("JOB_MESSAGE_"), entry["messageText"]) for entry in record.messages)
    stages = ((entry["stageId"], str(entry.get("state", ""))) for entry in record.stages)
    return page(
        record.name,
        facts(shown),
        table("Parameters", ("Name", "Value"), record.work.parameters.items()),
        table("Stages", ("Stage", "State"), stages),
        table("Metrics", ("Name", "Value"), map(_metric, record.metrics[-_MOST:])),
        table("Messages", ("Time", "Importance", "Message"), list(messages)[-_MOST:]),
    )


def _metric(entry: dict[str, Any]) -> tuple[str, str]:
    context = entry["name"].get("context", {})
    name = ", ".join((entry["name"]["name"], *(f"{key}={value}" for key, value in context.items())))
    return name, str(entry.get("scalar", entry.get("distribution", "")))
