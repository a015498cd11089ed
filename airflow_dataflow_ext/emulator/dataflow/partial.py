"""Partial responses: Google's ``fields`` parameter.

Sources: https://cloud.google.com/dataflow/docs/reference/rest#query-parameters ,
https://cloud.google.com/storage/docs/json_api#partial-response
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_dataflow_ext.emulator.dataflow.values import camel
from airflow_dataflow_ext.emulator.http.errors import invalid, short

_TOKEN = re.compile(r"\s*([^,()/.\s]+|[,()/.])")
_MARKS = ",()/."
_DEEPEST = 50
Selection = dict[str, "Selection"]
"""What is selected below each name; below a name, an empty tree selects everything."""


def selected(text: str, schema: str, schemas: Mapping[str, Any]) -> Selection:
    """What a ``fields`` parameter selects of a reply; an empty tree, for an empty text, selects everything.

    :param schema: the schema of the reply; empty if it has none.
    :param schemas: all schemas of the discovery document.
    :raises ApiError: 400 if it is not valid, or names a field that the reply cannot have.
    """
    selection = parse(text) if text else {}
    return _known(selection, {"$ref": schema}, schemas, "") if schema else selection


def parse(text: str) -> Selection:
    """A selection such as ``jobs(id,name),nextPageToken``, ``jobs.id`` or ``jobs/*/version`` as a tree.

    :raises ApiError: 400 if it is not valid.
    """
    tokens = _TOKEN.findall(text)
    selection = _parse_list(tokens, 1)
    if tokens:
        raise invalid(f"Invalid field selection {short(text)}")
    return selection


def _parse_list(tokens: list[str], depth: int) -> Selection:
    selection: Selection = {}
    while not selection or (tokens and tokens[0] != ")"):
        name, below = _parse_field(tokens, depth)
        selection[name] = _union(selection[name], below) if name in selection else below
        if tokens[:1] != [","]:
            break
        tokens.pop(0)
    return selection


def _parse_field(tokens: list[str], depth: int) -> tuple[str, Selection]:
    if depth > _DEEPEST:
        raise invalid(f"Invalid field selection: it is nested more than {_DEEPEST} deep")
    if not tokens or tokens[0] in _MARKS:
        raise invalid(f"Invalid field selection: a name is missing {f'before {tokens[0]}' if tokens else 'at the end'}")
    name = tokens.pop(0)
    if tokens[:1] in (["/"], ["."]):
        tokens.pop(0)
        return name, dict([_parse_field(tokens, depth + 1)])
    if tokens[:1] != ["("]:
        return name, {}
    tokens.pop(0)
    below = _parse_list(tokens, depth + 1)
    if tokens[:1] != [")"]:
        raise invalid("Invalid field selection: a parenthesis is not closed")
    tokens.pop(0)
    return name, below


def _union(one: Selection, other: Selection) -> Selection:
    if not one or not other:
        return {}
    both = {name: _union(one[name], other[name]) for name in one.keys() & other.keys()}
    return {**one, **other, **both}


def _known(selection: Selection, spec: Mapping[str, Any], schemas: Mapping[str, Any], at: str) -> Selection:
    """The selection with names in camel case; what is below a wildcard is not checked."""
    while "items" in spec:
        spec = spec["items"]
    if not selection or spec.get("type") == "any" or "additionalProperties" in spec:
        return selection
    fields = schemas[spec["$ref"]] if "$ref" in spec else spec
    properties: Mapping[str, Any] = fields.get("properties", {})
    if "additionalProperties" in fields:
        return selection
    found: Selection = {}
    for name, below in selection.items():
        key = name if name in properties or name == "*" else camel(name)
        path = f"{at}{name}"
        if key != "*" and key not in properties:
            raise invalid(f"Invalid field selection {path[:200]}")
        found[key] = below if key == "*" else _known(below, properties[key], schemas, f"{path}/")
    return found


def select(selection: Selection, value: Any) -> Any:
    """The selected part of a reply."""
    if isinstance(value, list):
        return [select(selection, item) for item in value]
    if not selection or not isinstance(value, dict):
        return value
    chosen = {name: below for name in value if (below := _below(selection, name)) is not None}
    return {name: select(below, value[name]) for name, below in chosen.items() if not below or isinstance(value[name], (dict, list))}


def _below(selection: Selection, name: str) -> Selection | None:
    """What is selected below a name; None if the name is not selected."""
    if name in selection and "*" in selection:
        return _union(selection[name], selection["*"])
    return selection.get(name, selection.get("*"))
