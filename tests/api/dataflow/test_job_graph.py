"""A job from its own graph."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.job_graph import CreateJobLaunch
from airflow_dataflow_ext.api.dataflow.launcher import DataflowLauncher
from airflow_dataflow_ext.api.dataflow.names import labels_of
from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import launch_once
from airflow_dataflow_ext.api.rest.errors import ForeignJobError, InvalidInputError
from tests.talk import RESET, Talk, refused

PLACE = Place(project_id="p", location="l")
JOB = {"name": "words", "type": "JOB_TYPE_BATCH", "stepsLocation": "gs://b/graph", "labels": {"team": "x"}}
IDENTITY = LaunchIdentity(dag_id="d", run_id="r", task_id="t")


def service(**fields: Any) -> DataflowLauncher:
    return DataflowLauncher(
        **{"launch": CreateJobLaunch(job=JOB), "place": Place(project_id="p", location="l"), "append_job_name": False, **fields}
    )


def test_the_request_carries_the_launchs_own_request_id_and_labels() -> None:
    talk = Talk({"id": "j", "clientRequestId": IDENTITY.suffix})
    launched = talk(launch_once(service(), IDENTITY, clear_key=0))
    assert launched.job["id"] == "j"
    body = talk.asked[0].body or {}
    assert body["clientRequestId"] == body["labels"]["airflow-launch"] == IDENTITY.suffix
    assert body["labels"]["team"] == "x"
    assert body["name"] == "words"


def test_a_job_of_another_caller_is_not_taken_for_ours() -> None:
    talk = Talk({"id": "j", "clientRequestId": "theirs"}, {"id": "j", "name": "words", "currentState": "JOB_STATE_RUNNING"})
    with pytest.raises(ForeignJobError, match="Job j is active in l under the name 'words'"):
        talk(launch_once(service(), IDENTITY, clear_key=0))


@pytest.mark.parametrize("trouble", [RESET, refused(409, "created by that request already", code="ALREADY_EXISTS")])
def test_a_job_whose_answer_was_lost_is_found_again(trouble: Any) -> None:
    mine = {"id": "j", "name": "words", "createTime": "2026-01-01T00:00:00Z", "labels": labels_of(IDENTITY)}
    talk = Talk(trouble, {"jobs": [mine]}, mine)
    assert talk(launch_once(service(), IDENTITY, clear_key=0)).job["id"] == "j"
    assert talk.verbs.count("jobs.create") == 1


def test_a_job_can_start_from_a_snapshot() -> None:
    request = CreateJobLaunch(job=JOB, snapshot_id="s1").request(PLACE, "words", labels_of(IDENTITY))
    assert (request.body or {})["createdFromSnapshotId"] == "s1"


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (["steps"], "must be a mapping"),
        ({"name": "words"}, "one of steps and stepsLocation"),
        ({**JOB, "steps": []}, "one of steps and stepsLocation"),
        ({"name": "words", "steps": []}, "one of steps and stepsLocation"),
        ({"name": "words", "stepsLocation": ""}, "one of steps and stepsLocation"),
        ({"name": "words", "stepsLocation": "graph.json"}, "job.stepsLocation must be a gs://bucket/object path"),
        ({"name": "words", "stepsLocation": "gs://b/g", "environment": {"workerZone": "us-east1"}}, "workerZone must be a zone"),
        ({**JOB, "clientRequestId": "x", "id": "j"}, "must not hold clientRequestId, id"),
        ({**JOB, "name": None}, "job.name is missing"),
        ({**JOB, "environment": {"workerPools": [{"numWorkers": "many"}]}}, r"job.environment.workerPools\[0\].numWorkers must be a whole"),
        ({**JOB, "labels": {"Team": "x"}}, "job.labels: 'Team'"),
        ({**JOB, "labels": ["x"]}, "job.labels must be a mapping"),
    ],
)
def test_a_wrong_job_is_refused(job: Any, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        CreateJobLaunch(job=job)
