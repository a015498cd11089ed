"""Partial responses: Google's ``fields`` parameter.

Source: https://cloud.google.com/dataflow/docs/reference/rest#query-parameters
"""

from __future__ import annotations

import re
from typing import Any

from airflow_dataflow_ext.emulator.http.errors import invalid, short

_TOKEN = re.compile(r"\s*([^,()/.\s]+|[,()/.])")
_DEEPEST = 50
Selection = dict[str, "Selection"]


def parse(text: str) -> Selection:
    """A selection such as ``jobs(id,name),nextPageToken``, ``jobs.id`` or ``jobs/id`` as a tree; an empty tree selects everything.

    :raises ApiError: 400 if it is not valid.
    """
    tokens = _TOKEN.findall(text)
    selection = _parse_list(tokens, 1)
    if tokens or not selection:
        raise invalid(f"Invalid field selection {short(text)}")
    return selection


def _parse_list(tokens: list[str], depth: int) -> Selection:
    if depth > _DEEPEST:
        raise invalid(f"Invalid field selection: parentheses are nested more than {_DEEPEST} deep")
    selection: Selection = {}
    while tokens and tokens[0] not in ",()/.":
        below = selection.setdefault(tokens.pop(0), {})
        while tokens[:1] in (["/"], ["."]):
            tokens.pop(0)
            below = below.setdefault(tokens.pop(0) if tokens else "", {})
        if tokens[:1] == ["("]:
            tokens.pop(0)
            below.update(_parse_list(tokens, depth + 1))
            if tokens[:1] != [")"]:
                raise invalid("Invalid field selection: a parenthesis is not closed")
            tokens.pop(0)
        if tokens[:1] != [","]:
            break
        tokens.pop(0)
    return selection


def select(selection: Selection, value: Any) -> Any:
    """The selected part of a reply."""
    if isinstance(value, list):
        return [select(selection, item) for item in value]
    if not selection or "*" in selection or not isinstance(value, dict):
        return value
    return {name: select(below, value[name]) for name, below in selection.items() if name in value}
