"""The calls of workers and debuggers, answered from the state of the job; no scheduler is behind them.

Source: https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs.workItems/lease
"""

from __future__ import annotations

import zlib

from airflow_dataflow_ext.api.dataflow.methods import Debug, Location, WorkItem
from airflow_dataflow_ext.api.dataflow.states import RUNNING
from airflow_dataflow_ext.emulator.dataflow.jobs import Json
from airflow_dataflow_ext.emulator.dataflow.values import stamp
from airflow_dataflow_ext.emulator.dataflow.world import Call, World, answers

LEASE_SECONDS = 120.0
_REPORT_INTERVAL = "10s"
_HEALTH_INTERVAL = "60s"
# kind of a worker's message -> kind of its answer
_RESPONSES: dict[str, tuple[str, Json]] = {
    "workerHealthReport": ("workerHealthReportResponse", {"reportInterval": _HEALTH_INTERVAL}),
    "workerMetrics": ("workerMetricsResponse", {}),
    "workerShutdownNotice": ("workerShutdownNoticeResponse", {}),
    "workerThreadScalingReport": ("workerThreadScalingReportResponse", {}),
    "streamingScalingReport": ("streamingScalingReportResponse", {}),
}


@answers(Location.worker_messages)
def worker_messages(world: World, call: Call) -> Json:  # noqa: ARG001 - workers may report before they are known
    """One response to each message of a kind that has one."""
    kinds = [_RESPONSES[kind] for message in call.body.get("workerMessages", ()) for kind in message if kind in _RESPONSES]
    return {"workerMessageResponses": [{name: response} for name, response in kinds]}


@answers(WorkItem.lease)
def lease(world: World, call: Call) -> Json:
    """A work item for each running stage that is not leased; the engine still does the work itself."""
    record = call.job(world)
    now = world.clock.now()
    items = []
    for stage in record.stages if record.state == RUNNING else ():
        item_id = str(zlib.crc32(f"{record.id}/{stage['stageId']}".encode()))
        held = world.leases.get((record.id, item_id))
        if stage.get("state") == "EXECUTION_STATE_RUNNING" and (held is None or held["until"] < now):
            index = held["index"] if held else 1
            world.leases[record.id, item_id] = {"worker": call.body.get("workerId", ""), "index": index, "until": now + LEASE_SECONDS}
            items.append(
                {
                    "id": item_id,
                    "projectId": call.project,
                    "jobId": record.id,
                    "initialReportIndex": str(index),
                    "leaseExpireTime": stamp(now + LEASE_SECONDS),
                    "reportStatusInterval": _REPORT_INTERVAL,
                    "mapTask": {"stageName": stage["stageId"], "systemName": stage["stageId"]},
                }
            )
    return {"workItems": items}


@answers(WorkItem.report_status)
def report_status(world: World, call: Call) -> Json:
    """The state of each reported item, in the order of the reports."""
    record = call.job(world)
    worker = call.body.get("workerId", "")
    return {"workItemServiceStates": [_report(world, record.id, worker, status) for status in call.body.get("workItemStatuses", ())]}


def _report(world: World, job_id: str, worker: str, status: Json) -> Json:
    key = (job_id, status.get("workItemId", ""))
    held = world.leases.get(key)
    if held is None or held["worker"] != worker or held["until"] < world.clock.now():
        return _dropped(5, f"Work item {key[1]} is not leased by worker {worker}")
    if int(status.get("reportIndex", 0)) != held["index"]:
        return _dropped(9, f"Report {status.get('reportIndex', 0)} of work item {key[1]} is out of sequence; expected {held['index']}")
    held["index"] += 1
    if status.get("completed"):
        held["until"] = float("inf")
    else:
        held["until"] = world.clock.now() + LEASE_SECONDS
    until = {} if status.get("completed") else {"leaseExpireTime": stamp(held["until"])}
    return {"nextReportIndex": str(held["index"]), "reportStatusInterval": _REPORT_INTERVAL, **until}


def _dropped(code: int, message: str) -> Json:
    return {"completeWorkStatus": {"code": code, "message": message}}


@answers(Debug.get_config)
def get_config(world: World, call: Call) -> Json:
    """An empty configuration: no component has a debugger."""
    call.job(world)
    return {"config": "{}"}


@answers(Debug.send_capture)
def send_capture(world: World, call: Call) -> Json:
    """Accept the capture and discard it."""
    call.job(world)
    return {}


@answers(Debug.get_worker_stacktraces)
def get_worker_stacktraces(world: World, call: Call) -> Json:
    """The last reported stacks of the process that runs the job; empty if the job has no process."""
    record = call.job(world)
    return {"sdks": [{"sdkId": "sdk-0-0", "stacks": record.stacks}]} if record.stacks and not record.is_terminal else {}
