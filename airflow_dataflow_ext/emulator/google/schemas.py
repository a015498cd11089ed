"""Reads requests and trims replies by the schemas of Google's JSON services.

The schemas are those of the discovery documents that google-api-python-client ships, so that nothing is stated twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cached_property
from importlib import resources
from typing import Any

from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.emulator.dataflow.values import camel, duration_of, seconds_of
from airflow_dataflow_ext.emulator.google.integers import LIMITS, read_integer
from airflow_dataflow_ext.emulator.http.errors import ApiError, short
from airflow_dataflow_ext.emulator.http.payload import finite

Spec = Mapping[str, Any]
# Enums may also be sent as numbers; the document lists them by number, except here.
_DECIMAL = re.compile(r"-?\d{1,400}(\.\d{1,400})?([eE][-+]?\d{1,3})?", re.ASCII)
_MOST_FAULTS = 20
"""Greatest number of faults in a refusal."""
_NUMBERS: Mapping[str, int] = {"JOB_MESSAGE_BASIC": 5, "JOB_MESSAGE_WARNING": 3, "JOB_MESSAGE_ERROR": 4}


class Schemas:
    """The schemas of one service.

    :param name: name of its discovery document, for example ``dataflow.v1b3``.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._specs: dict[Method, Mapping[str, Spec]] = {}

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The discovery document."""
        place = resources.files("googleapiclient.discovery_cache") / "documents" / f"{self._name}.json"
        found: Mapping[str, Any] = json.loads(place.read_text("utf-8"))
        return found

    def _query_specs(self, method: Method) -> Mapping[str, Spec]:
        """A method's query parameters with their types."""
        if method not in self._specs:
            above = [name for name, value in (("projects", "projectId"), ("locations", "location")) if value in method.placeholders]
            names = [*above, *method.id.split(".")]
            at: Any = self.document
            for name in names[:-1]:
                at = at["resources"][name]
            specs = at["methods"][names[-1]].get("parameters", {})
            self._specs[method] = {name: spec for name, spec in specs.items() if spec["location"] == "query"}
        return self._specs[method]

    def read_query(self, method: Method, given: Mapping[str, str]) -> dict[str, Any]:
        """A method's typed query parameters, with names in camel case and without the common ones.

        :raises ApiError: 400 if one is unknown or of a wrong type.
        """
        specs = self._query_specs(method)
        read: dict[str, Any] = {}
        faults: list[str] = []
        for name, text in given.items():
            key = ".".join(camel(part) for part in name.split("."))
            if key in specs:
                read[key] = self._read(specs[key], _query_value(specs[key], text), key, faults)
            elif not self._common_name(name):
                faults.append(f'Invalid JSON payload received. Unknown name "{_cut(name)}": Cannot bind query parameter.')
        _refuse(faults)
        return read

    def read_common(self, given: Mapping[str, str]) -> dict[str, str]:
        """The parameters that all methods have, by the document's names.

        They may have a ``$`` before them: https://cloud.google.com/apis/docs/system-parameters

        :raises ApiError: 400 if one is of a wrong type.
        """
        specs: Mapping[str, Spec] = self.document["parameters"]
        found = {key: text for name, text in given.items() if (key := self._common_name(name))}
        faults: list[str] = []
        for key in found.keys() - {"alt"}:  # which also has options, as in json;enum-encoding=int
            value = _query_value(specs[key], found[key]) if specs[key]["type"] == "boolean" else found[key]
            self._read(specs[key], value, key, faults)
        _refuse(faults)
        return found

    def _common_name(self, name: str) -> str:
        """The document's name of a parameter that all methods have; empty for another."""
        return next((key for key in (name, name.removeprefix("$")) if key in self.document["parameters"]), "")

    def read_body(self, schema: str, body: Any) -> dict[str, Any]:
        """A request's body with names in camel case, enums as words and 64-bit numbers as text.

        It has neither the fields that only the service sets nor those whose value stands for one that is not given.

        :raises ApiError: 400; the message names every field that is unknown or of a wrong type.
        """
        faults: list[str] = []
        read = self._read({"$ref": schema}, body, "", faults)
        _refuse(faults)
        return dict(read)

    def _read(self, spec: Spec, value: Any, at: str, faults: list[str]) -> Any:
        if "$ref" in spec:
            return self._read_message(spec, value, at, faults)
        if "enum" in spec:
            return _read_enum(spec, value, at, faults)
        kind = spec["type"]
        if kind == "array" and isinstance(value, list):
            return [self._read(spec["items"], item, f"{at}[{index}]", faults) for index, item in enumerate(value)]
        if kind == "object" and isinstance(value, Mapping):
            inner = spec.get("additionalProperties", {"type": "any"})
            return {key: self._read(inner, item, f"{at}[{_cut(key)}]", faults) for key, item in value.items()}
        if kind == "any":
            return value
        try:
            return _read_scalar(kind, spec.get("format", ""), value)
        except (ValueError, TypeError):
            name = (spec.get("format") or kind).removeprefix("google-").upper()
            faults.append(f"Invalid value at '{at or 'body'}' (TYPE_{name}), {short(value)}")
            return value

    def _read_message(self, spec: Spec, value: Any, at: str, faults: list[str]) -> Any:
        if not isinstance(value, Mapping):
            faults.append(f"Invalid value at '{at or 'body'}' ({spec['$ref']}), {short(value)}")
            return value
        known, read = self.document["schemas"][spec["$ref"]].get("properties", {}), {}
        for name, item in value.items():
            key = name if name in known else camel(name)
            if key not in known:
                place = f" at '{at}'" if at else ""
                faults.append(f'Invalid JSON payload received. Unknown name "{_cut(name)}"{place}: Cannot find field.')
            elif item is not None:
                value_read = self._read(known[key], item, f"{at}.{key}" if at else key, faults)
                if not known[key].get("readOnly") and not _is_empty(known[key], value_read):
                    read[key] = value_read
        return read

    def lean(self, schema: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """A reply's body as the service writes it: without default and empty fields, and with 64-bit numbers as text."""
        known = self.document["schemas"][schema].get("properties", {})
        pairs = ((name, self._lean(known[name], item)) for name, item in value.items() if item is not None)
        return {name: item for name, item in pairs if not _is_default(known[name], item)}

    def _lean(self, spec: Spec, value: Any) -> Any:
        if "$ref" in spec:
            return self.lean(spec["$ref"], value)
        if spec["type"] == "array":
            return [self._lean(spec["items"], item) for item in value]
        if spec["type"] == "string" and isinstance(value, int):
            return str(value)
        return value


def _query_value(spec: Spec, text: str) -> Any:
    """The JSON value of a query value, which is always a text."""
    if spec["type"] == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    return int(text) if "enum" in spec and text.isascii() and text.isdecimal() and len(text) < 4 else text


def _refuse(faults: list[str]) -> None:
    if faults:
        beyond = len(faults) - _MOST_FAULTS
        faults = [*faults[:_MOST_FAULTS], *([f"and {beyond} more"] if beyond > 0 else [])]
        violations = [{"description": fault} for fault in faults]
        details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}]
        raise ApiError(400, "\n".join(faults), details=details)


def _cut(name: str) -> str:
    return name if len(name) <= 100 else f"{name[:100]}..."


def _read_enum(spec: Spec, value: Any, at: str, faults: list[str]) -> Any:
    words: list[str] = spec["enum"]
    if value in words:
        return value
    for index, word in enumerate(words):
        if isinstance(value, int) and not isinstance(value, bool) and value == _NUMBERS.get(word, index):
            return word
    faults.append(f"Invalid value at '{at}' (TYPE_ENUM), {short(value)}")
    return value


def _read_scalar(kind: str, form: str, value: Any) -> Any:
    if form in LIMITS:
        return read_integer(kind, form, value)
    if kind == "string" and isinstance(value, str):
        if form == "google-datetime":
            seconds_of(value)
        elif form == "google-duration":
            duration_of(value)
        return value
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "number" and not isinstance(value, bool) and (not isinstance(value, str) or _DECIMAL.fullmatch(value)):
        return finite(value)
    raise TypeError(kind)


def _is_empty(spec: Spec, value: Any) -> bool:
    """Whether a text, list, map or enum has the value that stands for a field that is not given.

    Source: https://protobuf.dev/programming-guides/json/#presence
    """
    if "enum" in spec:
        return bool(value == spec["enum"][0])
    return "$ref" not in spec and spec["type"] != "any" and value in ("", [], {})


def _is_default(spec: Spec, value: Any) -> bool:
    """Whether the service leaves a field with this value out of its replies."""
    is_number = spec.get("type") in ("integer", "number", "boolean") or spec.get("format") in LIMITS
    return _is_empty(spec, value) or (is_number and value in (0, "0"))
