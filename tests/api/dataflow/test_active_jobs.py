"""Tests of the list of a place's active jobs."""

from __future__ import annotations

from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.wait import ActiveJobs
from tests.talk import Talk, refused

RUNNING, QUEUED = "JOB_STATE_RUNNING", "JOB_STATE_QUEUED"
PLACE = Place(project_id="p", location="l")


def test_only_news_of_those_who_are_waited_for_is_kept() -> None:
    first = {
        "jobs": [
            {"id": "same", "currentState": RUNNING, "name": "same"},
            {"id": "a stranger's", "currentState": RUNNING},
            {"id": "moved", "currentState": RUNNING, "name": "moved", "jobMetadata": {"sdkVersion": {}}, "stageStates": []},
        ],
        "nextPageToken": "2",
    }
    second = {"jobs": [{"id": "new", "currentState": QUEUED}, {"id": "stateless"}, {"id": "nameless"}]}
    known = {"same": RUNNING, "moved": QUEUED, "new": None, "stateless": None, "nameless": "JOB_STATE_UNKNOWN", "over": RUNNING}
    found, calls = Talk(first, second)(ActiveJobs(PLACE).active([], known))
    assert calls == 2
    assert found == {
        "same": None,
        "moved": {"id": "moved", "currentState": RUNNING, "name": "moved"},
        "new": {"id": "new", "currentState": QUEUED},
        "stateless": {"id": "stateless"},
        "nameless": None,
    }


def test_what_an_expired_page_has_shown_does_not_count() -> None:
    jobs = [{"id": "a", "currentState": RUNNING}, {"id": "b", "currentState": RUNNING}]
    talk = Talk({"jobs": jobs, "nextPageToken": "2"}, refused(400, "The page token has expired."), {"jobs": jobs[:1]})
    assert talk(ActiveJobs(PLACE).active([], dict.fromkeys("ab", RUNNING))) == ({"a": None}, 1)
