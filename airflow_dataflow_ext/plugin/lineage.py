"""What a task's job reads and writes: the assets that its DAG names, and the data that its template's parameters name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.lineage import Lineage, lineage
from airflow_dataflow_ext.plugin.job_at import DATAFLOW

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.plugin.find import Found
    from airflow_dataflow_ext.plugin.live import Live
    from airflow_dataflow_ext.plugin.page import Page


async def lineage_of(page: Page, live: Live) -> Json:
    """URIs of inputs and outputs."""
    found: dict[str, list[str]] = {"inputs": [], "outputs": []}
    answer = await _lineage_of(page, live)
    for side, arguments in (("inputs", "inlets"), ("outputs", "outlets")):
        assets = [str(asset.uri) for asset in getattr(page.found.task, arguments, None) or () if getattr(asset, "uri", None)]
        named = [dataset.uri for dataset in getattr(answer, side)]
        found[side] = list(dict.fromkeys((*assets, *named)))
    return found


async def _lineage_of(page: Page, live: Live) -> Lineage:
    """The data that the template's parameters name; empty if the template cannot be read now."""
    at, job = page.at, page.job.value
    if at is None or at.service != DATAFLOW or not job or at.identity is None:
        return Lineage()
    template, given = launched(page.found)
    if not template:
        return Lineage()
    place = Place(project_id=str(job.get("projectId") or at.project_id), location=str(job.get("location") or at.location))
    info = (await live.template(at, template, place)).value
    return lineage(info, given, place.project_id) if info is not None else Lineage()


def launched(found: Found) -> tuple[str, dict[str, str]]:
    """The template's path and the task's rendered parameters; empty if it launches no template."""
    body = _mapping(found.argument("body")).get("launchParameter")
    if isinstance(body, Mapping):
        return str(body.get("containerSpecGcsPath") or ""), _texts(body.get("parameters"))
    return str(found.argument("template") or ""), _texts(_mapping(found.argument("parameters")))


def _mapping(value: Any) -> Mapping[str, Any]:
    """An argument that is a mapping, or the text of one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return value if isinstance(value, Mapping) else {}


def _texts(value: Any) -> dict[str, str]:
    return {str(name): str(entry) for name, entry in _mapping(value).items()}
