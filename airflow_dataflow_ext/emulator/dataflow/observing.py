"""Messages, metrics and stages of a job.

Sources: https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs.messages/list ,
.../projects.locations.jobs/getMetrics , .../projects.locations.jobs/getExecutionDetails
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from airflow_dataflow_ext.api.dataflow.methods import Job, Message, Stage
from airflow_dataflow_ext.emulator.dataflow.jobs import JobRecord, Json
from airflow_dataflow_ext.emulator.dataflow.values import page_key, page_token, seconds_of, stamp
from airflow_dataflow_ext.emulator.dataflow.world import Call, World, answers
from airflow_dataflow_ext.emulator.http.errors import invalid, missing

IMPORTANCE = ("JOB_MESSAGE_DEBUG", "JOB_MESSAGE_DETAILED", "JOB_MESSAGE_BASIC", "JOB_MESSAGE_WARNING", "JOB_MESSAGE_ERROR")
_PARTS = ("count", "min", "max", "mean")


@answers(Message.list)
def messages(world: World, call: Call) -> Json:
    """Messages in the order of time; the first page also contains the autoscaling events of the time span."""
    record = call.job(world)
    least = call.query.get("minimumImportance", IMPORTANCE[0])
    wanted = frozenset(IMPORTANCE[IMPORTANCE.index(least) :]) if least in IMPORTANCE else frozenset(IMPORTANCE)
    within = [entry for entry in _span(call, record.messages) if entry["messageImportance"] in wanted]
    reply = _page(world, call, "jobMessages", within)
    if "pageToken" not in call.query:
        reply["autoscalingEvents"] = _span(call, record.events)
    return reply


@answers(Job.get_metrics)
def metrics(world: World, call: Call) -> Json:
    """The latest values, each as a committed and a tentative one; distributions also as scalars."""
    record = call.job(world)
    since = seconds_of(call.query["startTime"]) if "startTime" in call.query else float("-inf")
    changed = [metric for metric in record.metrics if seconds_of(metric["updateTime"]) >= since]
    shown = [copy for metric in changed for entry in _with_scalars(metric) for copy in (entry, _tentative(entry))]
    return {"metricTime": stamp(world.clock.now()), "metrics": shown}


@answers(Job.get_execution_details)
def stages(world: World, call: Call) -> Json:
    return _page(world, call, "stages", call.job(world).stages)


@answers(Stage.get_execution_details)
def stage(world: World, call: Call) -> Json:
    """One worker with one work item, since a job runs in one process."""
    record = call.job(world)
    found = next((entry for entry in record.stages if entry["stageId"] == call.path["stageId"]), None)
    if found is None:
        raise missing(f"Stage {call.path['stageId']} of job {record.id} could not be found")
    return _page(world, call, "workers", [_worker(record, found)])


def _worker(record: JobRecord, entry: Json) -> Json:
    times: Json = {name: entry[name] for name in ("startTime", "endTime", "progress") if name in entry}
    item: Json = {"taskId": "1", "attemptId": "1", "state": entry.get("state"), **times}
    return {"workerName": f"{record.name[:40]}-harness-0", "workItems": [item]}


def _span(call: Call, entries: Sequence[Json]) -> list[Json]:
    """Entries from ``startTime`` (inclusive) to ``endTime`` (exclusive)."""
    start = seconds_of(call.query["startTime"]) if "startTime" in call.query else float("-inf")
    end = seconds_of(call.query["endTime"]) if "endTime" in call.query else float("inf")
    return [entry for entry in entries if start <= seconds_of(entry["time"]) < end]


def _page(world: World, call: Call, name: str, entries: Sequence[Json]) -> Json:
    """A page of a list that only grows at its end."""
    size = call.query.get("pageSize", 0)
    if size < 0:
        raise invalid(f"pageSize must not be negative; it is {size}")
    start = page_key(call.question, call.query["pageToken"]) if call.query.get("pageToken") else 0
    end = start + world.page_size(size)
    token = page_token(call.question, end) if end < len(entries) else ""
    return {name: list(entries[start:end]), "nextPageToken": token}


def _with_scalars(metric: Json) -> Iterator[Json]:
    yield metric
    for part in _PARTS:
        if part in metric.get("distribution", {}):
            name: Json = {**metric["name"], "name": f"{metric['name']['name']}_{part.upper()}"}
            yield {"name": name, "scalar": metric["distribution"][part], "updateTime": metric["updateTime"]}


def _tentative(metric: Json) -> Json:
    context: Json = {**metric["name"].get("context", {}), "tentative": "true"}
    return {**metric, "name": {**metric["name"], "context": context}}
