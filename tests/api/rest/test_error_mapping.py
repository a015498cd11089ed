"""Tests of the error tree: which reply becomes which error, and what its text says."""

from __future__ import annotations

import json

import pytest

from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.rest import errors
from airflow_dataflow_ext.api.rest.error_mapping import error_of, worth_retrying
from airflow_dataflow_ext.api.rest.errors import CallError, NoAnswerError, ServiceError, TooManyRequestsError, transient
from airflow_dataflow_ext.api.rest.method import NoReply, Reply
from tests.talk import refused

GET = Job.get.request(projectId="p", location="l", jobId="j")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidRequestError),
        (401, errors.NotAuthenticatedError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (409, errors.AlreadyExistsError),
        (429, errors.TooManyRequestsError),
        (500, errors.ServiceError),
        (503, errors.ServiceError),
        (302, errors.ServiceError),
        (418, errors.ServiceError),
    ],
)
def test_each_status_is_its_error(status: int, kind: type[CallError]) -> None:
    error = error_of(GET, refused(status, "Because.", code="WHY"))
    assert type(error) is kind
    assert (error.status, error.code, error.request) == (status, "WHY", str(GET))
    assert str(error).startswith(f"GET v1b3/projects/p/locations/l/jobs/j was answered {status} WHY: Because.")


@pytest.mark.parametrize(("status", "advice"), [(401, "credentials"), (403, "roles"), (404, "project and the location")])
def test_what_may_help_is_said(status: int, advice: str) -> None:
    assert advice in str(error_of(GET, refused(status)))


@pytest.mark.parametrize("reason", ["rateLimitExceeded", "userRateLimitExceeded"])
def test_403_with_a_rate_limit_reason_is_asking_too_often(reason: str) -> None:
    error = error_of(GET, refused(403, "Slow down.", reason=reason))
    assert type(error) is TooManyRequestsError
    assert "roles" not in str(error)


def test_the_reason_can_stand_in_the_details() -> None:
    body = {"error": {"message": "Slow.", "details": [{"@type": "x"}, {"reason": "RATE_LIMIT_EXCEEDED"}]}}
    assert type(error_of(GET, Reply(status=403, content=json.dumps(body).encode()))) is TooManyRequestsError


def test_salesforces_form_is_read_too() -> None:
    reply = Reply(status=404, content=b'[{"message": "No such dataflow.", "errorCode": "NOT_FOUND"}]')
    error = error_of(GET, reply)
    assert (error.code, "No such dataflow." in str(error)) == ("NOT_FOUND", True)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"<html><body><h1>502</h1>\n Bad Gateway</body></html>", "502 Bad Gateway"),
        (b"", "the body was empty"),
        (b"[]", "[]"),
        (b"null", "null"),
        (b'{"error": "invalid_grant"}', "invalid_grant"),
        (b"\xff\xfe", "\ufffd"),
    ],
)
def test_a_body_without_an_envelope_is_shown_as_it_is(content: bytes, text: str) -> None:
    assert text in str(error_of(GET, Reply(status=502, content=content)))


def test_a_long_page_is_cut() -> None:
    assert len(str(error_of(GET, Reply(status=502, content=b"x" * 9999)))) < 500


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_trouble_is_worth_a_retry_and_ends_no_wait(status: int) -> None:
    assert worth_retrying(refused(status))
    assert transient(error_of(GET, refused(status)))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 501])
def test_a_refusal_is_final(status: int) -> None:
    assert not worth_retrying(refused(status))
    assert not transient(error_of(GET, refused(status)))


def test_silence_is_worth_a_retry_and_a_bug_is_not() -> None:
    assert worth_retrying(NoReply(reason="reset"))
    assert transient(NoAnswerError("nothing"))
    assert not transient(ServiceError("no", status=501))
    assert not transient(KeyError("id"))
