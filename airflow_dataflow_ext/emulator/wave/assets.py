"""The calls about an org's assets: dataflows, recipes, connectors, limits.

Source: https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_rest_resources.htm
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_dataflow_ext.api.wave.methods import DataConnector, Dataflow, Limit, Recipe
from airflow_dataflow_ext.emulator.http.errors import ApiError, missing
from airflow_dataflow_ext.emulator.wave.call import NO_RESOURCE, WaveCall, answers, read_id
from airflow_dataflow_ext.emulator.wave.listing import page_of
from airflow_dataflow_ext.emulator.wave.org import WaveOrg
from airflow_dataflow_ext.emulator.wave.runs import Json
from airflow_dataflow_ext.emulator.wave.views import stamp

_DAY = 86_400.0


@answers(Dataflow.list)
def dataflows(org: WaveOrg, call: WaveCall) -> Json:
    words = call.query.get("q", "").lower().split()
    found = [asset for asset in org.dataflows.values() if all(word in asset["label"].lower() for word in words)]
    return {"dataflows": [_dataflow_view(asset, call) for asset in found], "url": call.url("dataflows")}


@answers(Dataflow.get)
def dataflow(org: WaveOrg, call: WaveCall) -> Json:
    found = _asset(org.dataflows, call.path["dataflowId"], "02K")
    nodes = org.scripts.find(found["label"], found["name"]).nodes
    definition = {"definition": {node.name: node.definition for node in nodes}}
    return _dataflow_view(found, call) | (definition if call.version >= 50 else {})


def _dataflow_view(asset: Json, call: WaveCall) -> Json:
    url = call.url(f"dataflows/{asset['id']}")
    view = {**asset, "type": "dataflow", "url": url, "emailNotificationLevel": "Failures"}
    return view | ({"historiesUrl": f"{url}/histories"} if call.version >= 46 else {})


@answers(Dataflow.histories)
def histories(org: WaveOrg, call: WaveCall) -> Json:
    found = _asset(org.dataflows, call.path["dataflowId"], "02K")
    history = {"id": "0Rm" + found["id"][3:], "label": "Initial version", "name": "1", "createdDate": stamp(0)}
    return {"histories": [history], "url": call.url(f"dataflows/{found['id']}/histories")}


@answers(Recipe.list)
def recipes(org: WaveOrg, call: WaveCall) -> Json:
    words, wanted = call.query.get("q", "").lower().split(), call.query.get("format", "").upper()
    found = [
        _recipe_view(asset, call)
        for asset in org.recipes.values()
        if all(word in asset["label"].lower() for word in words) and wanted in ("", asset["format"])
    ]
    page, following = page_of(found, call.query, call.url("recipes"))
    return {"recipes": page, "nextPageUrl": following, "url": call.url("recipes")}


@answers(Recipe.get)
def recipe(org: WaveOrg, call: WaveCall) -> Json:
    found = _asset(org.recipes, call.path["recipeId"], "05v")
    if call.version >= 49 and call.query.get("format", "").upper() != found["format"]:
        raise ApiError(400, "The recipe has another format; request it with format=R3.")
    return _recipe_view(found, call)


def _recipe_view(asset: Json, call: WaveCall) -> Json:
    return {**asset, "type": "recipe", "url": call.url(f"recipes/{asset['id']}")}


@answers(DataConnector.ingest)
def ingest(org: WaveOrg, call: WaveCall) -> Json:
    found = _asset(org.connectors, call.path["connectorId"], "")
    org.runs.start(found, job_type="datasync", prefix="03C")
    return {"message": "Data sync was started.", "url": call.url(f"dataConnectors/{found['id']}/ingest")}


@answers(Limit.list)
def limits(org: WaveOrg, call: WaveCall) -> Json:
    day = org.clock.now() - _DAY
    runs = sum(1 for run in org.runs if run.created > day and run.job_type != "datasync" and run.executed is not None)
    limit: Json = {"type": "MaxDailyWorkflowExecutions", "current": runs, "max": 60, "threshold": 48, "interval": "Daily"}
    wanted = [name.lower() for name in call.query.get("types", "").split(",") if name]
    shown = [{**limit, "licenseAttributes": {"type": "einsteinanalytics"}}] if not wanted or limit["type"].lower() in wanted else []
    return {"limits": shown, "url": call.url("limits")}


def _asset(assets: Mapping[str, Json], id: str, prefix: str) -> Json:
    found = assets.get(read_id(id, prefix))
    if found is None:
        raise missing(NO_RESOURCE)
    return found
