"""Tests of cancelling and draining."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.stop import request_stop, stop
from airflow_dataflow_ext.api.rest.errors import InvalidRequestError, JobError, PermissionDeniedError
from tests.talk import Talk, refused

REF = JobRef(place=Place(project_id="p", location="l"), id="j")
RUNNING = {"id": "j", "currentState": "JOB_STATE_RUNNING", "type": "JOB_TYPE_STREAMING"}
BATCH = {**RUNNING, "type": "JOB_TYPE_BATCH"}
STOPPING = {**RUNNING, "currentState": "JOB_STATE_CANCELLING"}
CANCELLED = {**RUNNING, "currentState": "JOB_STATE_CANCELLED"}
TOO_EARLY = refused(400, "(0123456789abcdef): Job j is not yet ready for canceling. Please retry in a few minutes.")
OVER = refused(400, "(0123456789abcdef): Workflow modification failed. Job has terminated in state 'Success'.")


def asked_state(talk: Talk) -> list[Any]:
    return [request.body["requestedState"] for request in talk.asked if request.body]


def test_a_job_is_cancelled_and_waited_for() -> None:
    talk = Talk(RUNNING, {}, STOPPING, STOPPING, CANCELLED)
    assert talk(stop(REF, poll_sleep=7.0)) == CANCELLED
    assert asked_state(talk) == ["JOB_STATE_CANCELLED"]
    assert talk.slept == [7.0, 7.0, 7.0]


@pytest.mark.parametrize("state", ["DONE", "FAILED", "CANCELLED", "DRAINED", "UPDATED"])
def test_a_job_that_is_over_is_left_alone(state: str) -> None:
    over = {**RUNNING, "currentState": f"JOB_STATE_{state}"}
    talk = Talk(over, over)
    assert talk(stop(REF)) == over
    assert asked_state(talk) == []


def test_a_job_that_ends_in_between_is_fine() -> None:
    over = {**RUNNING, "currentState": "JOB_STATE_DONE"}
    assert Talk(RUNNING, OVER, over)(stop(REF)) == over


@pytest.mark.parametrize(("job", "asked"), [(RUNNING, "JOB_STATE_DRAINED"), (BATCH, "JOB_STATE_CANCELLED")])
def test_draining_is_for_streaming_jobs(job: dict[str, str], asked: str) -> None:
    talk = Talk(job, {}, CANCELLED)
    talk(stop(REF, drain=True))
    assert asked_state(talk) == [asked]


@pytest.mark.parametrize("state", [None, "JOB_STATE_QUEUED", "JOB_STATE_PENDING"])
def test_a_job_that_has_read_nothing_is_cancelled_and_not_drained(state: str | None) -> None:
    young = {"id": "j", "currentState": state} if state else {"id": "j"}
    talk = Talk(young, {}, CANCELLED)
    talk(stop(REF, drain=True))
    assert asked_state(talk) == ["JOB_STATE_CANCELLED"]


def test_a_young_job_that_a_drain_has_to_cancel_is_no_warning() -> None:
    talk = Talk({"id": "j", "currentState": "JOB_STATE_QUEUED"}, {}, CANCELLED)
    talk(stop(REF, drain=True))
    assert talk.said[-1] == "job j in p/l ended as JOB_STATE_CANCELLED."
    assert set(talk.levels) == {logging.INFO}


def test_a_job_that_is_being_cancelled_is_not_asked_again() -> None:
    talk = Talk(STOPPING, CANCELLED)
    talk(stop(REF, drain=True))
    assert asked_state(talk) == []


def test_a_job_too_young_to_be_stopped_is_asked_again() -> None:
    talk = Talk(RUNNING, TOO_EARLY, RUNNING, TOO_EARLY, RUNNING, {}, CANCELLED)
    assert talk(stop(REF)) == CANCELLED
    assert talk.slept == [5.0, 5.0, 10.0]


def test_a_job_that_never_is_ready_is_given_up_in_time() -> None:
    talk = Talk(lambda request: TOO_EARLY if request.body else RUNNING)
    with pytest.raises(JobError, match=r"in time: job j in p/l is in JOB_STATE_RUNNING"):
        talk(stop(REF, wait_for=60.0))
    assert sum(talk.slept) == 60.0


def test_a_job_that_does_not_end_is_given_up_in_time() -> None:
    talk = Talk(lambda request: {} if request.body else STOPPING)
    with pytest.raises(JobError, match=r"in time: job j in p/l is in JOB_STATE_CANCELLING"):
        talk(stop(REF, wait_for=60.0))
    assert sum(talk.slept) == 60.0


def test_both_waits_together_keep_the_bound() -> None:
    early = [RUNNING, TOO_EARLY] * 8
    talk = Talk(*early, RUNNING, {}, *[STOPPING] * 99)
    with pytest.raises(JobError):
        talk(stop(REF, wait_for=60.0))
    assert 60.0 <= sum(talk.slept) < 70.0


def test_without_a_wait_it_is_only_asked() -> None:
    talk = Talk(RUNNING, {})
    assert talk(stop(REF, wait_for=0.0)) == RUNNING
    assert talk.slept == []


def test_a_forced_cancel_carries_its_label() -> None:
    talk = Talk({})
    assert talk(request_stop(REF, labels={"force_cancel_job": "true"}))
    assert talk.asked[0].body == {"requestedState": "JOB_STATE_CANCELLED", "labels": {"force_cancel_job": "true"}}


@pytest.mark.parametrize(("answer", "taken"), [({}, True), (OVER, True), (TOO_EARLY, False)])
def test_asking_tells_whether_it_was_taken(answer: Any, taken: bool) -> None:
    talk = Talk(answer)
    assert talk(request_stop(REF)) is taken
    assert talk.said == ["Cancelling job j in p/l"]


@pytest.mark.parametrize(("answer", "error"), [(refused(403), PermissionDeniedError), (refused(400, "No."), InvalidRequestError)])
def test_every_other_refusal_is_an_error(answer: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Talk(RUNNING, answer)(stop(REF))
