"""Bodies made from Google's schemas, most of them broken in one place, and a check of calls that were accepted."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from airflow_dataflow_ext.api.rest.method import Method
from bench.fuzz_client import Answer, Sent
from bench.fuzz_requests import GOOGLES, any_value, path_of
from bench.fuzz_state import State
from tests.discovery import breaches_of_call, document, method_for

METHODS = [method for method in GOOGLES if method.body]
_MOST_FIELDS = 4
_DEEPEST = 4
_VALUES: Mapping[str, tuple[Any, ...]] = {
    "google-datetime": ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456789Z"),
    "google-duration": ("3600s", "0.5s"),
    "int64": ("0", "5", "-7"),
    "uint64": ("0", "5"),
    "int32": (0, 1, 5),
    "uint32": (0, 1, 5),
    "byte": ("", "YQ=="),
}
_TEXTS = ("", "a", "stream", "batch", "gs://b/t", "gs://b/flex.json", "us-central1", "a-project", "e2-standard-2", "x" * 200)
_BROKEN: tuple[Any, ...] = (
    *(" 5 ", "\uff15", "+5", "1_0", "0x5", "5.0", "1e3", "NOPE", True, None, [], {}, [[]], {"a": 1}),
    *(2**70, -(2**70), 10**400, 0.5, float("nan")),
)


def body_calls(chance: random.Random, state: State) -> Sent:
    """A call with a body that is valid, or valid except for one place."""
    method = chance.choice(METHODS)
    body = _message(chance, str(method.body), 0)
    _complete(chance, method, body)
    if chance.random() < 0.8:
        _break(chance, body)
    query = {"gcsPath": "gs://b/t"} if method.id == "templates.launch" else {}
    target = "/" + path_of(chance, state, method, wrong=0.0) + "".join(f"?{name}={value}" for name, value in query.items())
    return Sent(port=state.port, verb=method.verb, target=target, lines=("Content-Type: application/json",), body=json.dumps(body).encode())


def _complete(chance: random.Random, method: Method, body: dict[str, Any]) -> None:
    """The fields that a launch requires, present most of the time."""
    if chance.random() < 0.2:
        return
    name = f"job-{chance.randrange(10**6)}"
    if method.id == "flexTemplates.launch":
        body["launchParameter"] = {**body.get("launchParameter", {}), "jobName": name, "containerSpecGcsPath": "gs://b/flex.json"}
        body["launchParameter"].pop("containerSpec", None)
    elif method.id in ("templates.launch", "templates.create"):
        body.update(jobName=name, **({"gcsPath": "gs://b/t"} if method.id == "templates.create" else {}))
    elif method.id == "jobs.create":
        body.update(name=name)
        for field in ("labels", "replaceJobId", "createdFromSnapshotId", "stepsLocation"):
            body.pop(field, None)
    elif method.id == "jobs.update":
        body.update(requestedState=chance.choice(("JOB_STATE_CANCELLED", "JOB_STATE_DRAINED", "JOB_STATE_DONE")))
    body.pop("location", None)


def _message(chance: random.Random, schema: str, depth: int) -> dict[str, Any]:
    properties = document()["schemas"][schema].get("properties", {})
    names = chance.sample(sorted(properties), min(len(properties), chance.randrange(_MOST_FIELDS + 1)))
    return {name: _value(chance, properties[name], depth + 1) for name in names}


def _value(chance: random.Random, spec: Mapping[str, Any], depth: int) -> Any:
    if "$ref" in spec:
        return _message(chance, spec["$ref"], depth) if depth < _DEEPEST else {}
    if "enum" in spec:
        return chance.choice(spec["enum"])
    if spec.get("format") in _VALUES:
        return chance.choice(_VALUES[spec["format"]])
    if spec["type"] == "array":
        return [_value(chance, spec["items"], depth + 1) for _ in range(chance.randrange(3))]
    if spec["type"] == "object":
        inner = spec.get("additionalProperties", {"type": "any"})
        return {chance.choice(("a", "b", "c")): _value(chance, inner, depth + 1) for _ in range(chance.randrange(3))}
    return {"string": chance.choice(_TEXTS), "boolean": chance.random() < 0.5, "number": 0.5, "integer": 3, "any": "anything"}[spec["type"]]


def _break(chance: random.Random, body: dict[str, Any]) -> None:
    """Change one place to a value that is most likely wrong there."""
    at: Any = body
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys or chance.random() < 0.2:
            break
        key = chance.choice(keys)
        if not isinstance(at[key], (dict, list)) or chance.random() < 0.3:
            at[key] = chance.choice(_BROKEN) if chance.random() < 0.7 else any_value(chance)
            return
        at = at[key]
    if isinstance(at, dict):
        at[chance.choice(("nope", "job_nme", "Name", ""))] = chance.choice(_BROKEN)
    else:
        at.append(chance.choice(_BROKEN))


def accepted_breach(sent: Sent, answer: Answer) -> str:
    """The places where an accepted call or its reply contradicts the discovery document; empty if there are none."""
    path, _, query = sent.target.partition("?")
    described = method_for(sent.verb, path)
    if described is None:
        return f"no method for {sent.verb} {path}"
    try:
        body, reply = json.loads(sent.body), json.loads(answer.body, parse_constant=_no_number)
    except ValueError as error:
        return str(error)
    found = breaches_of_call(sent.verb, path, dict(parse_qsl(query)), canonical(described["request"], body), reply)
    return "; ".join(found)


_WRITTEN = {"integer": r"-?[0-9]+(\.[0-9]+)?", "number": r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?"}
"""The form of a number that is written as text."""


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} in a reply")


def canonical(spec: Mapping[str, Any], value: Any) -> Any:
    """Normalize what proto3's JSON mapping lets a client write in several forms: names, numbers, enums, and null for absent fields.

    Source: https://protobuf.dev/programming-guides/json/
    """
    if "$ref" in spec and isinstance(value, dict):
        known = document()["schemas"][spec["$ref"]].get("properties", {})
        named = {name if name in known else _camel(name): item for name, item in value.items() if item is not None}
        return {name: canonical(known.get(name, {"type": "any"}), item) for name, item in named.items()}
    kind, form = spec.get("type"), spec.get("format")
    if kind == "array" and isinstance(value, list):
        return [canonical(spec["items"], item) for item in value]
    if kind == "object" and isinstance(value, dict):
        return {name: canonical(spec.get("additionalProperties", {"type": "any"}), item) for name, item in value.items()}
    if isinstance(value, bool):
        return value
    if "enum" in spec and isinstance(value, int) and 0 <= value < len(spec["enum"]):
        return spec["enum"][value]
    if form in ("int64", "uint64") and isinstance(value, int):
        return str(value)
    if kind in _WRITTEN and isinstance(value, str) and re.fullmatch(_WRITTEN[kind], value):
        return int(value) if kind == "integer" and "." not in value else float(value)
    return value


def _camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)
