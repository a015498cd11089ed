"""Checks requests and replies against Google's discovery document, independently of the emulator's own reading of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

_FORMS = {
    "int64": re.compile(r"-?\d{1,19}"),
    "uint64": re.compile(r"\d{1,20}"),
    "google-datetime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z"),
    "google-duration": re.compile(r"-?\d+(\.\d{1,9})?s"),
}
_PYTHON = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "array": list, "object": dict}


DATAFLOW = "dataflow.v1b3"


@cache
def document(of: str = DATAFLOW) -> dict[str, Any]:
    """A service's discovery document, from google-api-python-client."""
    text = (resources.files("googleapiclient.discovery_cache") / "documents" / f"{of}.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def methods(part: Mapping[str, Any] | None = None, of: str = DATAFLOW) -> Iterator[dict[str, Any]]:
    """All methods of a discovery document."""
    part = document(of) if part is None else part
    yield from part.get("methods", {}).values()
    for below in part.get("resources", {}).values():
        yield from methods(below)


def method_for(verb: str, path: str, of: str = DATAFLOW) -> dict[str, Any] | None:
    """The method that a request line calls."""
    for method in methods(of=of):
        pattern = re.sub(r"\{\+?(\w+)\}", "[^/:]+", method["flatPath"])
        if method["httpMethod"] == verb and re.fullmatch(pattern, path.lstrip("/")):
            return method
    return None


def breaches_of_call(verb: str, path: str, query: Mapping[str, str], body: Any, reply: Any, of: str = DATAFLOW) -> list[str]:
    """The places where a request or its successful reply contradicts the document."""
    method = method_for(verb, path, of)
    if method is None:
        return [f"no method for {verb} {path}"]
    known = {name for name, spec in method["parameters"].items() if spec["location"] == "query"} | set(document(of)["parameters"])
    found = [f"query {name}" for name in query if name not in known]
    for name, value in query.items():
        allowed = method["parameters"].get(name, {}).get("enum")
        if allowed and value not in allowed:
            found.append(f"query {name}={value}")
    if "request" in method:
        found += [f"request{breach}" for breach in breaches(method["request"], body or {}, of=of)]
    elif body:
        found.append("a body that the method does not take")
    return found + [f"reply{breach}" for breach in breaches(method["response"], reply, sent_by_service=True, of=of)]


def breaches(spec: Mapping[str, Any], value: Any, at: str = "", *, sent_by_service: bool = False, of: str = DATAFLOW) -> list[str]:
    """The places where a value contradicts its schema; each entry begins with the place.

    The service leaves out empty lists, maps and texts and ``null``, so in its replies they are breaches, too.
    """
    if "$ref" in spec:
        schema = document(of)["schemas"][spec["$ref"]]
        return _message(schema, value, at, sent_by_service, of)
    kind = spec["type"]
    if kind == "any":
        return []
    if not isinstance(value, _PYTHON[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return [f"{at}: {value!r} is no {kind}"]
    if "enum" in spec and value not in spec["enum"]:
        return [f"{at}: {value!r} is none of {spec['enum']}"]
    form = _FORMS.get(spec.get("format", ""))
    if form and isinstance(value, str) and not form.fullmatch(value):
        return [f"{at}: {value!r} is no {spec['format']}"]
    if kind == "array":
        return [
            breach
            for index, item in enumerate(value)
            for breach in breaches(spec["items"], item, f"{at}[{index}]", sent_by_service=sent_by_service, of=of)
        ]
    if kind == "object" and "additionalProperties" in spec:
        inner = spec["additionalProperties"]
        return [
            breach
            for key, item in value.items()
            for breach in breaches(inner, item, f"{at}[{key}]", sent_by_service=sent_by_service, of=of)
        ]
    return []


def _message(schema: Mapping[str, Any], value: Any, at: str, sent_by_service: bool, of: str) -> list[str]:
    if not isinstance(value, Mapping):
        return [f"{at}: {value!r} is no {schema['id']}"]
    found = []
    for name, item in value.items():
        spec = schema.get("properties", {}).get(name)
        if spec is None:
            found.append(f"{at}.{name}: unknown in {schema['id']}")
            continue
        is_message = "$ref" in spec or spec.get("type") == "any"
        if sent_by_service and not is_message and item in ("", [], {}, None, False, 0, "0"):
            found.append(f"{at}.{name}: a default value, which the service leaves out")
        found += breaches(spec, item, f"{at}.{name}", sent_by_service=sent_by_service, of=of)
    return found
