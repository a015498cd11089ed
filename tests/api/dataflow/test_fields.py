"""The types of fields against Google's discovery document."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.fields import FIELDS
from airflow_dataflow_ext.api.dataflow.parameter_kinds import KINDS
from tests.discovery import document

FORMATS = {"google-duration": "duration", "google-datetime": "datetime", "int32": "int32", "int64": "int64"}


def kind_of(spec: dict[str, Any]) -> str:
    """The type of a field in our words."""
    if "$ref" in spec:
        return str(spec["$ref"])
    if "enum" in spec:
        return "|".join(spec["enum"])
    if spec["type"] == "array":
        return f"[{kind_of(spec['items'])}]"
    if spec["type"] == "object":
        return f"{{{kind_of(spec.get('additionalProperties', {'type': 'any'}))}}}"
    return FORMATS.get(spec.get("format", "")) or {"number": "double"}.get(spec["type"], spec["type"])


@pytest.mark.parametrize("message", FIELDS)
def test_each_field_has_the_type_that_the_discovery_document_gives_it(message: str) -> None:
    described = document()["schemas"][message]["properties"]
    written = {name: kind_of(spec) for name, spec in described.items() if not spec.get("readOnly")}
    assert set(FIELDS[message]) == set(written)
    differing = {name: kind for name, kind in FIELDS[message].items() if kind not in (written[name], "any", "[any]")}
    assert differing == {}


def test_what_a_person_writes_has_a_type() -> None:
    typed = {message for message, fields in FIELDS.items() if not {"any", "[any]"} & set(fields.values())}
    assert {"RuntimeEnvironment", "FlexTemplateRuntimeEnvironment", "LaunchFlexTemplateParameter", "SnapshotJobRequest", "Step"} <= typed


def test_each_type_of_parameter_has_a_row() -> None:
    assert set(KINDS) == set(document()["schemas"]["ParameterMetadata"]["properties"]["paramType"]["enum"])
