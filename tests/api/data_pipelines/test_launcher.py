"""Tests of how the job of a pipeline's run is found again."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dataflow_ext.api.data_pipelines.launcher import PipelineRunLauncher
from airflow_dataflow_ext.api.data_pipelines.pipelines import PipelineRef
from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
from tests.talk import Json, Talk

IDENTITY = LaunchIdentity(dag_id="d", run_id="r", task_id="t")
RECORD = LaunchRecord(step="intended", generation=0, clear_key=0, job_name="p", since=1_000_000.0, others=("before",))
LAUNCHER = PipelineRunLauncher(pipeline=PipelineRef(place=Place(project_id="p", location="l"), id="nightly"))
IN_TIME = "1970-01-12T13:46:40Z"


def found(*runs: Json) -> Any:
    """The id of the job that is taken for the launch's, if these are the pipeline's newest."""
    answers = {"pipelines.jobs.list": {"jobs": [{"id": "before"}, *runs]}, "pipelines.get": {}}
    talk = Talk(lambda request: answers.get(request.method.id, {"id": request.path.rsplit("/", 1)[-1]}))
    job = talk(LAUNCHER.find(RECORD, IDENTITY))
    return job and job["id"]


@pytest.mark.parametrize("odd", [{}, {"createTime": None}, {"createTime": "yesterday"}, {"createTime": 5}], ids=str)
def test_a_run_whose_time_cannot_be_read_is_taken_only_if_no_other_is_new(odd: Json) -> None:
    assert found({"id": "odd", **odd}, {"id": "mine", "createTime": IN_TIME}) == "mine"
    assert found({"id": "odd", **odd}, {"id": "old", "createTime": "1970-01-02T00:00:00Z"}) == "odd"


def test_a_run_from_before_the_launch_is_none_of_its() -> None:
    assert found({"id": "old", "createTime": "1970-01-02T00:00:00Z"}) is None
