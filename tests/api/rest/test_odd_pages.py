"""Tests of lists that no service should give: entries that are no objects, and pages without an end."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.rest.ask import items, pages
from airflow_dataflow_ext.api.rest.errors import ServiceError
from airflow_dataflow_ext.api.rest.method import part
from tests.talk import Json, Talk

LIST = Job.list.request(projectId="p", location="l")


@pytest.mark.parametrize("nothing", [{}, {"jobs": None}, {"jobs": []}])
def test_a_list_that_is_null_or_missing_is_empty(nothing: Json) -> None:
    assert list(items([nothing, {"jobs": [{"id": "j"}]}], "jobs")) == [{"id": "j"}]


@pytest.mark.parametrize("odd", ["x", 5, True, {"id": "j"}, [None], ["j"], [{"id": "j"}, 7]])
def test_a_list_of_anything_else_is_an_error_that_shows_it(odd: Any) -> None:
    with pytest.raises(ServiceError) as error:
        list(items([{"jobs": odd}], "jobs"))
    assert str(error.value) == f"The service gave {odd!r} as jobs, which is not a list of objects."


@pytest.mark.parametrize("odd", [None, "x", 5, [], ["j"]])
def test_a_part_is_an_object_in_any_case(odd: Any) -> None:
    assert part({"name": odd}, "name") == part({}, "name") == {}
    assert part({"name": {"origin": "user"}}, "name") == {"origin": "user"}


@pytest.mark.parametrize("after_a", ["a", "b"])
def test_pages_that_lead_back_to_an_earlier_one_are_an_error(after_a: str) -> None:
    talk = Talk(lambda request: {"jobs": [], "nextPageToken": after_a if "pageToken=a" in request.target else "a"})
    with pytest.raises(ServiceError, match="pageToken=a would not end: the service names this page as the one after"):
        talk(pages(LIST))
    assert len(talk.asked) <= 3


def test_empty_pages_are_followed_to_the_end() -> None:
    talk = Talk({"nextPageToken": "a"}, {"jobs": [], "nextPageToken": "b"}, {"jobs": [{"id": "j"}]})
    assert list(items(talk(pages(LIST)), "jobs")) == [{"id": "j"}]
