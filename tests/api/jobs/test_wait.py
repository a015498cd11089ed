"""Tests of waiting: what a state means for a wait, what reaches the log, and how a wait ends."""

from __future__ import annotations

import json
import logging
from itertools import pairwise
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.messages import MessageStream
from airflow_dataflow_ext.api.dataflow.states import DATAFLOW, TERMINAL
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import InvalidInputError, JobError, JobLostError, PermissionDeniedError
from airflow_dataflow_ext.api.rest.method import Request
from tests.talk import RESET, Talk, refused

REF = JobRef(place=Place(project_id="p", location="l"), id="j")
SILENT = JobWatch(job=REF, policy=WaitPolicy(importance=None))
TALKATIVE = JobWatch(job=REF)
RUNNING, DONE, FAILED = "JOB_STATE_RUNNING", "JOB_STATE_DONE", "JOB_STATE_FAILED"
T0 = "2027-01-01T00:00:00Z"


def job(state: str, **fields: Any) -> dict[str, Any]:
    return {"id": "j", "name": "wc", "location": "l", "currentState": state, **fields}


def message(text: str, time: str = T0, importance: str = "JOB_MESSAGE_BASIC") -> dict[str, str]:
    return {"id": text, "time": time, "messageText": text, "messageImportance": importance}


class Service:
    """A job that shows one state after the other, the last for ever, and what it has said by each look."""

    def __init__(self, *states: Any, messages: tuple[Any, ...] = ([],)) -> None:
        self.states = list(states)
        self.messages = list(messages)

    def __call__(self, request: Request) -> Any:
        if request.method.id == "jobs.messages.list":
            said = self.messages.pop(0) if len(self.messages) > 1 else self.messages[0]
            return {"jobMessages": said} if isinstance(said, list) else said
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return job(state) if isinstance(state, str) else state


def logged(talk: Talk) -> list[str]:
    """The job's messages in the log: what it says, and not what is said of it."""
    return [text for text in talk.said if not text.startswith(("Job ", "The job"))]


def looks_between_messages(talk: Talk) -> list[int]:
    """How many looks at the state stand between two questions for messages."""
    asked = [index for index, verb in enumerate(talk.verbs) if verb == "jobs.messages.list"]
    return [later - earlier - 1 for earlier, later in pairwise(asked)]


@pytest.mark.parametrize("kind", ["JOB_TYPE_BATCH", "JOB_TYPE_STREAMING"])
@pytest.mark.parametrize("state", DATAFLOW)
def test_by_default_a_batch_job_is_waited_for_and_a_streaming_job_until_it_runs(state: str, kind: str) -> None:
    judged = SILENT.judge(job(state, type=kind))
    runs = state == RUNNING and kind == "JOB_TYPE_STREAMING"
    assert judged is (Phase.SUCCEEDED if runs else DATAFLOW[state].phase)


@pytest.mark.parametrize("state", DATAFLOW)
def test_to_the_end_means_the_end_of_a_streaming_job_too(state: str) -> None:
    watch = JobWatch(job=REF, policy=WaitPolicy(to_the_end=True))
    assert watch.judge(job(state, type="JOB_TYPE_STREAMING")) is DATAFLOW[state].phase


@pytest.mark.parametrize("expected", DATAFLOW)
@pytest.mark.parametrize("state", DATAFLOW)
def test_an_expected_state_is_a_good_end_and_every_other_end_a_bad_one(state: str, expected: str) -> None:
    judged = JobWatch(job=REF, policy=WaitPolicy(expected=(expected,))).judge(job(state, type="JOB_TYPE_STREAMING"))
    assert judged is (Phase.SUCCEEDED if state == expected else Phase.FAILED if state in TERMINAL else Phase.MOVING)


def test_a_launch_reply_moves() -> None:
    assert SILENT.judge({"id": "j", "currentStateTime": "1970-01-01T00:00:00Z"}) is Phase.MOVING


@pytest.mark.parametrize(("arguments", "named"), [({"expected": ("DONE",)}, "DONE is not a job state"), ({"poll_sleep": 0}, "poll_sleep")])
def test_a_wrong_wait_is_refused_before_it_begins(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInputError, match=named):
        JobWatch(job=REF, policy=WaitPolicy(**arguments))


def test_a_wrong_importance_is_refused_with_the_right_ones() -> None:
    with pytest.raises(InvalidInputError, match="'INFO' is not a message importance; they are JOB_MESSAGE_DEBUG"):
        JobWatch(job=REF, policy=WaitPolicy(importance="INFO")).stream()


def test_a_watch_and_an_outcome_survive_as_json() -> None:
    watch = JobWatch(job=REF, policy=WaitPolicy(expected=(DONE, FAILED), to_the_end=True, poll_sleep=3.5, importance=None))
    assert JobWatch.deserialize(watch.serialize()) == watch
    outcome = Outcome(phase=Phase.FAILED, job={"id": "j"}, complaint="Why.", unlogged={"since": T0, "said": ["m Hello"]})
    assert Outcome.deserialize(outcome.serialize()) == outcome


def test_a_wait_tells_each_state_once_and_gives_the_job() -> None:
    talk = Talk(Service("JOB_STATE_QUEUED", RUNNING, RUNNING, DONE))
    outcome = talk(wait_for_job(SILENT))
    assert outcome.result() == job(DONE)
    assert talk.said == [f"Job j is in state {state}" for state in ("JOB_STATE_QUEUED", RUNNING, DONE)]
    assert talk.slept == [10.0] * 3


def test_a_state_that_nobody_documents_is_waited_out_and_said_once() -> None:
    talk = Talk(Service("JOB_STATE_MELTING", "JOB_STATE_MELTING", "JOB_STATE_MELTING", DONE))
    assert talk(wait_for_job(SILENT)).phase is Phase.SUCCEEDED
    assert talk.said[0] == "Job j is in state JOB_STATE_MELTING, which is not documented; the wait continues"
    assert len(talk.said) == 2


def test_a_wait_outlasts_hours_of_trouble() -> None:
    talk = Talk(job(RUNNING), *[refused(503)] * 200, RESET, job(DONE))
    assert talk(wait_for_job(SILENT)).phase is Phase.SUCCEEDED
    assert sum(talk.slept) > 3 * 3600


def test_a_refusal_ends_the_wait() -> None:
    talk = Talk(job(RUNNING), refused(403, "Not yours."))
    with pytest.raises(PermissionDeniedError, match=r"Not yours\."):
        talk(wait_for_job(SILENT))


def test_a_job_that_shows_late_is_waited_for() -> None:
    spell = [refused(404)] * 20  # of 200 s: no spell is long enough, all together are
    talk = Talk(*spell, job(RUNNING), *spell, job(RUNNING), *spell, job(DONE))
    assert talk(wait_for_job(SILENT)).phase is Phase.SUCCEEDED


def test_a_job_that_stays_unknown_is_lost() -> None:
    talk = Talk(job(RUNNING), lambda _: refused(404, "No such job."))
    with pytest.raises(JobLostError, match=r"has not known job j for 300 s: .*No such job\."):
        talk(wait_for_job(SILENT))
    assert budgets.LOST_AFTER <= sum(talk.slept) < budgets.LOST_AFTER + 30


def test_messages_come_to_the_log_with_their_level_each_once() -> None:
    said = [message("a"), message("b", importance="JOB_MESSAGE_WARNING"), message("c", "2027-01-01T00:00:01Z", "JOB_MESSAGE_ERROR")]
    talk = Talk(Service(RUNNING, RUNNING, DONE, messages=(said[:1], said[:2], said)))
    talk(wait_for_job(TALKATIVE))
    assert logged(talk) == ["a", "b", "c"]
    levels = [level for level, text in zip(talk.levels, talk.said, strict=True) if text in ("a", "b", "c")]
    assert levels == [logging.INFO, logging.WARNING, logging.ERROR]


def test_a_message_without_a_time_is_logged_once_too() -> None:
    timeless = {name: value for name, value in message("b").items() if name != "time"}
    talk = Talk(Service(RUNNING, RUNNING, DONE, messages=([message("a")], [message("a"), timeless], [message("a"), timeless])))
    talk(wait_for_job(TALKATIVE))
    assert logged(talk) == ["a", "b"]


def test_only_what_is_new_is_asked_for() -> None:
    later = "2027-01-01T00:00:01.5Z"
    talk = Talk(Service(RUNNING, RUNNING, DONE, messages=([message("a")], [message("a"), message("b", later)], [message("b", later)])))
    talk(wait_for_job(TALKATIVE))
    queries = [dict(request.query) for request in talk.asked if request.method.id == "jobs.messages.list"]
    assert [query.get("startTime") for query in queries] == [None, T0, later]
    assert {query["minimumImportance"] for query in queries} == {"JOB_MESSAGE_BASIC"}


@pytest.mark.parametrize(
    "times",
    [
        ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000000Z"),
        ("2027-01-01T00:00:00.5Z", "2027-01-01T00:00:00.500Z", "2027-01-01T00:00:00.51Z"),
        ("2027-01-01T00:00:00.9Z", "2027-01-01T00:00:00.95Z", "2027-01-01T00:00:01Z"),
    ],
)
def test_times_of_any_length_repeat_no_message_and_lose_none(times: tuple[str, str, str]) -> None:
    said = [message(text, time) for text, time in zip("abc", times, strict=True)]
    talk = Talk(Service(RUNNING, RUNNING, RUNNING, RUNNING, DONE, messages=(said[:1], said[:2], said, said, said)))
    watch = JobWatch(job=REF, policy=WaitPolicy(poll_sleep=1.0))
    talk(wait_for_job(watch))
    assert logged(talk) == ["a", "b", "c"]


def test_two_messages_of_one_moment_are_two_even_without_ids() -> None:
    said = [{"time": T0, "messageText": "a"}, {"time": T0, "messageText": "b"}]
    talk = Talk(Service(RUNNING, DONE, messages=(said, said)))
    talk(wait_for_job(TALKATIVE))
    assert logged(talk) == ["a", "b"]


@pytest.mark.parametrize("said", [[], [message("Hello")]])
def test_what_a_job_said_last_can_be_left_to_somebody_who_goes_on_from_there(said: list[dict[str, str]]) -> None:
    service = Service(RUNNING, DONE, messages=(said, [*said, message("Bye", "2027-01-01T00:00:01Z")]))
    talk = Talk(service)
    unlogged = talk(wait_for_job(TALKATIVE, leaves_rest=True)).unlogged
    assert (logged(talk), talk.verbs.count("jobs.messages.list")) == ([one["messageText"] for one in said], 1)
    rest = Talk(service)
    rest(MessageStream(REF.path, "JOB_MESSAGE_BASIC", json.loads(json.dumps(unlogged))).follow(retry_for=1))
    assert logged(rest) == ["Bye"]


@pytest.mark.parametrize(("watch", "end"), [(SILENT, DONE), (TALKATIVE, FAILED)])
def test_nothing_is_left_of_a_job_that_is_not_listened_to_or_failed(watch: JobWatch, end: str) -> None:
    talk = Talk(Service(RUNNING, end, messages=([], [message("Bye", importance="JOB_MESSAGE_ERROR")])))
    assert talk(wait_for_job(watch, leaves_rest=True)).unlogged is None
    assert logged(talk)[:1] == (["Bye"] if end == FAILED else [])  # after it, where the logs of its workers are


@pytest.mark.parametrize("trouble", [refused(403), refused(404), refused(503, retry_after="900"), refused(400)])
def test_trouble_with_messages_ends_no_wait(trouble: Any) -> None:
    talk = Talk(Service(RUNNING, DONE, messages=(trouble, trouble, [message("a")])))
    assert talk(wait_for_job(TALKATIVE)).phase is Phase.SUCCEEDED
    assert "The job's messages cannot be read" in " ".join(talk.said)


def test_a_quiet_job_is_asked_for_messages_less_and_less_often() -> None:
    talk = Talk(Service(*[RUNNING] * 64, DONE))
    talk(wait_for_job(TALKATIVE))
    assert looks_between_messages(talk)[:6] == [2, 4, 8, 16, 16, 16]


def test_a_job_that_speaks_again_is_listened_to_again() -> None:
    talk = Talk(Service(*[RUNNING] * 9, DONE, messages=([], [], [message("a")], [message("b", "2027-01-01T00:00:01Z")], [])))
    talk(wait_for_job(TALKATIVE))
    assert looks_between_messages(talk)[:4] == [2, 4, 1, 1]


def test_a_change_of_state_is_said_at_once_however_quiet_the_job() -> None:
    talk = Talk(Service(*[RUNNING] * 40, DONE))
    talk(wait_for_job(TALKATIVE))
    assert sum(talk.slept) == 400.0


def test_a_failed_jobs_own_reason_is_in_the_error() -> None:
    boom = [message("Boom.", time, "JOB_MESSAGE_ERROR") for time in (T0, "2027-01-01T00:00:01Z")]
    said = [*boom, message("Bye.", "2027-01-01T00:00:02Z")]
    outcome = Talk(Service(FAILED, messages=(said,)))(wait_for_job(TALKATIVE))
    with pytest.raises(JobError, match=r"^Job j \(wc\) in l ended as JOB_STATE_FAILED: Boom\.$"):
        outcome.result()


def test_a_reason_that_arrives_late_is_waited_for() -> None:
    talk = Talk(Service(RUNNING, FAILED, messages=([], [], [], [message("Boom.", importance="JOB_MESSAGE_ERROR")])))
    assert "Boom." in talk(wait_for_job(TALKATIVE)).complaint
    assert talk.slept == [10.0, 2.0]


def test_a_reason_that_never_comes_is_not_waited_for_long() -> None:
    talk = Talk(Service(FAILED))
    assert talk(wait_for_job(TALKATIVE)).complaint == "Job j (wc) in l ended as JOB_STATE_FAILED."
    assert sum(talk.slept) == 17.0


def test_a_reason_that_may_not_be_read_is_left_out() -> None:
    talk = Talk(Service(FAILED, messages=(refused(403),)))
    assert talk(wait_for_job(TALKATIVE)).complaint == "Job j (wc) in l ended as JOB_STATE_FAILED."


def test_a_silent_wait_asks_for_the_reason_all_the_same() -> None:
    talk = Talk(Service(RUNNING, FAILED, messages=([message("Boom.", importance="JOB_MESSAGE_ERROR")],)))
    assert "Boom." in talk(wait_for_job(SILENT)).complaint
    assert talk.verbs == ["jobs.get", "jobs.get", "jobs.messages.list"]


@pytest.mark.parametrize(
    ("seen", "expected", "why"),
    [
        (job("JOB_STATE_CANCELLED"), (), "somebody stopped it."),
        (job("JOB_STATE_UPDATED", replacedByJobId="k"), (DONE,), "job k replaced it."),
        (job("JOB_STATE_DRAINED"), (DONE, "JOB_STATE_CANCELLED"), f"expected was {DONE} or JOB_STATE_CANCELLED."),
    ],
)
def test_a_bad_end_says_what_it_was(seen: dict[str, Any], expected: tuple[str, ...], why: str) -> None:
    watch = JobWatch(job=REF, policy=WaitPolicy(expected=expected, importance=None))
    assert Talk(seen)(wait_for_job(watch)).complaint == f"Job j (wc) in l ended as {seen['currentState']}: {why}"


def test_an_autoscaling_event_that_leaves_out_a_zero_ends_no_task() -> None:
    event = {"time": T0, "targetNumWorkers": "3", "description": {"messageText": "up"}}
    stream = MessageStream(REF.path, "JOB_MESSAGE_BASIC")
    Talk(Service(RUNNING, messages=({"autoscalingEvents": [event]},)))(stream.follow(retry_for=1))
    assert stream.scaling == [{"time": T0, "current": 0, "target": 3, "reason": "up"}]
