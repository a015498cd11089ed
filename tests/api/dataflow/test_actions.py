"""Actions on jobs that are there already, without a wire."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.actions import SnapshotAction, StopAction, action_of
from airflow_dataflow_ext.api.dataflow.find_jobs import find_jobs
from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.rest.errors import InvalidInputError, JobError, NoAnswerError, NotFoundError, PermissionDeniedError
from airflow_dataflow_ext.api.rest.method import NoReply
from tests.talk import RESET, Talk, refused

AT = Place(project_id="p", location="l")
JOB = {"id": "j1", "name": "words-a", "type": "JOB_TYPE_STREAMING", "currentState": "JOB_STATE_RUNNING"}
CANCELLING = {**JOB, "currentState": "JOB_STATE_CANCELLING", "currentStateTime": "1970-01-12T13:46:40Z"}  # Talk's clock begins here
TOO_EARLY = refused(400, "Job j1 is not yet ready for canceling.")
TOO_EARLY_FOR_FORCE = refused(400, "only after it has been cancelling for 30 minutes")


def ended(state: str, **fields: Any) -> dict[str, Any]:
    return {**JOB, **fields, "currentState": f"JOB_STATE_{state}"}


def stop(**fields: Any) -> StopAction:
    return StopAction(**{"place": AT, "job_ids": ("j1",), "poll_sleep": 600.0, **fields})


def asked(talk: Talk) -> list[Any]:
    return [(request.body or {}).get("labels") or (request.body or {})["requestedState"] for request in talk.asked if request.body]


@pytest.mark.parametrize("state", ["DONE", "FAILED", "CANCELLED", "DRAINED", "UPDATED"])
def test_however_a_job_ends_meanwhile_it_has_stopped(state: str) -> None:
    no_reason = {"jobMessages": []}
    assert Talk(JOB, {}, ended(state), *[no_reason] * 9)(stop().perform()) == [ended(state)]


@pytest.mark.parametrize("job_ids", [("j1", "j2"), ("j2", "j1")])
def test_a_job_that_cannot_be_read_keeps_no_other_from_being_stopped(job_ids: tuple[str, ...]) -> None:
    def answer(request: Any) -> Any:
        if "jobs/j1" in request.path:
            return refused(404, "No such job.")
        return {"jobs": []} if "aggregated" in request.path else {} if request.body else ended("CANCELLED") if asked(talk) else JOB

    talk = Talk(answer)
    with pytest.raises(JobError, match=r"1 of 2 jobs go on: job j1 in p/l: .* 404"):
        talk(stop(job_ids=job_ids, drain=False).perform())
    assert asked(talk) == ["JOB_STATE_CANCELLED"]


def test_an_outage_ends_a_stop_in_time() -> None:
    talk = Talk(lambda _: RESET)
    with pytest.raises(NoAnswerError):
        talk(stop(job_ids=("j1", "j2"), until=talk.now + 60.0).perform())
    assert sum(talk.slept) <= 60.0


def test_a_job_that_is_too_young_is_asked_again() -> None:
    talk = Talk(JOB, TOO_EARLY, JOB, {}, CANCELLING, ended("CANCELLED"))
    talk(stop(drain=False).perform())
    assert asked(talk) == ["JOB_STATE_CANCELLED"] * 2


def test_a_job_is_asked_once_even_if_it_does_not_show_it_yet() -> None:
    talk = Talk(JOB, {}, JOB, JOB, ended("DRAINED"))
    talk(stop().perform())
    assert asked(talk) == ["JOB_STATE_DRAINED"]


def test_a_job_that_drains_is_cancelled_when_that_is_asked() -> None:
    talk = Talk(ended("DRAINING"), {}, ended("CANCELLED"))
    talk(stop(drain=False).perform())
    assert asked(talk) == ["JOB_STATE_CANCELLED"]


def test_a_job_that_takes_too_long_to_cancel_is_cancelled_by_force() -> None:
    talk = Talk(CANCELLING, CANCELLING, CANCELLING, CANCELLING, TOO_EARLY_FOR_FORCE, CANCELLING, {}, ended("CANCELLED"))
    talk(stop(force_after=1800.0, drain=False).perform())
    assert asked(talk) == [{"force_cancel_job": "true"}] * 2
    assert sum(talk.slept) >= 1800


def test_a_wait_that_is_over_says_what_still_moves() -> None:
    talk = Talk(JOB, {}, ended("DRAINING"), now=0.0)
    with pytest.raises(JobError, match="job j1 in p/l is in JOB_STATE_DRAINING"):
        talk(stop(until=600.0).perform())


def test_without_a_wait_the_jobs_are_only_asked() -> None:
    talk = Talk(JOB, {})
    assert talk(stop(wait=False).perform()) == [JOB]
    assert talk.slept == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [({"name": "words"}, ["j2"]), ({"prefix": "words"}, ["j1", "j2"]), ({"prefix": "nothing"}, [])],
)
def test_jobs_are_found_by_their_exact_name_or_its_beginning(wanted: Any, found: list[str]) -> None:
    talk = Talk({"jobs": [JOB, {**JOB, "id": "j2", "name": "words"}, {**JOB, "id": "j3", "name": "other-words"}]}, {})
    assert [job["id"] for job in talk(find_jobs(AT, **wanted))] == found
    assert ("filter", "ACTIVE") in talk.asked[0].query


def test_what_the_service_refuses_for_one_job_holds_up_no_other() -> None:
    def answer(request: Any) -> Any:
        if request.body:
            return refused(403) if request.path.endswith("j1") else {}
        return JOB if request.path.endswith("j1") else ended("DRAINED", id="j2")

    talk = Talk(answer)
    with pytest.raises(JobError, match=r"1 of 2 jobs go on: job j1 in p/l: .* 403"):
        talk(stop(job_ids=("j1", "j2")).perform())
    assert "job j2 in p/l ended as JOB_STATE_DRAINED." in talk.said


def test_a_refusal_for_the_only_job_is_that_error() -> None:
    with pytest.raises(PermissionDeniedError):
        Talk(JOB, refused(403))(stop().perform())


def test_a_forced_cancel_is_sent_once_while_the_job_goes_on() -> None:
    cancelling = {**CANCELLING, "currentStateTime": "1970-01-12T12:46:40Z"}
    talk = Talk(lambda request: {} if request.body else (cancelling if len(talk.slept) < 30 else ended("CANCELLED")))
    talk(stop(force_after=1800.0, drain=False, poll_sleep=10.0).perform())
    assert asked(talk) == [{"force_cancel_job": "true"}]


def test_a_forced_cancel_that_comes_too_early_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="1800 seconds or more"):
        stop(force_after=60.0)


def test_a_job_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(NotFoundError):
        Talk(refused(404, "no such job"), {"jobs": []})(stop().perform())


SNAPSHOT = {"id": "s1", "state": "PENDING", "sourceJobId": "j1", "description": "before release (airflow 0a1b)"}


def snapshot(**fields: Any) -> SnapshotAction:
    return SnapshotAction(**{"job": AT.job("j1"), "mark": "airflow 0a1b", "description": "before release", **fields})


def test_a_snapshot_is_taken_and_waited_for() -> None:
    ready = {**SNAPSHOT, "state": "READY"}
    talk = Talk({}, SNAPSHOT, {**SNAPSHOT, "state": "RUNNING"}, ready)
    assert talk(snapshot().perform()) == ready
    body = talk.asked[1].body or {}
    assert body == {"ttl": "604800s", "snapshotSources": False, "description": "before release (airflow 0a1b)"}


def test_a_snapshot_of_an_earlier_attempt_is_taken_over() -> None:
    talk = Talk({"snapshots": [{"id": "s0", "description": "before release (airflow ffff)"}, {**SNAPSHOT, "state": "READY"}]})
    assert talk(snapshot().perform())["id"] == "s1"
    assert talk.verbs == ["snapshots.list"]


def test_a_failed_snapshot_of_an_earlier_attempt_is_not() -> None:
    talk = Talk({"snapshots": [{**SNAPSHOT, "state": "FAILED"}]}, {**SNAPSHOT, "id": "s2", "state": "READY"})
    assert talk(snapshot().perform())["id"] == "s2"


def test_a_snapshot_whose_answer_was_lost_is_found_and_not_taken_twice() -> None:
    talk = Talk({}, RESET, {}, {"snapshots": [{**SNAPSHOT, "state": "READY"}]})
    assert talk(snapshot().perform())["id"] == "s1"
    assert talk.verbs.count("jobs.snapshot") == 1


@pytest.mark.parametrize("reply", [{}, {"id": None, "state": "PENDING"}, {"id": ""}])
def test_a_snapshot_that_the_reply_does_not_name_is_looked_for(reply: dict[str, Any]) -> None:
    nobodys = {"id": "s0", "description": None, "state": "READY"}
    without_id = {"description": SNAPSHOT["description"], "state": "READY"}
    talk = Talk({"snapshots": [nobodys]}, reply, {"snapshots": [nobodys, without_id, {**SNAPSHOT, "state": "READY"}]})
    assert talk(snapshot().perform())["id"] == "s1"
    assert talk.verbs.count("jobs.snapshot") == 1


def test_a_later_reply_that_does_not_name_the_snapshot_is_no_answer() -> None:
    ready = {**SNAPSHOT, "state": "READY"}
    assert Talk({}, SNAPSHOT, {"state": "READY"}, ready)(snapshot().perform()) == ready


def test_a_snapshot_that_never_comes_is_an_error_in_the_end() -> None:
    talk = Talk(lambda request: RESET if request.method.id == "jobs.snapshot" else {})
    with pytest.raises(NoAnswerError):
        talk(snapshot().perform())
    assert talk.verbs.count("jobs.snapshot") == 4


def test_a_snapshot_that_was_not_asked_for_is_not_looked_for() -> None:
    unsent = NoReply(reason="no token", sent=False)
    talk = Talk(lambda request: unsent if request.method.id == "jobs.snapshot" else {})
    with pytest.raises(NoAnswerError, match="was not sent"):
        talk(snapshot().perform())
    assert talk.verbs.count("snapshots.list") == 1


@pytest.mark.parametrize("state", ["FAILED", "DELETED"])
def test_a_snapshot_that_fails_is_an_error(state: str) -> None:
    with pytest.raises(JobError, match=f"Snapshot s1 of job j1 in p/l is in state {state}"):
        Talk({}, SNAPSHOT, {**SNAPSHOT, "state": state})(snapshot().perform())


def test_a_new_snapshot_that_is_not_readable_yet_is_looked_for_in_the_list() -> None:
    talk = Talk({}, SNAPSHOT, refused(404), {"snapshots": [{**SNAPSHOT, "state": "READY"}]})
    assert talk(snapshot().perform())["state"] == "READY"


def test_a_snapshot_that_takes_too_long_is_an_error() -> None:
    talk = Talk({}, SNAPSHOT, lambda request: SNAPSHOT, now=0.0)
    with pytest.raises(JobError, match="not ready in time; it is in PENDING"):
        talk(snapshot(until=60.0).perform())


@pytest.mark.parametrize("action", [stop(), snapshot()])
def test_an_action_survives_its_way_to_the_triggerer(action: Any) -> None:
    assert action_of(action.serialize()) == action
