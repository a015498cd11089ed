"""Tests of the error tree: which reply becomes which error, and what its text says."""

from __future__ import annotations

import json

import pytest

from airflow_dataflow_ext.api.dataflow.methods import FlexTemplate, Job, Template
from airflow_dataflow_ext.api.dataflow.methods import all_methods as google_methods
from airflow_dataflow_ext.api.rest import errors
from airflow_dataflow_ext.api.rest.error_mapping import error_of, worth_retrying
from airflow_dataflow_ext.api.rest.errors import CallError, NoAnswerError, ServiceError, TooManyRequestsError, transient
from airflow_dataflow_ext.api.rest.method import Method, NoReply, Refusal, Reply, Request
from airflow_dataflow_ext.api.wave.methods import DataflowJob, Recipe
from airflow_dataflow_ext.api.wave.methods import all_methods as wave_methods
from tests.talk import refused

GET = Job.get.request(projectId="p", location="l", jobId="j")


def request_of(method: Method) -> Request:
    """A request of a method, whatever it needs."""
    return method.request({} if method.body else None, **dict.fromkeys(method.placeholders, "x"))


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


@pytest.mark.parametrize(("status", "advice"), [(401, "credentials"), (403, "roles"), (404, "its own project and location")])
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


@pytest.mark.parametrize("method", [Template.launch, Template.get, Template.create, FlexTemplate.launch])
def test_a_template_that_is_not_there_is_said_from_a_job_that_is_not(method: Method) -> None:
    error = error_of(request_of(method), refused(404, "Unable to open gs://b/t", code="NOT_FOUND"))
    assert "Unable to open gs://b/t. Check the template's path and its bucket" in str(error)
    assert "30 days" in str(error_of(GET, refused(404)))


LASTING = [
    (Template.launch, refused(404, "Unable to open gs://b/t", code="NOT_FOUND")),
    (Template.launch, refused(400, "The template parameters are invalid.", code="INVALID_ARGUMENT")),
    (Job.update, refused(400, "Invalid update mask.", code="INVALID_ARGUMENT")),
    (Job.list, refused(400, "The request was sent to an invalid regional endpoint (l).", code="FAILED_PRECONDITION")),
    (Recipe.get, Reply(status=400, content=b'[{"message": "bad", "errorCode": "MALFORMED_ID"}]')),
]
PASSING = [
    (Job.get, refused(404)),
    (Job.get, refused(403)),
    (Job.get, refused(401)),
    (Job.get, refused(503)),
    (Job.get, Reply(status=400, content=b"<html>Bad Request</html>")),
    (Job.update, refused(400, "The job is not yet ready for cancel.", code="FAILED_PRECONDITION")),
    (Template.launch, refused(400, "Quota exceeded for jobs.", code="INVALID_ARGUMENT")),
    (Template.launch, refused(404, "There is no job named x in RUNNING OR DRAINING state.", code="NOT_FOUND")),
    (DataflowJob.start, Reply(status=400, content=b'[{"message": "is queued", "errorCode": "X"}]')),
]


@pytest.mark.parametrize(("method", "reply"), LASTING)
def test_what_no_retry_can_mend_says_so(method: Method, reply: Reply) -> None:
    assert error_of(request_of(method), reply).lasting


@pytest.mark.parametrize(("method", "reply"), PASSING)
def test_what_may_pass_does_not_say_that_it_lasts(method: Method, reply: Reply) -> None:
    assert not error_of(request_of(method), reply).lasting


def test_a_wrong_argument_stays_wrong() -> None:
    assert errors.InvalidInputError("no").lasting
    assert not errors.JobError("ended").lasting


@pytest.mark.parametrize("status", [400, 401, 403, 404])
@pytest.mark.parametrize("method", [*google_methods(), *wave_methods()], ids=lambda method: method.id)
def test_the_services_words_and_ours_are_sentences_and_stand_once(method: Method, status: int) -> None:
    text = str(error_of(request_of(method), refused(status, "Job j could not be found. Check the job id")))
    ours = method.refusals.get(status, Refusal()).advice
    assert text.endswith(f"Check the job id. {ours}".rstrip())
    assert "the job id" not in ours


def test_a_name_of_many_letters_is_cut() -> None:
    request = Job.list.request(projectId="p", location="l", name="x" * 1100)
    assert len(str(error_of(request, refused(400, "y" * 9999)))) < 2600


def test_silence_is_worth_a_retry_and_a_bug_is_not() -> None:
    assert worth_retrying(NoReply(reason="reset"))
    assert transient(NoAnswerError("nothing"))
    assert not transient(ServiceError("no", status=501))
    assert not transient(KeyError("id"))
