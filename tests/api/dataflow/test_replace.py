"""Replacing a running streaming job, without a wire."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.launcher import DataflowLauncher
from airflow_dataflow_ext.api.dataflow.names import labels_of
from airflow_dataflow_ext.api.dataflow.templates import TemplateLaunch
from airflow_dataflow_ext.api.dataflow.wait import JobStream, WaitPolicy
from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import launch_once, stop_launched
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.rest.errors import LaunchError
from tests.talk import RESET, Talk, refused

AT = JobRef(place=Place(project_id="p", location="l"), id="-")
NEW_AT = JobRef(place=Place(project_id="p", location="l"), id="new")
IDENTITY = LaunchIdentity(dag_id="d", run_id="r", task_id="t")
OLD = {"id": "old", "name": "words", "currentState": "JOB_STATE_RUNNING", "createTime": "2026-01-01T00:00:00Z"}
NEW = {"id": "new", "name": "words", "currentState": "JOB_STATE_RUNNING", "replaceJobId": "old", "createTime": "2026-01-02T00:00:00Z"}


def service() -> DataflowLauncher:
    launch = TemplateLaunch(template="gs://t/x", job_name="words", update=True, transform_name_mapping={"a": "b"})
    return DataflowLauncher(launch=launch, place=AT.place)


def launch(talk: Talk) -> Any:
    return talk(launch_once(service(), IDENTITY, clear_key=0))


def test_a_replacement_keeps_the_name_of_the_job_that_it_replaces() -> None:
    talk = Talk({"jobs": [OLD, {**OLD, "id": "x", "name": "words-2"}]}, {"job": {"id": "new"}})
    assert launch(talk).job["id"] == "new"
    body = talk.asked[-1].body or {}
    assert (body["jobName"], body["update"], body["transformNameMapping"]) == ("words", True, {"a": "b"})


def test_a_job_that_still_starts_is_waited_for() -> None:
    pending = {**OLD, "currentState": "JOB_STATE_PENDING"}
    talk = Talk({"jobs": [pending]}, {"jobs": [pending]}, {"jobs": [OLD]}, {"job": {"id": "new"}})
    launch(talk)
    assert talk.slept == [5.0, 5.0]
    assert talk.said == ["A job can be replaced once it runs; waiting: old is in JOB_STATE_PENDING."]


def test_without_a_job_to_replace_nothing_is_launched() -> None:
    with pytest.raises(LaunchError, match="no job named 'words' is active in p/l"):
        launch(Talk({}, {}))


def test_a_job_to_replace_that_runs_in_another_location_is_named() -> None:
    elsewhere = {"jobs": [{**OLD, "location": "l"}, {**OLD, "id": "there", "name": "words", "location": "europe-west1"}]}
    with pytest.raises(LaunchError, match=r"Job there \(words\) is active in europe-west1: set location='europe-west1'\."):
        launch(Talk({}, elsewhere))


def test_a_job_that_never_comes_to_run_is_an_error() -> None:
    talk = Talk(lambda request: {"jobs": [{**OLD, "currentState": "JOB_STATE_QUEUED"}]})
    with pytest.raises(LaunchError, match="has started to run within 300 s, so none can be replaced: old is in JOB_STATE_QUEUED"):
        launch(talk)


def test_a_replacement_whose_answer_was_lost_is_not_mistaken_for_the_old_job() -> None:
    labelled = {**NEW, "labels": labels_of(IDENTITY)}
    talk = Talk({"jobs": [OLD]}, RESET, {"jobs": [NEW, OLD]}, labelled)
    assert launch(talk).job["id"] == "new"
    assert talk.verbs.count("templates.launch") == 1


def test_a_replacement_that_was_not_sent_is_sent_again() -> None:
    talk = Talk({"jobs": [OLD]}, RESET, *[{"jobs": [OLD]}] * 5, {"job": {"id": "new"}})
    assert launch(talk).job["id"] == "new"


@pytest.mark.parametrize(("state", "stopped"), [("RUNNING", False), ("PENDING", True)])
def test_a_replacement_that_has_taken_over_is_not_stopped_by_a_kill(state: str, stopped: bool) -> None:
    talk = Talk({"jobs": [OLD]}, {"job": {"id": "new"}})
    launch(talk)
    now = {**NEW, "currentState": f"JOB_STATE_{state}"}
    talk.answers = [now, now, {}, {**NEW, "currentState": "JOB_STATE_CANCELLED"}]
    talk(stop_launched(service(), IDENTITY))
    assert ("jobs.update" in talk.verbs) is stopped


def ending(job: dict[str, Any], *answers: Any) -> tuple[JobStream, Talk]:
    """What is logged at the end of a wait for a replacement."""
    stream, talk = JobStream(NEW_AT, WaitPolicy(replaces=True)), Talk(*answers)
    talk(stream.final({**job, "type": "JOB_TYPE_BATCH"}))
    return stream, talk


def test_the_log_says_which_job_took_over() -> None:
    _, talk = ending(NEW, OLD, {**OLD, "currentState": "JOB_STATE_UPDATED"})
    assert talk.said == ["Job new took over from job old, which ended as JOB_STATE_UPDATED."]


def test_a_failed_replacement_says_what_became_of_the_old_job() -> None:
    summary = {"id": "new", "currentState": "JOB_STATE_FAILED"}
    stream, talk = ending(summary, {**summary, "replaceJobId": "old"}, OLD, lambda request: {})
    complaint = stream.complaint(summary, talk(stream.ending(summary, Phase.FAILED)).reason)
    assert complaint.endswith("ended as JOB_STATE_FAILED. The job that it was to replace, old, is in JOB_STATE_RUNNING.")


def test_of_a_job_that_replaces_none_nothing_is_said() -> None:
    assert ending(OLD, OLD)[1].said == []


def test_an_old_job_that_cannot_be_read_is_no_trouble() -> None:
    _, talk = ending(NEW, refused(403, "no dataflow.jobs.get"))
    assert talk.said[0].startswith("The job that it replaces cannot be read:")
