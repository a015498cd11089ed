"""The schemas of Dataflow v1b3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_dataflow_ext.emulator.google.schemas import Schemas

SCHEMAS = Schemas("dataflow.v1b3")
read_query, read_body, lean = SCHEMAS.read_query, SCHEMAS.read_body, SCHEMAS.lean


def document() -> Mapping[str, Any]:
    """The discovery document of Dataflow v1b3."""
    return SCHEMAS.document
