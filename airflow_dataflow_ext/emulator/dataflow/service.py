"""The emulated Dataflow service: from a request to the function that answers it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airflow_dataflow_ext.api.dataflow import methods as api
from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.emulator.dataflow import launches, listing, observing, snapshots, templates, updates, workers
from airflow_dataflow_ext.emulator.dataflow.places import check_location, check_project
from airflow_dataflow_ext.emulator.dataflow.schema import SCHEMAS
from airflow_dataflow_ext.emulator.dataflow.world import Call, World, answers
from airflow_dataflow_ext.emulator.google.json_service import JsonService
from airflow_dataflow_ext.emulator.google.oauth import IssuedTokens
from airflow_dataflow_ext.emulator.http.errors import ApiError
from airflow_dataflow_ext.emulator.http.router import Incoming

ANSWERING = (launches, listing, observing, snapshots, templates, updates, workers)
"""The modules whose functions answer the methods; importing a module registers them."""


class DataflowServer(JsonService):
    """Dataflow v1b3."""

    prefix = "v1b3"

    def __init__(self, world: World, tokens: IssuedTokens) -> None:
        super().__init__(SCHEMAS, tokens)
        self._world = world

    def methods(self) -> Iterable[Method]:
        return api.all_methods()

    def check(self, incoming: Incoming) -> None:
        check_project(incoming.path["projectId"])

    def reply(self, incoming: Incoming, query: dict[str, Any], body: dict[str, Any]) -> Mapping[str, Any] | bytes:
        method = incoming.method
        answer = answers.of(method)
        named = incoming.path.get("location") or query.pop("location", None) or (body.get("location") if method.body else None)
        check_location(named or api.DEFAULT_LOCATION)
        call = Call(
            method=method,
            project=incoming.path["projectId"],
            location=named or api.DEFAULT_LOCATION,
            named=bool(named),
            path=incoming.path,
            query=query,
            body=body,
        )
        return answer(self._world, call)

    def job_name(self, incoming: Incoming) -> str:
        record = self._world.jobs.get(incoming.path.get("jobId", ""))
        if record is not None:
            return record.name
        try:
            body = incoming.json()
        except ApiError:
            return ""
        if not isinstance(body, dict):
            return ""
        launch = body.get("launchParameter") or body.get("launch_parameter") or body
        name = (launch.get("jobName") or launch.get("job_name") or launch.get("name")) if isinstance(launch, dict) else ""
        return str(name or incoming.query.get("name", ""))
