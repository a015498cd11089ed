"""The emulated Data Pipelines service: from a request to the function that answers it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow_dataflow_ext.api.data_pipelines import methods as api
from airflow_dataflow_ext.api.rest.method import Json, Method
from airflow_dataflow_ext.emulator.data_pipelines.pipelines import answers
from airflow_dataflow_ext.emulator.dataflow.places import check_location, check_project
from airflow_dataflow_ext.emulator.dataflow.world import Call, World
from airflow_dataflow_ext.emulator.google.json_service import JsonService
from airflow_dataflow_ext.emulator.google.oauth import IssuedTokens
from airflow_dataflow_ext.emulator.google.schemas import Schemas
from airflow_dataflow_ext.emulator.http.router import Incoming

SCHEMAS = Schemas("datapipelines.v1")


class DataPipelinesServer(JsonService):
    """Data Pipelines v1."""

    prefix = "v1/"

    def __init__(self, world: World, tokens: IssuedTokens) -> None:
        super().__init__(SCHEMAS, tokens)
        self._world = world

    def methods(self) -> Iterable[Method]:
        return api.all_methods()

    def check(self, incoming: Incoming) -> None:
        check_project(incoming.path["projectId"])
        check_location(incoming.path["location"])

    def reply(self, incoming: Incoming, query: dict[str, Any], body: dict[str, Any]) -> Json:
        call = Call(
            method=incoming.method,
            project=incoming.path["projectId"],
            location=incoming.path["location"],
            named=True,
            path=incoming.path,
            query=query,
            body=body,
        )
        return answers.of(incoming.method)(self._world, call)

    def job_name(self, incoming: Incoming) -> str:
        """The pipeline's id."""
        return incoming.path.get("pipelineId", "")
