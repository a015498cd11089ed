"""The content of one job's page: live data if possible, else what the task has stored, always with its age."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.states import RUNNING, STREAMING
from airflow_dataflow_ext.api.dataflow.worker_logs import explorer
from airflow_dataflow_ext.api.jobs.facts import FACTS_KEY, Facts, Summary
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.links.dataflow import DataflowJobLink
from airflow_dataflow_ext.plugin import views, wave_views
from airflow_dataflow_ext.plugin.cache import Answer
from airflow_dataflow_ext.plugin.find import Found
from airflow_dataflow_ext.plugin.job_at import DATAFLOW, JobAt, described, job_at, summary_of
from airflow_dataflow_ext.plugin.live import Live, settled
from airflow_dataflow_ext.plugin.secrets import Redactor, secrets_of

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json

STRANGE = "The recorded job does not carry this task's label, so it is not shown: somebody may have edited what the task stored."
NOTHING = Answer()


class Page(Struct, frozen=True):
    """One task and what was found of its job.

    :param job: the live summary.
    :param about: the live description of a Dataflow job.
    :param strange: whether the job does not show that this task launched it.
    """

    found: Found
    at: JobAt | None
    job: Answer
    about: Answer
    strange: bool
    redactor: Redactor

    @property
    def over(self) -> bool:
        """Whether the job's data no longer changes."""
        return settled(self.job.value)

    @property
    def own(self) -> bool:
        """Whether the task launched the job, so that the page may stop it."""
        at = self.at
        if at is None or at.identity is None or at.foreign or not self.job.value:
            return False
        return bool(self.about.value) and at.is_own(self.about.value) if at.service == DATAFLOW else True

    @property
    def kept(self) -> Facts:
        """The facts that the task has stored about its job."""
        facts, summary = Facts.read(self.found.stored.get(FACTS_KEY)), summary_of(self.found)
        return facts if facts is not None and summary is not None and facts.job_id == summary.job_id else Facts(job_id="")


async def open_page(found: Found, live: Live) -> Page:
    """Find the task's job and read it; if the task did not launch it, nothing more is read."""
    at = job_at(found)
    if at is None:
        return Page(found, None, NOTHING, NOTHING, False, Redactor(secrets_of(found)))
    if at.service != DATAFLOW:
        return Page(found, at, await live.job(at), NOTHING, False, Redactor(secrets_of(found)))
    about, job = await asyncio.gather(live.description(at), live.job(at))
    strange = at.identity is not None and bool(about.value) and not at.is_own(about.value)
    if strange:
        about = job = Answer(trouble=STRANGE)
    elif at.identity is not None and not about.value:  # it is not certain that the task launched it, so nothing of it is shown
        job = Answer(trouble=about.trouble)
    return Page(found, at, job, about, strange, Redactor(secrets_of(found, about.value)))


async def overview(page: Page, live: Live, may: Mapping[str, bool]) -> Json:
    """The head of the page and its time axis."""
    summary = summary_of(page.found)
    now = _now(page, summary)
    answer, stages = await _axis(page, live)
    stored = {**summary.value(), "error": ""} if summary else None  # only those who may read logs see the error
    return {
        "task": _task(page.found),
        "job": described(page.at) or _stored_at(summary),
        "now": now,
        "stored": stored,
        "states": page.kept.states,
        "autoscaling": views.autoscaling((answer.value or {}).get("events", {}).values()) or page.kept.workers,
        "stages": views.stages(page.job.value or {}, stages.value or ()) or page.kept.stages,
        "gaps": [each.trouble for each in (answer, stages) if each.trouble and page.job.value],
        "may": {"act": actions(page) if may.get("act") else [], "logs": bool(may.get("logs"))},
        "link": await _link(page, live),
    }


def _task(found: Found) -> Json:
    return {
        "state": found.state,
        "try": found.try_number,
        "max_tries": found.max_tries,
        "operator": found.operator,
        "tries": list(found.tries),
        "run": dict(found.run),
    }


def _now(page: Page, summary: Summary | None) -> Json:
    """The job's current or last known state."""
    if page.job.value:
        view = views.header if page.at is not None and page.at.service == DATAFLOW else wave_views.header
        answer = {**view(page.job.value), "message": ""}
        return {"source": "live", "as_of": page.job.at, "trouble": page.job.trouble, "settled": page.over, **answer}
    answer = {"source": "none", "as_of": 0.0, "trouble": page.job.trouble, "settled": False}
    if summary is None:
        return answer
    kept = {"name": summary.name, "type": summary.type, "state": summary.state, "phase": summary.phase, "created": summary.launched}
    ended = {"ended": summary.ended, "state_since": summary.ended or summary.seen}
    return {**answer, "source": "stored", "seen": summary.seen, **kept, **ended}


def _stored_at(summary: Summary | None) -> Json | None:
    if summary is None:
        return None
    return {
        "service": summary.service,
        "job_id": summary.job_id,
        **{name: summary.place.get(name) for name in ("project_id", "location")},
        "followed": False,
    }


async def _axis(page: Page, live: Live) -> tuple[Answer, Answer]:
    at = page.at
    if at is None or at.service != DATAFLOW or not page.job.value:
        return NOTHING, NOTHING
    answer, stages = await asyncio.gather(live.messages(at, "basic", over=page.over), live.stages(at, over=page.over))
    return answer, stages


def actions(page: Page) -> list[str]:
    """The actions that are possible in the job's current state."""
    job = page.job.value
    if not page.own or not job:
        return []
    if page.at is not None and page.at.service != DATAFLOW:
        return ["stop"] if wave_views.header(job)["phase"] == Phase.MOVING.value else []
    head = views.header(job)
    if head["phase"] != Phase.MOVING.value or head["state"] == "JOB_STATE_CANCELLING":
        return []
    streams = job.get("type") == STREAMING and head["state"] == RUNNING
    return ["cancel", *(["drain", "snapshot"] if streams else [])]


async def _where(page: Page, live: Live) -> tuple[JobRef | None, str]:
    """A reference to a Dataflow job, or None if its place is unknown; and the URL of its service."""
    at, job = page.at, page.job.value or {}
    if at is None or at.service != DATAFLOW or page.strange:
        return None, ""
    project, location = job.get("projectId") or at.project_id, job.get("location") or at.location
    if not project or not location:
        return None, ""
    hook = (await live.hook(at)).value if at.conn_id and job else None
    return Place(project_id=project, location=location).job(at.job_id), hook.root if hook else ""


async def _link(page: Page, live: Live) -> str:
    """The URL of the job's page in the Google Cloud console, or on the emulator."""
    ref, root = await _where(page, live)
    return DataflowJobLink.url(ref, root=root) if ref else ""


async def _worker_logs(page: Page, live: Live) -> str:
    """The URL of the Logs Explorer with the workers' errors; empty for the emulator, which has no such page."""
    ref, root = await _where(page, live)
    return explorer(ref) if ref and not root.startswith("http://") else ""


async def graph(page: Page, live: Live) -> Json:
    """The graph: a job's transforms and stages, or a run's nodes."""
    at = page.at
    if at is None or not page.job.value:
        return {**wave_views.graph(page.kept.nodes, None), **aged(page.job)}
    if at.service == DATAFLOW:
        return {**views.graph(page.about.value or {}), **aged(page.about)}
    nodes = await live.nodes(at, str(page.job.value.get("id") or at.job_id), over=page.over)
    definition = await live.definition(at, wave_views.header(page.job.value)["source"]["id"])
    return {**wave_views.graph(nodes.value or page.kept.nodes, definition.value), **aged(nodes)}


async def messages(page: Page, live: Live, level: str) -> Json:
    """The job's messages of a level and above."""
    at = page.at
    if at is None or not page.job.value:
        return {"messages": [], **aged(page.job)}
    if at.service != DATAFLOW:
        head = wave_views.header(page.job.value)
        said = [{"id": "run", "time": head["state_since"], "level": "basic", "text": head["message"]}] if head["message"] else []
        return {"messages": said, **aged(page.job)}
    answer = await live.messages(at, level, over=page.over)
    return {"messages": views.messages((answer.value or {}).get("messages", {}).values()), **aged(answer)}


async def metrics(page: Page, live: Live) -> Json:
    """The job's metrics, usage and cost."""
    summary = summary_of(page.found)
    prices = summary.prices if summary else {}
    if page.at is not None and page.at.service == DATAFLOW and page.job.value:
        found = await live.metrics(page.at, over=page.over)
        if found.value is not None:
            return {**views.metrics(found.value, prices), **aged(found)}
    return {**views.stored_metrics(summary), **aged(page.job)}


async def why(page: Page, live: Live) -> Json:
    """Why the job failed: what the task has stored, and what the service says."""
    summary = summary_of(page.found)
    error = page.kept.error or (summary.error if summary else "")
    if page.at is not None and page.at.service != DATAFLOW:
        run = wave_views.header(page.job.value) if page.job.value else {}
        bad = [node for node in (await graph(page, live))["nodes"] if node["phase"] == "failed" or node["message"] or node["out_failed"]]
        return {"error": error or run.get("message", ""), "errors": [], "nodes": bad, "stages": [], "logs": "", **aged(page.job)}
    answer = await messages(page, live, "basic")
    errors = [message for message in answer["messages"] if message["level"] == "error"]
    stages = await live.stages(page.at, over=page.over) if page.at is not None and page.job.value else NOTHING
    bad_stages = [stage for stage in views.stages(page.job.value or {}, stages.value or ()) if stage["state"] == "failed"]
    found = {"error": error, "errors": errors, "nodes": [], "stages": bad_stages, "logs": await _worker_logs(page, live)}
    return {**found, **{name: answer[name] for name in ("as_of", "trouble")}}


async def workers(page: Page, live: Live, stage: str) -> Json:
    """The workers of a stage."""
    if page.at is None or page.at.service != DATAFLOW or not page.job.value:
        return {"workers": [], **aged(page.job)}
    found = await live.workers(page.at, stage, over=page.over)
    return {"workers": views.workers(found.value or ()), **aged(found)}


def aged(answer: Answer) -> Json:
    """The age of an answer, and why there is no newer one."""
    return {"as_of": answer.at, "trouble": answer.trouble, "now": time.time()}
