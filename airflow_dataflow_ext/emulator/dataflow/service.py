"""The emulated Dataflow on the wire: from an incoming request to the function that answers it, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from airflow_dataflow_ext.api.dataflow import methods as api
from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.emulator.dataflow import launches, listing, observing, snapshots, templates, updates, workers
from airflow_dataflow_ext.emulator.dataflow.partial import parse, select
from airflow_dataflow_ext.emulator.dataflow.places import check_location, check_project
from airflow_dataflow_ext.emulator.dataflow.schema import lean, read_body, read_query
from airflow_dataflow_ext.emulator.dataflow.world import Call, World, answers
from airflow_dataflow_ext.emulator.google.oauth import IssuedTokens
from airflow_dataflow_ext.emulator.http.errors import ApiError, invalid, short
from airflow_dataflow_ext.emulator.http.router import Incoming, Outgoing, google_refusal

ANSWERING = (launches, listing, observing, snapshots, templates, updates, workers)
"""The modules whose functions answer the methods; importing one enters them."""


class DataflowServer:
    """Dataflow v1b3."""

    prefix = "v1b3"
    any_case = False

    def __init__(self, world: World, tokens: IssuedTokens) -> None:
        self._world = world
        self._tokens = tokens

    def methods(self) -> Iterable[Method]:
        return api.all_methods()

    def answer(self, incoming: Incoming) -> Outgoing:
        self._tokens.check(incoming)
        answer = answers.of(incoming.method)
        selection = parse(incoming.query["fields"]) if incoming.query.get("fields") else {}
        reply = answer(self._world, _call(incoming))
        if selection:
            found = json.loads(reply) if isinstance(reply, bytes) else lean(incoming.method.reply, reply)
            return Outgoing(content=_dump(select(selection, found)))
        return Outgoing(content=reply if isinstance(reply, bytes) else _dump(lean(incoming.method.reply, reply)))

    def refuse(self, error: ApiError) -> Outgoing:
        return google_refusal(error)

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


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _call(incoming: Incoming) -> Call:
    """Read and check a request before anything changes.

    :raises ApiError: 400.
    """
    method = incoming.method
    if incoming.query.get("alt", "json") != "json":
        raise invalid(f"alt={short(incoming.query['alt'])} is not supported; the emulator speaks JSON")
    check_project(incoming.path["projectId"])
    query = read_query(method, incoming.query)
    sent = incoming.json()
    if sent and not method.body:
        raise invalid(f"Invalid JSON payload received. {method.id} takes no body")
    body = read_body(method.body, sent) if method.body else {}
    named = incoming.path.get("location") or query.pop("location", None) or (body.get("location") if method.body else None)
    check_location(named or api.DEFAULT_LOCATION)
    return Call(
        method=method,
        project=incoming.path["projectId"],
        location=named or api.DEFAULT_LOCATION,
        named=bool(named),
        path=incoming.path,
        query=query,
        body=body,
    )
