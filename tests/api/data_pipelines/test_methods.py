"""Tests of the table of actions of Data Pipelines, against the discovery document that google-api-python-client ships."""

from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_dataflow_ext.api.data_pipelines.methods import ROOT, all_methods
from airflow_dataflow_ext.api.rest.method import Method
from tests import discovery

SERVICE = "datapipelines.v1"
METHODS = list(all_methods())
IDS = [method.id for method in METHODS]


def spec_of(method: Method) -> dict[str, Any]:
    """The document's method on the same path."""
    found = discovery.method_for(method.verb, re.sub(r"\{\w+\}", "x", method.path), of=SERVICE)
    assert found is not None, f"the document has no {method.verb} {method.path}"
    return found


def test_the_table_has_each_method_of_the_document_and_no_other() -> None:
    wanted = [spec["id"].removeprefix("datapipelines.projects.locations.") for spec in discovery.methods(of=SERVICE)]
    assert sorted(IDS) == sorted(wanted)


def test_the_root_is_the_documents() -> None:
    assert discovery.document(SERVICE)["rootUrl"] == ROOT + "/"
    assert {method.root for method in METHODS} == {ROOT}


@pytest.mark.parametrize("method", METHODS, ids=IDS)
def test_names_bodies_and_replies_are_the_documents(method: Method) -> None:
    spec = spec_of(method)
    assert spec["id"] == f"datapipelines.projects.locations.{method.id}"
    assert set(method.query) == {name for name, parameter in spec["parameters"].items() if parameter["location"] == "query"}
    assert method.body == spec.get("request", {}).get("$ref")
    assert method.reply == spec["response"]["$ref"]


@pytest.mark.parametrize("method", METHODS, ids=IDS)
def test_a_list_names_the_field_that_holds_its_entries(method: Method) -> None:
    schema = discovery.document(SERVICE)["schemas"][method.reply].get("properties", {})
    assert (method.items is not None) == ("nextPageToken" in schema)
    assert method.items is None or schema[method.items]["type"] == "array"


def test_what_makes_something_is_not_sent_twice() -> None:
    assert [method.id for method in METHODS if not method.repeatable] == ["pipelines.create", "pipelines.run"]
