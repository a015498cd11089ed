"""The methods of Cloud Storage, and the types of its requests, from its discovery document.

This is the document that google-api-python-client ships, so that nothing is stated twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.emulator.dataflow.values import seconds_of
from airflow_dataflow_ext.emulator.google.integers import LIMITS, read_integer
from airflow_dataflow_ext.emulator.http.errors import ApiError

Spec = Mapping[str, Any]
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Parameters of the transport, which the discovery document does not list.
_COMMON = {"access_token", "upload_id", "upload_protocol", "callback"}


@cache
def document() -> Mapping[str, Any]:
    """The discovery document of Cloud Storage v1."""
    place = resources.files("googleapiclient.discovery_cache") / "documents" / "storage.v1.json"
    found: Mapping[str, Any] = json.loads(place.read_text("utf-8"))
    return found


@cache
def methods() -> tuple[Method, ...]:
    """All methods of the service, with the document's ids."""
    return tuple(_described(spec) for resource in document()["resources"].values() for spec in _all(resource))


def _all(resource: Spec) -> Iterator[Spec]:
    yield from resource.get("methods", {}).values()
    for below in resource.get("resources", {}).values():
        yield from _all(below)


def _described(spec: Spec) -> Method:
    query = tuple(name for name, parameter in spec.get("parameters", {}).items() if parameter["location"] == "query")
    body = spec.get("request", {}).get("$ref")
    reply = spec.get("response", {}).get("$ref", "")
    return Method(id=spec["id"], verb=spec["httpMethod"], path=spec["path"], query=query, body=body, reply=reply, repeatable=False)


@cache
def _parameters(method_id: str) -> Mapping[str, Spec]:
    specs = (spec for resource in document()["resources"].values() for spec in _all(resource))
    return next(spec.get("parameters", {}) for spec in specs if spec["id"] == method_id)


def read_query(method: Method, given: Mapping[str, str]) -> dict[str, Any]:
    """A method's typed query parameters, without the common ones.

    :raises ApiError: 400 if one is unknown, missing, or of a wrong type.
    """
    specs = _parameters(method.id)
    read: dict[str, Any] = {}
    for name, text in given.items():
        if name in method.query:
            read[name] = _read_parameter(specs[name], name, text)
        elif name not in document()["parameters"] and name not in _COMMON and not name.startswith(("$", "X-Goog-", "x-goog-")):
            raise ApiError(400, f"Unknown query parameter: '{name[:100]}' is not a parameter of {method.id}.", reason="invalidParameter")
    for name in method.query:
        if specs[name].get("required") and name not in read:
            raise ApiError(400, f"Required parameter: {name}", reason="required")
    return read


def _read_parameter(spec: Spec, name: str, text: str) -> Any:
    value: Any = {"true": True, "false": False}.get(text.lower(), text) if spec["type"] == "boolean" else text
    try:
        read = _scalar(spec, value)
    except (ValueError, TypeError) as error:
        raise ApiError(400, f"Invalid value for parameter {name}: '{text[:100]}'", reason="invalidParameter") from error
    return int(read) if spec.get("format") in LIMITS else read


def read_body(schema: str, body: Any) -> dict[str, Any]:
    """A request's checked body; ``null`` is kept, because it removes a field.

    :raises ApiError: 400; the message names the field that is unknown or of a wrong type.
    """
    read: dict[str, Any] = _read({"$ref": schema}, body, "")
    return read


def _read(spec: Spec, value: Any, at: str) -> Any:
    if value is None:
        if not at:
            raise _wrong("body", value)
        return None
    if "$ref" in spec:
        spec = {"type": "object", "properties": document()["schemas"][spec["$ref"]].get("properties", {})}
    kind = spec["type"]
    if kind == "array" and isinstance(value, list):
        if None in value:
            raise _wrong(at, value)
        return [_read(spec["items"], item, f"{at}[{index}]") for index, item in enumerate(value)]
    if kind == "any":
        return value
    try:
        if kind == "object" and isinstance(value, Mapping):
            return _read_fields(spec, value, at)
        return _scalar(spec, value)
    except (ValueError, TypeError) as error:
        raise _wrong(at or "body", value) from error


def _read_fields(spec: Spec, value: Mapping[str, Any], at: str) -> dict[str, Any]:
    known, others = spec.get("properties", {}), spec.get("additionalProperties")
    read = {}
    for name, item in value.items():
        if name not in known and others is None:
            raise ApiError(400, f'Unknown name "{name[:100]}"{f" at {at!r}" if at else ""}: Cannot find field.', reason="invalid")
        read[name] = _read(known.get(name, others), item, f"{at}.{name}" if at else name)
    return read


def _scalar(spec: Spec, value: Any) -> Any:
    kind, form = spec["type"], spec.get("format", "")
    if form in LIMITS:
        return read_integer(kind, form, value)
    if kind == "string" and isinstance(value, str):
        if form == "date-time":
            seconds_of(value)
        if (form == "date" and not _DATE.fullmatch(value)) or ("enum" in spec and value not in spec["enum"]):
            raise ValueError(value)
        return value
    if kind == "boolean" and isinstance(value, bool):
        return value
    raise TypeError(kind)


def _wrong(at: str, value: Any) -> ApiError:
    return ApiError(400, f"Invalid value for: {at[:200]}: {json.dumps(value)[:100]}", reason="invalid")
