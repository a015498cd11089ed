"""The routes of the pages, each with its authorization. ``page``, ``listing`` and ``actions`` make their content."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from airflow_dataflow_ext.plugin import listing, page
from airflow_dataflow_ext.plugin.access import READ_LOGS, READ_TASK, acts_on, allowed, readable_dags
from airflow_dataflow_ext.plugin.actions import act
from airflow_dataflow_ext.plugin.find import TaskKey, find
from airflow_dataflow_ext.plugin.lineage import lineage_of
from airflow_dataflow_ext.plugin.live import Live
from airflow_dataflow_ext.plugin.page import Page
from airflow_dataflow_ext.plugin.secrets import Redactor

STATIC = Path(__file__).parent / "static"
JOB = "/dags/{dag_id}/job"
"""The DAG is in the path, where Airflow's authorization looks for it; the rest is in the query, because a run's id may contain a slash."""

_TEXT, _TIME = r"^[^\x00]*$", r"^(\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?)?)?)?$"
_IN_WORDS = {_TEXT: "a text without NUL characters", _TIME: "a date, or a time such as 2026-11-28T15:00:00Z"}
Text = Annotated[str, Query(pattern=_TEXT)]
"""A text that each database can compare with its own."""

Id = Annotated[Text, Query(min_length=1)]
Time = Annotated[str, Query(pattern=_TIME)]
"""An RFC 3339 time in UTC, or its beginning."""

Level = Literal["debug", "detailed", "basic", "warning", "error"]


def build() -> FastAPI:
    """Create the app of one process."""
    mimetypes.add_type("text/javascript", ".js")
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.auth_manager = get_auth_manager()  # Airflow's dependencies look for it in the app whose route they belong to
    app.state.live = Live()
    app.add_exception_handler(RequestValidationError, wrong_query)
    app.get("/jobs", dependencies=READ_TASK)(see_jobs)
    app.get(JOB, dependencies=READ_TASK)(see_job)
    app.get(f"{JOB}/graph", dependencies=READ_TASK)(see_graph)
    app.get(f"{JOB}/metrics", dependencies=READ_TASK)(see_metrics)
    app.get(f"{JOB}/lineage", dependencies=READ_TASK)(see_lineage)
    app.get(f"{JOB}/workers", dependencies=READ_TASK)(see_workers)
    app.get(f"{JOB}/earlier", dependencies=READ_TASK)(see_earlier)
    app.get(f"{JOB}/messages", dependencies=READ_LOGS)(see_messages)
    app.get(f"{JOB}/why", dependencies=READ_LOGS)(see_why)
    for action in ("cancel", "drain", "snapshot", "stop"):
        app.post(f"{JOB}/{action}", dependencies=acts_on(f"dataflow_ext_{action}"), name=action)(do)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")  # code and licences, no data
    return app


def wrong_query(_: Request, error: Any) -> Response:
    """The reply to a request whose query is wrong: one text, as in all other errors, which the page shows."""
    texts = (f"{entry['loc'][-1]}: {_in_words(entry)}" for entry in error.errors())
    return JSONResponse({"detail": f"The query is wrong. {'; '.join(texts)}"}, 422)


def _in_words(entry: Mapping[str, Any]) -> str:
    """What is wrong with a value; FastAPI's own text shows the pattern that it does not match."""
    wanted = _IN_WORDS.get(entry.get("ctx", {}).get("pattern"))
    return f"it must be {wanted}, not {str(entry['input'])[:100]!r}" if wanted else str(entry["msg"])


def task_key(dag_id: str, run_id: Id, task_id: Id, map_index: Annotated[int, Query(ge=-1, lt=2**31)] = -1) -> TaskKey:
    """The task instance that the request names."""
    return TaskKey(dag_id, run_id, task_id, map_index)


KeyDep = Annotated[TaskKey, Depends(task_key)]


async def open_page(key: KeyDep, request: Request) -> Page:
    """The task and its job."""
    found = await run_in_threadpool(find, key)
    if found is None:
        raise HTTPException(404, "There is no such task instance.")
    return await page.open_page(found, request.app.state.live)


PageDep = Annotated[Page, Depends(open_page)]


def live_of(request: Request) -> Live:
    """The process's access to the services."""
    live: Live = request.app.state.live
    return live


LiveDep = Annotated[Live, Depends(live_of)]


def reply(value: Any, redactor: Redactor) -> Response:
    """The response, without secrets and with caching disabled."""
    return JSONResponse(redactor.clean(value), headers={"Cache-Control": "no-store"})


async def see_job(opened: PageDep, live: LiveDep, user: GetUserDep) -> Response:
    """The head of a job's page."""
    may = await run_in_threadpool(allowed, user, opened.found.key.dag_id)
    return reply(await page.overview(opened, live, may), opened.redactor)


async def see_graph(opened: PageDep, live: LiveDep) -> Response:
    """The job's graph."""
    return reply(await page.graph(opened, live), opened.redactor)


async def see_metrics(opened: PageDep, live: LiveDep) -> Response:
    """Metrics, usage and cost."""
    return reply(await page.metrics(opened, live), opened.redactor)


async def see_lineage(opened: PageDep, live: LiveDep) -> Response:
    """What the job reads and writes."""
    return reply(await lineage_of(opened, live), opened.redactor)


async def see_workers(opened: PageDep, live: LiveDep, stage: Annotated[str, Query(min_length=1, max_length=200)]) -> Response:
    """The workers of a stage."""
    return reply(await page.workers(opened, live, stage), opened.redactor)


async def see_messages(opened: PageDep, live: LiveDep, level: Level = "basic") -> Response:
    """Job messages of a level and above."""
    return reply(await page.messages(opened, live, level), opened.redactor)


async def see_why(opened: PageDep, live: LiveDep) -> Response:
    """Why the job failed."""
    return reply(await page.why(opened, live), opened.redactor)


async def see_earlier(key: KeyDep) -> Response:
    """Stored summaries of the task's last runs."""
    rows = await run_in_threadpool(listing.earlier, key.dag_id, key.task_id, key.map_index)
    return reply({"rows": rows}, Redactor(set()))


async def see_jobs(
    user: GetUserDep,
    dag_id: Text = "",
    task_id: Text = "",
    service: Literal["", "dataflow", "wave"] = "",
    phase: Literal["", "moving", "succeeded", "failed"] = "",
    text: str = "",
    since: Time = "",
    until: Time = "",
    least_cost: float | None = None,
    cursor: str = "",
) -> Response:
    """Stored summaries of all jobs that the user may see."""
    readable = await run_in_threadpool(readable_dags, user)
    wanted = listing.Wanted(
        readable=readable,
        dag_id=dag_id,
        task_id=task_id,
        service=service,
        phase=phase,
        text=text,
        since=since,
        until=until,
        least_cost=least_cost,
    )
    try:
        found = await run_in_threadpool(listing.jobs, wanted, cursor)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    return reply(found, Redactor(set()))


async def do(opened: PageDep, live: LiveDep, request: Request) -> Response:
    """Perform the action that the route names."""
    action = request.scope["route"].name
    return reply(await act(opened, live, action), opened.redactor)
