"""The emulated CRM Analytics API on the wire: from an incoming request to what answers it, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.api.wave import methods as api
from airflow_dataflow_ext.emulator.http.errors import CODES, ApiError
from airflow_dataflow_ext.emulator.http.router import Incoming, Outgoing
from airflow_dataflow_ext.emulator.wave.listing import job_page, page_of
from airflow_dataflow_ext.emulator.wave.org import WaveOrg
from airflow_dataflow_ext.emulator.wave.runs import Json, WaveRun
from airflow_dataflow_ext.emulator.wave.views import encoded, job_view, node_view, stamp, start_view

_CODES: Mapping[int, str] = {
    400: "INVALID_INPUT",
    401: "INVALID_SESSION_ID",
    403: "INSUFFICIENT_ACCESS",
    404: "NOT_FOUND",
    500: "UNKNOWN_EXCEPTION",
    503: "SERVER_UNAVAILABLE",
}


@dataclass(frozen=True, slots=True)
class WaveCall:
    """One call, read and checked."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    version: int


class WaveServer:
    """Dataflow jobs, dataflows, recipes, connectors and limits of one org."""

    prefix = "services/data"
    any_case = True

    def __init__(self, org: WaveOrg) -> None:
        self._org = org
        self._answers: dict[str, Callable[[WaveCall], Json]] = {
            api.DataflowJob.list.id: self._list,
            api.DataflowJob.start.id: self._start,
            api.DataflowJob.get.id: self._get,
            api.DataflowJob.update.id: self._update,
            api.DataflowJobNode.list.id: self._nodes,
            api.DataflowJobNode.get.id: self._node,
            api.Dataflow.list.id: self._dataflows,
            api.Dataflow.get.id: self._dataflow,
            api.Dataflow.histories.id: self._histories,
            api.Recipe.list.id: self._recipes,
            api.Recipe.get.id: self._recipe,
            api.DataConnector.ingest.id: self._ingest,
            api.Limit.list.id: self._limits,
        }

    def methods(self) -> Iterable[Method]:
        return api.all_methods()

    def answer(self, incoming: Incoming) -> Outgoing:
        self._org.sessions.check(incoming)
        if self._org.used >= self._org.settings.api_requests:
            raise ApiError(403, "TotalRequests Limit exceeded.", code="REQUEST_LIMIT_EXCEEDED")
        self._org.used += 1
        reply = self._answers[incoming.method.id](_call(incoming))
        if incoming.headers.get("x-chatter-entity-encoding", "").lower() != "false":
            reply = encoded(reply)
        return self._outgoing(reply, 201 if incoming.method.verb == "POST" else 200)

    def refuse(self, error: ApiError) -> Outgoing:
        own = error.code if error.code != CODES.get(error.status) else ""
        return self._outgoing([{"errorCode": own or _CODES.get(error.status, "UNKNOWN_EXCEPTION"), "message": str(error)}], error.status)

    def job_name(self, incoming: Incoming) -> str:
        """The label of what is run."""
        run = self._org.runs.get(_known(incoming.path.get("jobId", "")))
        if run is not None:
            return run.label
        try:
            body = incoming.json()
        except ApiError:
            return ""
        id = (body.get("dataflowId") if isinstance(body, dict) else "") or incoming.path.get("connectorId", "")
        return str(self._sources().get(_known(str(id)), {}).get("label", ""))

    def _outgoing(self, value: Any, status: int) -> Outgoing:
        usage = f"api-usage={self._org.used}/{self._org.settings.api_requests}"
        content = json.dumps(value, separators=(",", ":")).encode()
        return Outgoing(status=status, content=content, headers={"Sforce-Limit-Info": usage})

    def _list(self, call: WaveCall) -> Json:
        return job_page(self._org, call.query, call.version)

    def _start(self, call: WaveCall) -> Json:
        if str(call.body.get("command", "")).lower() != "start":
            raise ApiError(400, "command must be start")
        source = self._sources().get(_id(call.body.get("dataflowId"), "02K"))
        if source is None:
            raise ApiError(404, "The dataflow does not exist.")
        recipe = source["id"] not in self._org.dataflows
        run = self._org.runs.start(source, job_type="recipe_v3" if recipe else "user", prefix="0eP" if recipe else "03C")
        return start_view(run, call.version)

    def _get(self, call: WaveCall) -> Json:
        run, id = self._run(call)
        return self._view(run, id, call.version)

    def _update(self, call: WaveCall) -> Json:
        if str(call.body.get("command", "")).lower() != "stop":
            raise ApiError(400, "command must be stop")
        run, id = self._run(call)
        self._org.runs.stop(run)
        return self._view(run, id, call.version)

    def _view(self, run: WaveRun, id: str, version: int) -> Json:
        stale = id == run.handle != run.id and self._org.settings.handle == "stale"
        return job_view(run, id, version, self._org.clock.now(), stale=stale)

    def _nodes(self, call: WaveCall) -> Json:
        run, id = self._run(call)
        now = self._org.clock.now()
        nodes = [] if id.startswith("030") else [node_view(run, *node, call.version) for node in run.nodes(now)]
        return {"nodes": nodes, "url": f"/services/data/v{call.version}.0/wave/dataflowjobs/{id}/nodes"}

    def _node(self, call: WaveCall) -> Json:
        wanted = _id(call.path["nodeId"], "03L")
        found = [node for node in self._nodes(call)["nodes"] if node["id"] == wanted]
        if not found:
            raise ApiError(404, "The node does not exist.")
        return dict(found[0])

    def _dataflows(self, call: WaveCall) -> Json:
        words = call.query.get("q", "").lower().split()
        found = [asset for asset in self._org.dataflows.values() if all(word in asset["label"].lower() for word in words)]
        return {"dataflows": [self._dataflow_view(asset, call.version) for asset in found], "url": _url(call.version, "dataflows")}

    def _dataflow(self, call: WaveCall) -> Json:
        found = self._asset(self._org.dataflows, call.path["dataflowId"], "02K")
        view = self._dataflow_view(found, call.version)
        return view | ({"definition": {}} if call.version >= 50 else {})

    def _dataflow_view(self, asset: Json, version: int) -> Json:
        url = _url(version, f"dataflows/{asset['id']}")
        view = {**asset, "type": "dataflow", "url": url, "emailNotificationLevel": "Failures"}
        return view | ({"historiesUrl": f"{url}/histories"} if version >= 46 else {})

    def _histories(self, call: WaveCall) -> Json:
        found = self._asset(self._org.dataflows, call.path["dataflowId"], "02K")
        history = {"id": "0Rm" + found["id"][3:], "label": "Initial version", "name": "1", "createdDate": stamp(0)}
        return {"histories": [history], "url": _url(call.version, f"dataflows/{found['id']}/histories")}

    def _recipes(self, call: WaveCall) -> Json:
        words, wanted = call.query.get("q", "").lower().split(), call.query.get("format", "").upper()
        found = [
            self._recipe_view(asset, call.version)
            for asset in self._org.recipes.values()
            if all(word in asset["label"].lower() for word in words) and wanted in ("", asset["format"])
        ]
        page, following = page_of(found, call.query, _url(call.version, "recipes"))
        return {"recipes": page, "nextPageUrl": following, "url": _url(call.version, "recipes")}

    def _recipe(self, call: WaveCall) -> Json:
        found = self._asset(self._org.recipes, call.path["recipeId"], "05v")
        if call.version >= 49 and call.query.get("format", "").upper() != found["format"]:
            raise ApiError(400, "The recipe is of another format; ask with format=R3.")
        return self._recipe_view(found, call.version)

    def _recipe_view(self, asset: Json, version: int) -> Json:
        return {**asset, "type": "recipe", "url": _url(version, f"recipes/{asset['id']}")}

    def _ingest(self, call: WaveCall) -> Json:
        found = self._asset(self._org.connectors, call.path["connectorId"], "")
        self._org.runs.start(found, job_type="datasync", prefix="03C")
        return {"message": "Data sync was started.", "url": _url(call.version, f"dataConnectors/{found['id']}/ingest")}

    def _limits(self, call: WaveCall) -> Json:
        day = self._org.clock.now() - 86_400
        runs = sum(1 for run in self._org.runs if run.created > day and run.job_type != "datasync" and run.executed is not None)
        limit: Json = {"type": "MaxDailyWorkflowExecutions", "current": runs, "max": 60, "threshold": 48, "interval": "Daily"}
        wanted = [name.lower() for name in call.query.get("types", "").split(",") if name]
        shown = [{**limit, "licenseAttributes": {"type": "einsteinanalytics"}}] if not wanted or limit["type"].lower() in wanted else []
        return {"limits": shown, "url": _url(call.version, "limits")}

    def _run(self, call: WaveCall) -> tuple[WaveRun, str]:
        """The run of a path, and the id under which it was asked for."""
        id = _id(call.path["jobId"], "")
        run = self._org.runs.get(id)
        gone = run is not None and id == run.handle != run.id and self._org.settings.handle == "gone" and run.executed is not None
        if run is None or gone:
            raise ApiError(404, "The requested resource does not exist")
        return run, id

    def _asset(self, assets: Mapping[str, Json], id: str, prefix: str) -> Json:
        found = assets.get(_id(id, prefix))
        if found is None:
            raise ApiError(404, "The requested resource does not exist")
        return found

    def _sources(self) -> dict[str, Json]:
        """What can be run, as an AssetReference, by its id."""
        recipes = {recipe["targetDataflowId"]: {**recipe, "id": recipe["targetDataflowId"]} for recipe in self._org.recipes.values()}
        everything = {**self._org.dataflows, **recipes, **self._org.connectors}
        return {id: _reference(asset) for id, asset in everything.items()}


def _reference(asset: Json) -> Json:
    return {name: asset[name] for name in ("id", "label", "name", "namespace")}


def _call(incoming: Incoming) -> WaveCall:
    """
    :raises ApiError: the version is none, or does not have the method; the body is no JSON object.
    """
    try:
        version = api.number_of(incoming.path["version"])
    except InvalidInputError as error:
        raise ApiError(404, "The requested resource does not exist") from error
    if version < api.SINCE[incoming.method.id]:
        raise ApiError(404, "The requested resource does not exist")
    body = incoming.json() if incoming.method.body else {}
    if not isinstance(body, dict):
        raise ApiError(400, "The body must be a JSON object.", code="JSON_PARSER_ERROR")
    known = {name: value for name, value in incoming.query.items() if version >= api.QUERY_SINCE.get((incoming.method.id, name), 0)}
    return WaveCall(incoming.path, known, body, version)


def _id(value: object, prefix: str) -> str:
    """An id in its long form.

    :raises ApiError: 400, it is none, or of another kind of thing.
    """
    try:
        found = api.full_id(str(value or ""))
    except InvalidInputError as error:
        raise ApiError(400, f"malformed id {value}", code="MALFORMED_ID") from error
    if not found.startswith(prefix):
        raise ApiError(400, f"The id {value} must start with {prefix}.", code="MALFORMED_ID")
    return found


def _known(id: str) -> str:
    try:
        return api.full_id(id)
    except InvalidInputError:
        return ""


def _url(version: int, path: str) -> str:
    return f"/services/data/v{version}.0/wave/{path}"
