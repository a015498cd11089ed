"""The calls about runs: ``dataflowjobs`` and their nodes.

Source: https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_resources_dataflowjobs.htm
"""

from __future__ import annotations

from airflow_dataflow_ext.api.wave.methods import DataflowJob, DataflowJobNode
from airflow_dataflow_ext.emulator.http.errors import ApiError, missing
from airflow_dataflow_ext.emulator.wave.call import NO_RESOURCE, WaveCall, answers, read_id
from airflow_dataflow_ext.emulator.wave.listing import job_page
from airflow_dataflow_ext.emulator.wave.org import WaveOrg
from airflow_dataflow_ext.emulator.wave.runs import Json, WaveRun
from airflow_dataflow_ext.emulator.wave.views import job_view, node_view, start_view


@answers(DataflowJob.list)
def list_jobs(org: WaveOrg, call: WaveCall) -> Json:
    return job_page(org, call.query, call.version)


@answers(DataflowJob.start)
def start(org: WaveOrg, call: WaveCall) -> Json:
    _need_command(call, "start")
    source = org.sources().get(read_id(call.body.get("dataflowId"), "02K"))
    if source is None:
        raise missing("The dataflow does not exist.")
    recipe = source["id"] not in org.dataflows
    run = org.runs.start(source, job_type="recipe_v3" if recipe else "user", prefix="0eP" if recipe else "03C")
    return start_view(run, call.version)


@answers(DataflowJob.get)
def get(org: WaveOrg, call: WaveCall) -> Json:
    run, id = _run(org, call)
    return _view(org, run, id, call.version)


@answers(DataflowJob.update)
def update(org: WaveOrg, call: WaveCall) -> Json:
    _need_command(call, "stop")
    run, id = _run(org, call)
    org.runs.stop(run)
    return _view(org, run, id, call.version)


@answers(DataflowJobNode.list)
def nodes(org: WaveOrg, call: WaveCall) -> Json:
    run, id = _run(org, call)
    now = org.clock.now()
    found = [] if id.startswith("030") else [node_view(run, *node, call.version) for node in run.nodes(now)]
    return {"nodes": found, "url": call.url(f"dataflowjobs/{id}/nodes")}


@answers(DataflowJobNode.get)
def node(org: WaveOrg, call: WaveCall) -> Json:
    wanted = read_id(call.path["nodeId"], "03L")
    found = [entry for entry in nodes(org, call)["nodes"] if entry["id"] == wanted]
    if not found:
        raise missing("The node does not exist.")
    return dict(found[0])


def _need_command(call: WaveCall, command: str) -> None:
    if str(call.body.get("command", "")).lower() != command:
        raise ApiError(400, f"command must be {command}")


def _run(org: WaveOrg, call: WaveCall) -> tuple[WaveRun, str]:
    """The run that the path names, and the id in the path."""
    id = read_id(call.path["jobId"])
    run = org.runs.get(id)
    gone = run is not None and id == run.handle != run.id and org.settings.handle == "gone" and run.executed is not None
    if run is None or gone:
        raise missing(NO_RESOURCE)
    return run, id


def _view(org: WaveOrg, run: WaveRun, id: str, version: int) -> Json:
    stale = id == run.handle != run.id and org.settings.handle == "stale"
    return job_view(run, id, version, org.clock.now(), stale=stale)
