"""The types of the fields of a Pipeline against Google's discovery document."""

from __future__ import annotations

import pytest

from airflow_dataflow_ext.api.data_pipelines.bodies import FIELDS
from tests.api.dataflow.test_fields import kind_of
from tests.discovery import document

PREFIX = "GoogleCloudDatapipelinesV1"
LAUNCHES_OF_DATAFLOW = {"FlexTemplateRuntimeEnvironment", "RuntimeEnvironment"}
"""These have more fields in Dataflow's own document."""


@pytest.mark.parametrize("message", FIELDS)
def test_each_field_has_the_type_that_the_discovery_document_gives_it(message: str) -> None:
    described = document("datapipelines.v1")["schemas"][PREFIX + message]["properties"]
    written = {name: kind_of(spec).removeprefix(PREFIX) for name, spec in described.items() if not spec.get("readOnly")}
    more = set(FIELDS[message]) - set(written)
    assert not set(written) - set(FIELDS[message])
    assert not more or message in LAUNCHES_OF_DATAFLOW
    differing = {name: kind for name, kind in written.items() if FIELDS[message][name] not in (kind, "any")}
    assert differing == {}
