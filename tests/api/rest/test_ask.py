"""Tests of one question with its retries, and of the pages of a list."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.methods import Job, Message, Template
from airflow_dataflow_ext.api.rest import budgets, errors
from airflow_dataflow_ext.api.rest.ask import ask, backoff, items, pages, retry_after
from airflow_dataflow_ext.api.rest.method import NoReply, Reply, Request
from airflow_dataflow_ext.api.rest.times import epoch, epoch_or, rfc3339
from tests.talk import RESET, Talk, ok, refused

GET = Message.list.request(projectId="p", location="l", jobId="j")
GET_JOB = Job.get.request(projectId="p", location="l", jobId="j")
LIST = Job.list.request(projectId="p", location="l")
LAUNCH = Template.launch.request({}, projectId="p", location="l", gcsPath="gs://b/t")
CUT = Reply(status=200, content=b'{"id": "j", "na')
LOGIN_PAGE = Reply(status=200, content=b"<html><title>Sign in</title></html>")
TROUBLE = [
    *(pytest.param(refused(status), id=str(status)) for status in (429, 500, 502, 503, 504)),
    pytest.param(refused(403, reason="rateLimitExceeded"), id="403 rate limit"),
    pytest.param(RESET, id="reset"),
    pytest.param(NoReply(reason="TimeoutError"), id="timeout"),
    pytest.param(CUT, id="truncated"),
    pytest.param(LOGIN_PAGE, id="a page"),
    *(pytest.param(Reply(status=200, content=body), id=body.decode()) for body in (b"[]", b"null", b'"x"', b"7")),
]
BEFORE_ANY_EFFECT = [refused(429), refused(403, reason="userRateLimitExceeded")]


@pytest.mark.parametrize("trouble", TROUBLE)
def test_a_question_is_asked_again_after_trouble(trouble: Any) -> None:
    talk = Talk(trouble, trouble, {"id": "j"})
    assert talk(ask(GET)) == {"id": "j"}
    assert talk.asked == [GET] * 3
    assert 1.0 <= talk.slept[0] <= 1.25
    assert 2.0 <= talk.slept[1] <= 2.5


def test_trouble_is_said_once_as_news_and_then_as_a_warning() -> None:
    talk = Talk(RESET, RESET, {})
    talk(ask(GET))
    assert talk.levels == [logging.INFO, logging.WARNING]
    assert "got no answer in 0 s: ConnectionResetError. Asking again in 1." in talk.said[0]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 501])
def test_a_refusal_is_raised_at_once(status: int) -> None:
    talk = Talk(refused(status))
    with pytest.raises(errors.CallError, match=str(status)):
        talk(ask(GET))
    assert talk.slept == []


@pytest.mark.parametrize("trouble", [trouble for trouble in TROUBLE if trouble.id not in ("429", "403 rate limit")])
def test_a_launch_is_never_blindly_repeated(trouble: Any) -> None:
    talk = Talk(trouble)
    with pytest.raises((errors.NoAnswerError, errors.ServiceError)):
        talk(ask(LAUNCH))
    assert talk.asked == [LAUNCH]


@pytest.mark.parametrize("refusal", BEFORE_ANY_EFFECT)
def test_a_launch_that_came_too_soon_is_sent_again(refusal: Reply) -> None:
    talk = Talk(refusal, {"job": {"id": "j"}})
    assert talk(ask(LAUNCH)) == {"job": {"id": "j"}}


@pytest.mark.parametrize("request_", [GET, LAUNCH])
def test_an_expired_token_is_renewed_once(request_: Request) -> None:
    talk = Talk(refused(401), {})
    talk(ask(request_))
    assert (talk.renewed, talk.slept, len(talk.asked)) == (1, [], 2)


def test_a_second_401_is_an_error() -> None:
    talk = Talk(refused(401), refused(401, "Really."))
    with pytest.raises(errors.NotAuthenticatedError, match=r"Really\."):
        talk(ask(GET))
    assert talk.renewed == 1


def test_a_token_may_expire_again_in_a_long_trouble() -> None:
    talk = Talk(refused(401), refused(503), refused(401), {})
    talk(ask(GET))
    assert talk.renewed == 2


def test_retry_after_is_honoured() -> None:
    talk = Talk(refused(503, retry_after="7"), {})
    talk(ask(GET))
    assert 7.0 <= talk.slept[0] <= 8.75


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": "Fri, 01 Jan 2027 00:01:30 GMT", "date": "Fri, 01 Jan 2027 00:00:00 GMT"}, 90.0),
        ({"retry-after": "Fri, 01 Jan 2027 00:00:00 GMT", "date": "Fri, 01 Jan 2027 00:01:00 GMT"}, 0.0),
        ({"retry-after": "Fri, 01 Jan 2027 00:01:30 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(Reply(status=503, headers=headers)) == seconds


@pytest.mark.parametrize("retry_after", ["86400", "Fri, 01 Jan 2027 00:00:00 GMT"])
def test_a_wait_never_sleeps_for_a_day(retry_after: str) -> None:
    talk = Talk(refused(503, retry_after=retry_after, date="Thu, 31 Dec 2026 00:00:00 GMT"), {})
    talk(ask(GET, retry_for=None))
    assert budgets.LONGEST_RETRY_AFTER <= talk.slept[0] <= budgets.LONGEST_RETRY_AFTER * 1.25


def test_a_launch_that_never_left_the_machine_is_sent_again() -> None:
    talk = Talk(NoReply(reason="no token", sent=False), {"job": {"id": "j"}})
    assert talk(ask(LAUNCH)) == {"job": {"id": "j"}}


def test_an_error_says_that_nothing_was_sent() -> None:
    talk = Talk(lambda _: NoReply(reason="no token", sent=False))
    with pytest.raises(errors.NoAnswerError, match=r"templates:launch\S* was not sent: no token\.") as unsent:
        talk(ask(LAUNCH))
    assert not unsent.value.sent


@pytest.mark.parametrize("request_", [GET, LAUNCH])
def test_an_address_at_which_nothing_listens_is_given_up_in_seconds(request_: Request) -> None:
    talk = Talk(lambda _: NoReply(reason="nothing listens", sent=False, nobody=True))
    with pytest.raises(errors.NoAnswerError, match="nothing listens"):
        talk(ask(request_))
    assert sum(talk.slept) <= budgets.NOBODY_FOR


def test_a_wait_goes_on_while_an_emulator_is_started_anew() -> None:
    nobody = NoReply(reason="nothing listens", sent=False, nobody=True)
    talk = Talk(*[nobody] * 30, {"id": "j"})
    assert talk(ask(GET, retry_for=None)) == {"id": "j"}


def test_pauses_double_up_to_a_minute() -> None:
    pauses = [backoff(attempt) for attempt in (0, 3, 5, 6, 7, 2000)]
    for pause, base in zip(pauses, (1, 8, 32, budgets.LONGEST_PAUSE, budgets.LONGEST_PAUSE, budgets.LONGEST_PAUSE), strict=True):
        assert base <= pause <= base * 1.25


def test_the_jitter_differs() -> None:
    assert len({backoff(3) for _ in range(20)}) > 1


def test_trouble_that_lasts_ends_within_retry_for() -> None:
    talk = Talk(lambda _: refused(503, "Down."))
    with pytest.raises(errors.ServiceError, match=r"Down\."):
        talk(ask(GET, retry_for=20.0))
    assert 10.0 < sum(talk.slept) <= 20.0


def test_slow_calls_count_as_time_spent() -> None:
    talk = Talk(lambda _: NoReply(reason="TimeoutError", took=60.0))
    with pytest.raises(errors.NoAnswerError, match="no answer in 121 s"):
        talk(ask(GET, retry_for=120.0))
    assert len(talk.asked) == 2


def test_a_pause_that_would_be_too_long_is_not_begun() -> None:
    talk = Talk(refused(429, retry_after="3600"))
    with pytest.raises(errors.TooManyRequestsError):
        talk(ask(GET, retry_for=120.0))
    assert talk.slept == []


def test_without_a_bound_the_question_is_asked_for_ever() -> None:
    talk = Talk(*[refused(503)] * 100, {"id": "j"})
    assert talk(ask(GET, retry_for=None)) == {"id": "j"}
    assert sum(talk.slept) > 3600


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (LOGIN_PAGE, "got no answer in 0 s: the reply is not a JSON object but 'Sign in'."),
        (CUT, "got no answer in 0 s: the body of the reply was cut off."),
        (Reply(status=200, content=b"[" * 200_000), "got no answer in 0 s: the reply is not a JSON object but '[[["),
        (NoReply(reason="ClientPayloadError: 400, message:\n  no gzip"), "in 0 s: ClientPayloadError: 400, message: no gzip."),
        (
            Reply(status=302, headers={"location": "https://login.example/sso?token=s3cret"}),
            " was answered 302: the body was empty. It is a redirection to 'https://login.example/sso', which is not followed: check",
        ),
    ],
)
def test_what_is_no_good_answer_is_an_error_that_shows_it(reply: Reply, said: str) -> None:
    with pytest.raises(errors.CallError) as error:
        Talk(reply)(ask(GET, retry_for=0.0))
    assert said in str(error.value)
    assert "s3cret" not in str(error.value)


def test_an_empty_answer_is_an_empty_object() -> None:
    assert Talk(Reply(status=200))(ask(GET)) == {}


def jobs(*ids: int) -> list[dict[str, int]]:
    return [{"id": number} for number in ids]


def test_pages_follow_the_token() -> None:
    talk = Talk({"jobs": jobs(1), "nextPageToken": "a"}, {"nextPageToken": "b"}, {"jobs": jobs(2, 3)})
    assert list(items(talk(pages(LIST)), "jobs")) == jobs(1, 2, 3)
    assert [dict(request.query).get("pageToken") for request in talk.asked] == [None, "a", "b"]


def test_pages_follow_the_url() -> None:
    talk = Talk({"jobs": jobs(1), "nextPageUrl": "/next?page=2"}, {"jobs": jobs(2)})
    assert list(items(talk(pages(LIST)), "jobs")) == jobs(1, 2)
    assert talk.asked[1].target == "next?page=2"


def test_a_limit_stops_the_paging() -> None:
    talk = Talk({"jobs": jobs(1, 2), "nextPageToken": "a"}, {"jobs": jobs(3, 4), "nextPageToken": "b"})
    assert len(talk(pages(LIST, limit=3))) == 2


def test_trouble_on_one_page_repeats_that_page_only() -> None:
    talk = Talk({"jobs": jobs(1), "nextPageToken": "a"}, refused(503), {"jobs": jobs(2)})
    assert list(items(talk(pages(LIST)), "jobs")) == jobs(1, 2)
    assert talk.asked[1] == talk.asked[2]


def test_an_expired_page_token_begins_the_list_anew() -> None:
    talk = Talk({"jobs": jobs(1), "nextPageToken": "a"}, refused(400), {"jobs": jobs(1), "nextPageToken": "c"}, {"jobs": jobs(2)})
    assert list(items(talk(pages(LIST)), "jobs")) == jobs(1, 2)
    assert dict(talk.asked[3].query)["pageToken"] == "c"


def test_a_page_token_that_expires_again_is_an_error() -> None:
    talk = Talk(*[{"jobs": jobs(1), "nextPageToken": "a"}, refused(400, "Bad token.")] * 2)
    with pytest.raises(errors.InvalidRequestError, match=r"Bad token\."):
        talk(pages(LIST))


def test_a_list_that_is_refused_is_not_begun_anew() -> None:
    talk = Talk(refused(400))
    with pytest.raises(errors.InvalidRequestError):
        talk(pages(LIST))
    assert len(talk.asked) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01T00:00:01.5Z", 1.5),
        ("1970-01-01T00:00:01.500000000Z", 1.5),
        ("1970-01-01T00:00:01", 1.0),
        ("1970-01-01t00:00:01z", 1.0),
        ("1970-01-01T00:00:01.000+0000", 1.0),
        ("1970-01-01T02:00:01+02:00", 1.0),
        ("1969-12-31T16:30:01-0730", 1.0),
    ],
)
def test_times_are_read_in_each_of_the_services_forms(text: str, seconds: float) -> None:
    assert epoch(text) == seconds


@pytest.mark.parametrize("nothing", ["", None, "yesterday", "1970-01-01", "1970-13-01T00:00:00Z", "0", 0, {}, "T" * 1000])
def test_a_time_that_is_not_there_or_cannot_be_read_is_an_error_or_what_the_caller_says(nothing: Any) -> None:
    with pytest.raises(errors.ServiceError, match="a time that cannot be read: ") as unreadable:
        epoch(nothing)
    assert len(str(unreadable.value)) < 250
    assert epoch_or(nothing, 7.0) == 7.0


def test_times_are_written_as_they_are_read() -> None:
    assert rfc3339(1.25) == "1970-01-01T00:00:01.250000Z"
    assert epoch(rfc3339(1_700_000_000.123456)) == pytest.approx(1_700_000_000.123456)


@pytest.mark.parametrize("odd", [Reply(status=200), ok({"id": None}), ok({"name": "wc"})])
def test_a_job_without_an_id_is_no_answer(odd: Reply) -> None:
    assert Talk(odd, {"id": "j"})(ask(GET_JOB)) == {"id": "j"}
    with pytest.raises(errors.NoAnswerError, match="the reply is not a JSON object with id but '"):
        Talk(odd)(ask(GET_JOB, retry_for=0.0))


def test_a_reply_is_never_mistaken_for_a_refusal() -> None:
    assert Talk(ok({"error": {"code": 503}}))(ask(GET)) == {"error": {"code": 503}}
