"""Reads live data of a job with the package's own hooks, through one cache, unless the settings forbid it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from msgspec import Struct

from airflow_dataflow_ext.api.dataflow.methods import Message
from airflow_dataflow_ext.api.dataflow.states import TERMINAL
from airflow_dataflow_ext.api.dataflow.template_check import template_info
from airflow_dataflow_ext.api.jobs.phase import Phase, phase_of
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import items, pages
from airflow_dataflow_ext.api.rest.errors import CallError, NotFoundError
from airflow_dataflow_ext.api.rest.times import epoch_or, rfc3339
from airflow_dataflow_ext.api.wave import methods as wave
from airflow_dataflow_ext.api.wave.runs import RunRef, read
from airflow_dataflow_ext.api.wave.states import WAVE
from airflow_dataflow_ext.plugin.cache import Answer, Cache
from airflow_dataflow_ext.plugin.job_at import DATAFLOW, JobAt

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.dataflow.job import Place
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation

SECTION, OPTION = "airflow_dataflow_ext", "ui_live"
MOST_MESSAGES = 3_000
OFF = Answer(trouble=f"Live calls are switched off ([{SECTION}] {OPTION} = False); this is what the task has stored.")
UNREACHABLE = Answer(trouble="The task's connection is not known any more; this is what the task has stored.")


class _Gone(Struct, frozen=True):
    """Marks a job that the service no longer knows."""

    text: str


def explained(error: BaseException) -> str:
    """An error as text for a person."""
    text = str(error).strip().split("\n")[0] or type(error).__name__
    return text if isinstance(error, CallError) else f"{type(error).__name__}: {text}"


def ended_at(job: Mapping[str, Any]) -> float | None:
    """When a job ended, in seconds since the epoch; None while it moves."""
    if "currentState" in job:
        return epoch_or(job.get("currentStateTime"), 0.0) if job["currentState"] in TERMINAL else None
    if phase_of(str(job.get("status", "")).lower(), WAVE) is Phase.MOVING:
        return None
    return epoch_or(job.get("endDate") or job.get("createdDate"), 0.0)


def settled(job: Mapping[str, Any] | None) -> bool:
    """Whether a job's data no longer changes."""
    ended = ended_at(job) if job else None
    return ended is not None and time.time() - ended > budgets.PAGE_SETTLED


class Live:
    """Reads from the services for one API server process."""

    def __init__(self) -> None:
        self.cache = Cache(explained)

    async def see(self, at: JobAt, what: str, ask: Callable[[Any, Any], Awaitable[Any]], fresh_for: Callable[[Any], float]) -> Answer:
        """Some data of a job, read over the job's own connection.

        :param ask: reads it; receives the hook and the last value.
        """
        if not conf.getboolean(SECTION, OPTION, fallback=True):
            return OFF
        if not at.conn_id:
            return UNREACHABLE
        hook = await self.hook(at)
        if hook.value is None:
            return hook
        key = (at.conn_id, at.impersonation_chain, at.project_id, at.location, at.job_id, what)
        answer = await self.cache.get(key, lambda last: ask(hook.value, last), fresh_for)
        if isinstance(answer.value, _Gone):
            return Answer(trouble=answer.value.text)
        return answer

    async def hook(self, at: JobAt) -> Answer:
        """The hook of the job's connection, created in a thread."""
        key = ("hook", at.service, at.conn_id, at.impersonation_chain)
        return await self.cache.get(key, lambda _: asyncio.to_thread(_make_hook, at), lambda _: budgets.PAGE_HOOK)

    def changed(self, at: JobAt) -> None:
        """Mark the cached data of a job as outdated, after an action on it."""
        self.cache.forget(lambda key: at.job_id in key)

    async def job(self, at: JobAt) -> Answer:
        """The Job's summary, or the run."""

        async def ask(hook: Any, last: Any) -> Any:
            try:
                return await (hook.get_job.aio(at.job_id, **_where(at)) if at.service == DATAFLOW else hook.arun(_run(hook, at)))
            except NotFoundError as error:
                if last is None or not isinstance(last, Mapping):
                    return _Gone(explained(error))
                raise

        return await self.see(at, "job", ask, _job_for)

    async def description(self, at: JobAt) -> Answer:
        """The Job with labels and pipeline, which do not change once they exist."""

        async def ask(hook: Any, _: Any) -> Json:
            found: Json = await hook.get_job.aio(at.job_id, view="JOB_VIEW_DESCRIPTION", **_where(at))
            return found

        return await self.see(at, "description", ask, lambda job: math.inf if job.get("pipelineDescription") else budgets.PAGE_DESCRIBED)

    async def messages(self, at: JobAt, level: str, *, over: bool) -> Answer:
        """Messages of a level and above, and autoscaling events, which come in the same replies; only new ones are read."""

        async def ask(hook: Any, last: Any) -> Json:
            path = hook.job(at.job_id, at.project_id, at.location).path
            since = str(last["since"]) if last else None
            request = Message.list.request(**path, minimumImportance=f"JOB_MESSAGE_{level.upper()}", startTime=since)
            return _merged(last, await hook.arun(pages(request, retry_for=0.0)))

        return await self.see(at, f"messages {level}", ask, _for(budgets.PAGE_MOVING, over))

    async def metrics(self, at: JobAt, *, over: bool) -> Answer:
        """MetricUpdates."""
        return await self.see(at, "metrics", lambda hook, _: hook.metrics.aio(at.job_id, **_where(at)), _for(budgets.PAGE_SLOW, over))

    async def stages(self, at: JobAt, *, over: bool) -> Answer:
        """StageSummaries; the service calls this method experimental."""
        return await self.see(
            at, "stages", lambda hook, _: hook.execution_details.aio(at.job_id, **_where(at)), _for(budgets.PAGE_SLOW, over)
        )

    async def workers(self, at: JobAt, stage: str, *, over: bool) -> Answer:
        """WorkerDetails of a stage."""
        return await self.see(
            at,
            f"workers {stage}",
            lambda hook, _: hook.stage_execution_details.aio(at.job_id, stage, **_where(at)),
            _for(budgets.PAGE_SLOW, over),
        )

    async def template(self, at: JobAt, path: str, place: Place) -> Answer:
        """A template's metadata; None if it has none."""
        return await self.see(at, f"template {path}", lambda hook, _: hook.arun(template_info(path, place)), lambda _: math.inf)

    async def nodes(self, at: JobAt, run_id: str, *, over: bool) -> Answer:
        """DataflowJobNodes of a run.

        :param run_id: the run's own id, which may differ from the id that its start returned.
        """
        return await self.see(at, f"nodes {run_id}", lambda hook, _: hook.nodes.aio(run_id), _for(budgets.PAGE_MOVING, over))

    async def definition(self, at: JobAt, source_id: str) -> Answer:
        """The definition that links a dataflow's nodes; None if the source is not a dataflow, or cannot be read."""

        async def ask(hook: Any, _: Any) -> Any:
            if not source_id.startswith("02K") or not wave.knows(wave.Dataflow.get, hook.version):
                return {}
            try:
                return (await hook.get_dataflow.aio(source_id)).get("definition") or {}
            except NotFoundError:  # a recipe's target dataflow is not listed
                return {}

        return await self.see(at, "definition", ask, lambda _: math.inf)


def _make_hook(at: JobAt) -> Any:
    if at.service == DATAFLOW:
        from airflow_dataflow_ext.hooks.dataflow import DataflowHook

        hook = DataflowHook(at.conn_id, at.impersonation_chain, timeout=budgets.PAGE_CALL_WITHIN, retry_for=0.0)
        _ = hook.root, hook.tokens  # reads the key, which blocks
        return hook
    from airflow_dataflow_ext.hooks.wave import WaveHook

    return WaveHook(at.conn_id, timeout=budgets.PAGE_CALL_WITHIN, retry_for=0.0)


def _run(hook: Any, at: JobAt) -> Conversation[Json]:
    """The run, even if the id that its start returned no longer leads to it."""
    which: Json = {"source_id": at.source_id, "sync": at.sync, "since": at.since, "others": at.others}
    return read(RunRef(version=hook.version, id=wave.full_id(at.job_id), **which), retry_for=0.0)


def _where(at: JobAt) -> dict[str, str | None]:
    return {"project_id": at.project_id, "location": at.location} if at.service == DATAFLOW else {}


def _job_for(job: Any) -> float:
    if isinstance(job, _Gone):
        return budgets.PAGE_HOOK
    return math.inf if settled(job) else budgets.PAGE_MOVING


def _for(seconds: float, over: bool) -> Callable[[Any], float]:
    return lambda _: math.inf if over else seconds


def _merged(last: Any, bodies: list[Json]) -> Json:
    """Known and new entries, each once, in the order of time."""
    known = last or {"messages": {}, "events": {}}
    answer = {**known["messages"], **{_key(entry, "messageText"): entry for entry in items(bodies, "jobMessages")}}
    events = {**known["events"], **{_key(entry, "eventType"): entry for entry in items(bodies, "autoscalingEvents")}}
    newest = dict(sorted(answer.items())[-MOST_MESSAGES:])
    latest = max((epoch_or(key[0], 0.0) for key in newest), default=0.0)
    since = rfc3339(max(latest - budgets.PAGE_OVERLAP, 0.0))
    return {"messages": newest, "events": dict(sorted(events.items())[-MOST_MESSAGES:]), "since": since}


def _key(entry: Mapping[str, Any], what: str) -> tuple[str, str, str]:
    text = entry.get(what) or (entry.get("description") or {}).get("messageText") or ""
    return str(entry.get("time", "")), str(entry.get("id", "")), str(text)
