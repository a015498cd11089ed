"""Tests of how an action is described and filled in."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from airflow_dataflow_ext.api.dataflow.methods import FlexTemplate, Job, Project, Snapshot, Template
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.method import Reply, path_pattern

PLACE = {"projectId": "p", "location": "l"}


def test_a_request_fills_in_path_and_query_and_leaves_out_what_is_none() -> None:
    request = Job.get.request(**PLACE, jobId="j", view=None)
    assert str(request) == "GET v1b3/projects/p/locations/l/jobs/j"
    assert Job.get.request(**PLACE, jobId="j", view="JOB_VIEW_ALL").target.endswith("/jobs/j?view=JOB_VIEW_ALL")


@pytest.mark.parametrize("job_id", ["../x?y=1#z", "projects/p/jobs/j", "j k", "j\n", ["j"], {"id": "j"}, "{'id': 'j'}"])
def test_a_value_that_could_change_the_path_is_refused(job_id: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"jobs\.get: job_id must be an id, not "):
        Job.get.request(**PLACE, jobId=job_id)


def test_values_are_quoted() -> None:
    assert Job.get.request(projectId="example.com:p", location="l", jobId="j").path == "v1b3/projects/example.com%3Ap/locations/l/jobs/j"
    assert Template.get.request(**PLACE, gcsPath="gs://b/a b&c").target.endswith("?gcsPath=gs%3A%2F%2Fb%2Fa+b%26c")


def test_booleans_go_as_google_reads_them() -> None:
    assert Template.launch.request({}, **PLACE, gcsPath="gs://b/t", validateOnly=True).query == (
        ("gcsPath", "gs://b/t"),
        ("validateOnly", "true"),
    )


def test_without_a_location_the_wide_path_is_asked() -> None:
    assert Job.get.request(projectId="p", jobId="j").path == "v1b3/projects/p/jobs/j"
    assert (
        Project.delete_snapshots.request(projectId="p", location="l", snapshotId="s").target
        == "v1b3/projects/p/snapshots?location=l&snapshotId=s"
    )


@pytest.mark.parametrize("values", [{}, {"jobId": ""}, {"jobId": None}, {"jobId": " "}, {"jobId": "None"}])
def test_a_missing_path_value_is_named(values: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError, match=r"jobs\.get: job_id must not be empty, and is "):
        Job.get.request(**PLACE, **values)


def test_a_method_without_a_wide_path_needs_its_location() -> None:
    with pytest.raises(InvalidInputError, match=r"flexTemplates\.launch: location must not be empty, and is None"):
        FlexTemplate.launch.request({}, projectId="p")


def test_an_unknown_name_is_named_beside_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match=r"jobs\.get has no parameter vieuw; it takes projectId, location, jobId, view"):
        Job.get.request(**PLACE, jobId="j", vieuw="JOB_VIEW_ALL")


def test_a_body_is_taken_only_where_there_is_one() -> None:
    with pytest.raises(InvalidInputError, match=r"jobs\.update needs a body of type Job"):
        Job.update.request(**PLACE, jobId="j")
    with pytest.raises(InvalidInputError, match=r"snapshots\.get takes no body"):
        Snapshot.get.request({}, **PLACE, snapshotId="s")


def test_the_next_page_is_the_same_question_with_the_token() -> None:
    first = Job.list.request(**PLACE, filter="ACTIVE")
    second = first.following({"nextPageToken": "t1"})
    assert second is not None
    assert second.query == (("filter", "ACTIVE"), ("pageToken", "t1"))
    third = second.following({"nextPageToken": "t2"})
    assert third == replace(first, query=(("filter", "ACTIVE"), ("pageToken", "t2")))
    assert first.following({}) is None


def test_the_next_page_can_be_a_url_of_the_server() -> None:
    following = Job.list.request(**PLACE).following({"nextPageUrl": "/services/data/v60.0/wave/dataflowjobs?page=a%3D&pageSize=2"})
    assert following is not None
    assert (following.path, following.query) == ("services/data/v60.0/wave/dataflowjobs", (("page", "a="), ("pageSize", "2")))


def test_an_empty_body_is_an_empty_object_and_half_a_body_an_error() -> None:
    assert Reply(status=200, content=b" \n").json() == {}
    with pytest.raises(ValueError, match="Expecting"):
        Reply(status=200, content=b'{"id": ').json()


@pytest.mark.parametrize("status", [199, 300, 304, 400])
def test_only_2xx_is_ok(status: int) -> None:
    assert Reply(status=200).ok
    assert Reply(status=299).ok
    assert not Reply(status=status).ok


def test_a_path_is_found_again_by_its_pattern() -> None:
    found = path_pattern(Job.snapshot.path).fullmatch("v1b3/projects/example.com:p/locations/l/jobs/j:snapshot")
    assert found is not None
    assert found.groupdict() == {"projectId": "example.com:p", "location": "l", "jobId": "j"}
    assert path_pattern(Job.get.path).fullmatch("v1b3/projects/p/locations/l/jobs/j:snapshot") is None
