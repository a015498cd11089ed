"""What the page shows of a CRM Analytics run, in the same form as for a Dataflow job. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airflow_dataflow_ext.api.jobs.phase import phase_of
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.wave.methods import source_of
from airflow_dataflow_ext.api.wave.states import WAVE

NODE_PHASES = {
    "success": "succeeded",
    "warning": "succeeded",
    "error": "failed",
    "aborted": "failed",
    "pending": "pending",
    "running": "moving",
}


def header(run: Mapping[str, Any]) -> Json:
    """State, times and progress of a run."""
    status = str(run.get("status") or "")
    source = source_of(dict(run))
    return {
        "name": str(run.get("label") or source.get("label") or ""),
        "type": str(run.get("jobType") or "").lower(),
        "state": status,
        "phase": phase_of(status.lower(), WAVE).value,
        "state_since": str(run.get("endDate") or run.get("executedDate") or run.get("createdDate") or ""),
        "created": str(run.get("createdDate") or run.get("startDate") or ""),
        "started": str(run.get("executedDate") or ""),
        "ended": str(run.get("endDate") or ""),
        "progress": number(run.get("progress")),
        "waited": number(run.get("waitTime")),
        "duration": number(run.get("duration")),
        "message": str(run.get("message") or ""),
        "source": {"id": str(source.get("id") or ""), "label": str(source.get("label") or source.get("name") or "")},
    }


def nodes(found: Sequence[Mapping[str, Any]]) -> list[Json]:
    """The run's nodes with status, rows, time and errors."""
    return [
        {
            "id": str(node.get("id") or ""),
            "name": str(node.get("label") or node.get("name") or node.get("id") or ""),
            "key": str(node.get("name") or ""),
            "kind": str(node.get("nodeType") or ""),
            "state": str(node.get("status") or "").lower(),
            "phase": NODE_PHASES.get(str(node.get("status") or "").lower(), "pending"),
            "start": str(node.get("startDate") or ""),
            "duration": number(node.get("duration")),
            **{f"{side}_{kind}": _rows(node, side, kind) for side in ("in", "out") for kind in ("rows", "failed")},
            "message": str(node.get("message") or ""),
        }
        for node in found
    ]


def _rows(node: Mapping[str, Any], side: str, kind: str) -> int | None:
    counts = node.get("inputRows" if side == "in" else "outputRows")
    value = number(counts.get("processedCount" if kind == "rows" else "failedCount")) if isinstance(counts, Mapping) else None
    return None if value is None else int(value)


def graph(found: Sequence[Mapping[str, Any]], definition: Any) -> Json:
    """The nodes as the definition of the dataflow or recipe links them.

    A dataflow's definition lists each node's ``parameters``, including its ``source`` nodes; a recipe's has ``nodes`` with ``sources``.
    Nodes that the definition does not contain have no links.
    """
    shown = [{**node, "outputs": []} for node in nodes(found)]
    ids = {node["key"]: node["id"] for node in shown}
    links = _links(definition)
    edges = [
        {"from": ids[source], "to": ids[name]} for name, sources in links.items() if name in ids for source in sources if source in ids
    ]
    return {"nodes": shown, "edges": edges, "stages": []}


def _links(definition: Any) -> dict[str, list[str]]:
    if not isinstance(definition, Mapping):
        return {}
    parts = definition["nodes"] if isinstance(definition.get("nodes"), Mapping) else definition
    return {str(name): list(_sources(part)) for name, part in parts.items() if isinstance(part, Mapping)}


def _sources(part: Mapping[str, Any]) -> Iterable[str]:
    """The names of the nodes that a node reads from."""
    given = part.get("parameters") or {}
    for name in ("source", "left", "right"):
        if isinstance(given.get(name), str):
            yield given[name]
    for found in (given.get("sources"), part.get("sources")):
        for entry in found if isinstance(found, list) else ():
            if isinstance(entry, str):
                yield entry


def number(value: Any) -> float | None:
    """A finite number in a reply; None for anything else."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
