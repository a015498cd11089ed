"""The page's actions on a job: cancel, drain, snapshot, stop. Each only sends the request; the task's own wait sees the effect."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import DataflowExtError
from airflow_dataflow_ext.plugin.live import Live, explained
from airflow_dataflow_ext.plugin.page import Page, actions

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.plugin.job_at import JobAt

SNAPSHOT_FOR = "604800s"
"""How long the service keeps a snapshot."""


async def _cancel(hook: Any, at: JobAt, _: Page) -> str:
    await hook.cancel.aio(at.job_id, wait_for=0, project_id=at.project_id, location=at.location)
    return "The service was asked to cancel the job."


async def _drain(hook: Any, at: JobAt, _: Page) -> str:
    await hook.drain.aio(at.job_id, wait_for=0, project_id=at.project_id, location=at.location)
    return "The service was asked to drain the job."


async def _snapshot(hook: Any, at: JobAt, _: Page) -> str:
    taken = await hook.create_snapshot.aio(at.job_id, ttl=SNAPSHOT_FOR, project_id=at.project_id, location=at.location)
    return f"Snapshot {taken.get('id')} is being taken; it is kept for seven days."


async def _stop(hook: Any, at: JobAt, page: Page) -> str:
    await hook.stop.aio(str(page.job.value.get("id") or at.job_id), wait_for=0)
    return "The service was asked to stop the run."


_ACTIONS: Mapping[str, Callable[[Any, JobAt, Page], Awaitable[str]]] = {
    "cancel": _cancel,
    "drain": _drain,
    "snapshot": _snapshot,
    "stop": _stop,
}


async def act(page: Page, live: Live, action: str) -> Json:
    """Perform an action, and return a sentence about it.

    :raises HTTPException: 404 if there is no job, 409 if the action is not possible in the job's state, 502 if the service refuses.
    """
    if page.at is None:
        raise HTTPException(404, "This task has no job.")
    if not page.own:
        raise HTTPException(409, "The job is not this task's own, or that cannot be seen now; nothing was done.")
    if action not in actions(page):
        raise HTTPException(409, f"A job in state {page.job.value.get('currentState') or page.job.value.get('status')} takes no {action}.")
    hook = await live.hook(page.at)
    if hook.value is None:
        raise HTTPException(502, hook.trouble)
    try:
        answer = await asyncio.wait_for(_ACTIONS[action](hook.value, page.at, page), budgets.PAGE_CALL_WITHIN)
    except (DataflowExtError, TimeoutError) as error:
        raise HTTPException(502, f"The service refused it: {explained(error)}") from error
    finally:
        live.changed(page.at)
    return {"done": answer}
