"""What the page shows of a Dataflow job: chosen fields of the service's JSON, under the page's own names. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from airflow_dataflow_ext.api.dataflow.states import DATAFLOW
from airflow_dataflow_ext.api.dataflow.usage import SERVICE, TOTALS, estimate, totals
from airflow_dataflow_ext.api.jobs.facts import Summary
from airflow_dataflow_ext.api.jobs.phase import phase_of
from airflow_dataflow_ext.api.rest.method import Json

MOST_METRICS, MOST_SERIES = 2_000, 400
_WALL_TIME = "ExecutionTime_"
_DISTRIBUTION_PARTS = ("_COUNT", "_MIN", "_MAX", "_MEAN")


def header(job: Mapping[str, Any]) -> Json:
    """State, type, times and SDK of a job, from its summary."""
    state = str(job.get("currentState") or "JOB_STATE_UNKNOWN")
    sdk = (job.get("jobMetadata") or {}).get("sdkVersion") or {}
    return {
        "name": str(job.get("name", "")),
        "type": str(job.get("type", "")).removeprefix("JOB_TYPE_").lower(),
        "state": state,
        "phase": phase_of(state, DATAFLOW).value,
        "state_since": str(job.get("currentStateTime", "")),
        "created": str(job.get("createTime", "")),
        "started": str(job.get("startTime", "")),
        "sdk": " ".join(filter(None, (str(sdk.get("versionDisplayName", "")), str(sdk.get("version", ""))))),
        "sdk_support": str(sdk.get("sdkSupportStatus", "")),
        "replaced_by": str(job.get("replacedByJobId", "")),
        "replaces": str(job.get("replaceJobId", "")),
    }


def graph(job: Mapping[str, Any]) -> Json:
    """The transforms, the collections between them, and the stage that runs each transform.

    :param job: the Job in view ``JOB_VIEW_DESCRIPTION``.
    """
    described = job.get("pipelineDescription") or {}
    transforms = [entry for entry in described.get("originalPipelineTransform") or () if entry.get("id")]
    stages = list(_stages(described.get("executionPipelineStage") or ()))
    stage_of = {name: stage["id"] for stage in stages for name in stage["transforms"]}
    makers = {name: str(entry["id"]) for entry in transforms for name in entry.get("outputCollectionName") or ()}
    nodes = [
        {
            "id": str(entry["id"]),
            "name": str(entry.get("name") or entry["id"]),
            "kind": str(entry.get("kind", "")).removesuffix("_KIND").lower(),
            "stage": stage_of.get(str(entry.get("name")), stage_of.get(str(entry["id"]), "")),
            "outputs": [str(name) for name in entry.get("outputCollectionName") or ()],
        }
        for entry in transforms
    ]
    edges = [
        {"from": makers[name], "to": str(entry["id"])}
        for entry in transforms
        for name in entry.get("inputCollectionName") or ()
        if name in makers
    ]
    return {"nodes": nodes, "edges": edges, "stages": stages}


def _stages(stages: Iterable[Mapping[str, Any]]) -> Iterator[Json]:
    for stage in stages:
        names = dict.fromkeys(
            str(part[name])
            for part in stage.get("componentTransform") or ()
            for name in ("userName", "originalTransform", "name")
            if part.get(name)
        )
        yield {
            "id": str(stage.get("name") or stage.get("id") or ""),
            "transforms": list(names),
            "after": [str(name) for name in stage.get("prerequisiteStage") or ()],
        }


def stages(job: Mapping[str, Any], details: Sequence[Mapping[str, Any]]) -> list[Json]:
    """The states of the stages, from the execution details if there are any, else from the job's summary."""
    known = {str(entry.get("executionStageName")): entry for entry in job.get("stageStates") or ()}
    if not details:
        return [
            {"id": name, "state": _plain_state(entry.get("executionStageState")), "since": str(entry.get("currentStateTime", ""))}
            for name, entry in known.items()
        ]
    return [_stage(entry, known.get(str(entry.get("stageId")), {})) for entry in details]


def _stage(entry: Mapping[str, Any], state: Mapping[str, Any]) -> Json:
    progress = entry.get("progress") or {}
    stragglers = entry.get("stragglerSummary") or {}
    return {
        "id": str(entry.get("stageId", "")),
        "state": _plain_state(entry.get("state")),
        "since": str(state.get("currentStateTime", "")),
        "start": str(entry.get("startTime", "")),
        "end": str(entry.get("endTime", "")),
        "progress": progress.get("currentProgress"),
        "stragglers": int(stragglers.get("totalStragglerCount") or 0),
        "straggler_causes": {str(cause): int(count) for cause, count in (stragglers.get("stragglerCauseCount") or {}).items()},
    }


def _plain_state(state: Any) -> str:
    return str(state or "").removeprefix("EXECUTION_STATE_").removeprefix("JOB_STATE_").lower()


def workers(details: Sequence[Mapping[str, Any]]) -> list[Json]:
    """The workers of a stage."""
    return [
        {
            "worker": str(entry.get("workerName", "")),
            "items": [
                {
                    "task": str(item.get("taskId", "")),
                    "attempt": str(item.get("attemptId", "")),
                    "state": _plain_state(item.get("state")),
                    "start": str(item.get("startTime", "")),
                    "end": str(item.get("endTime", "")),
                    "progress": (item.get("progress") or {}).get("currentProgress"),
                }
                for item in entry.get("workItems") or ()
            ],
        }
        for entry in details
    ]


def messages(found: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Job messages with their time and importance."""
    return [
        {
            "id": str(entry.get("id", "")),
            "time": str(entry.get("time", "")),
            "level": str(entry.get("messageImportance", "")).removeprefix("JOB_MESSAGE_").lower(),
            "text": str(entry.get("messageText", "")),
        }
        for entry in found
    ]


def autoscaling(found: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Changes of the worker pool, and why."""
    return [
        {
            "time": str(entry.get("time", "")),
            "current": _count(entry.get("currentNumWorkers")),
            "target": _count(entry.get("targetNumWorkers")),
            "reason": str((entry.get("description") or {}).get("messageText", "")),
            "failed": entry.get("eventType") == "ACTUATION_FAILURE",
        }
        for entry in found
    ]


def _count(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def metrics(found: Sequence[Mapping[str, Any]], prices: Mapping[str, float]) -> Json:
    """Committed values, the figures of each transform that they contain, and the job's usage and cost so far."""
    rows = [row for row in map(_metric, found) if row is not None]
    used = totals(found)
    cost = estimate(used, prices)
    return {
        "rows": rows[:MOST_METRICS],
        "left_out": max(0, len(rows) - MOST_METRICS),
        "elements": _elements(found),
        "wall_time": _wall_time(found),
        "used": [{"name": name, "value": value, "unit": TOTALS[name].unit} for name, value in used.items()],
        "cost": {"amount": cost[0], "without": cost[1]} if cost else None,
    }


def _metric(metric: Mapping[str, Any]) -> Json | None:
    name = metric.get("name") or {}
    context = name.get("context") or {}
    text = str(name.get("name", ""))
    if "tentative" in context or (name.get("origin") == "user" and text.endswith(_DISTRIBUTION_PARTS)):
        return None
    value: Any = metric.get("scalar")
    if isinstance(metric.get("distribution"), Mapping):
        value = {part: metric["distribution"].get(part) for part in ("count", "min", "max", "mean", "sum")}
    if isinstance(value, bool) or not isinstance(value, int | float | dict):
        return None
    step = str(context.get("output_user_name") or context.get("step") or context.get("execution_step") or "")
    return {"origin": "service" if name.get("origin") == SERVICE else "user", "name": text, "step": step, "value": value}


def _elements(found: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Output collection -> number of its elements."""
    counted: dict[str, float] = {}
    for metric, context in _committed(found, "ElementCount"):
        output = str(context.get("output_user_name") or str(context.get("original_name", "")).removesuffix("-ElementCount"))
        if output:
            counted[output] = max(counted.get(output, 0), metric["scalar"])
    return counted


def _wall_time(found: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Step -> milliseconds that all workers together have spent in it."""
    spent: dict[str, float] = {}
    for metric, context in _committed(found, _WALL_TIME):
        if context.get("step"):
            spent[str(context["step"])] = spent.get(str(context["step"]), 0) + metric["scalar"]
    return spent


def _committed(found: Sequence[Mapping[str, Any]], begins: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for metric in found:
        name = metric.get("name") or {}
        context = name.get("context") or {}
        value = metric.get("scalar")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and name.get("origin") == SERVICE and str(name.get("name", "")).startswith(begins) and "tentative" not in context:
            yield metric, context


def stored_metrics(summary: Summary | None) -> Json:
    """The same as :func:`metrics`, from what the task has stored."""
    used = summary.used if summary else {}
    cost = {"amount": summary.cost, "without": []} if summary and summary.cost is not None else None
    return {
        "rows": [],
        "left_out": 0,
        "elements": {},
        "wall_time": {},
        "used": [{"name": name, "value": value, "unit": TOTALS[name].unit} for name, value in used.items() if name in TOTALS],
        "cost": cost,
    }
