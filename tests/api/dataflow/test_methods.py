"""Tests of the table of actions, against the discovery document that google-api-python-client ships."""

from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.methods import RESOURCES, ROOT, all_methods
from airflow_dataflow_ext.api.rest.method import Method
from tests import discovery

VARIANTS = [variant for method in all_methods() for variant in method.variants()]
IDS = [f"{variant.verb} {variant.path}" for variant in VARIANTS]
LAUNCHES = {"templates.launch", "templates.create", "flexTemplates.launch", "jobs.create"}


def spec_of(method: Method) -> dict[str, Any]:
    """The document's method on the same path."""
    path = re.sub(r"\{\w+\}", "x", method.path)
    found = discovery.method_for(method.verb, path)
    assert found is not None, f"the document has no {method.verb} {method.path}"
    return found


def in_query(spec: dict[str, Any]) -> set[str]:
    return {name for name, parameter in spec["parameters"].items() if parameter["location"] == "query"}


def test_there_are_25_actions_of_ten_resources_on_42_paths() -> None:
    assert (len(list(all_methods())), len(RESOURCES), len(VARIANTS)) == (25, 10, 42)


def test_the_table_has_each_path_of_the_document_once_and_no_other() -> None:
    ours = sorted((variant.verb, variant.path) for variant in VARIANTS)
    wanted = [spec for spec in discovery.methods() if ".configStoreSettings." not in spec["id"]]  # settings of an organisation, not of jobs
    assert ours == sorted((spec["httpMethod"], spec["flatPath"]) for spec in wanted)


def test_the_root_is_the_documents() -> None:
    assert discovery.document()["rootUrl"] == ROOT + "/"


@pytest.mark.parametrize("method", VARIANTS, ids=IDS)
def test_names_bodies_and_replies_are_the_documents(method: Method) -> None:
    spec = spec_of(method)
    assert set(method.query) == in_query(spec)
    assert len(method.query) == len(set(method.query))
    assert method.body == spec.get("request", {}).get("$ref")
    assert method.reply == spec["response"]["$ref"]


@pytest.mark.parametrize("method", VARIANTS, ids=IDS)
def test_the_id_is_the_documents_without_its_scope(method: Method) -> None:
    assert re.sub(r"^dataflow\.projects\.(locations\.)?", "", spec_of(method)["id"]) == method.id


@pytest.mark.parametrize("method", VARIANTS, ids=IDS)
def test_a_list_names_the_field_that_holds_its_entries(method: Method) -> None:
    schema = discovery.document()["schemas"][method.reply]["properties"]
    assert (method.items is not None) == ("nextPageToken" in schema and "pageToken" in in_query(spec_of(method)))
    assert method.items is None or schema[method.items]["type"] == "array"


@pytest.mark.parametrize("method", list(all_methods()), ids=lambda method: method.id)
def test_what_changes_nothing_twice_may_be_asked_twice(method: Method) -> None:
    assert method.repeatable or method.verb == "POST"
    assert not (method.repeatable and method.id in LAUNCHES)
