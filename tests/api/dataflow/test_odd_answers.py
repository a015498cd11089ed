"""Tests of answers with fields that are null, missing, or of another type: nobody fails for them with a Python error."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.conditions import Condition, MetricReached, ProgressReached
from airflow_dataflow_ext.api.dataflow.find_jobs import find_jobs
from airflow_dataflow_ext.api.dataflow.finished_jobs import Ledger, finished_jobs
from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.messages import MessageStream
from airflow_dataflow_ext.api.dataflow.replace import replaceable
from airflow_dataflow_ext.api.dataflow.usage import resources
from airflow_dataflow_ext.api.dataflow.wait import ActiveJobs, JobWatch
from airflow_dataflow_ext.api.rest.errors import DataflowExtError
from airflow_dataflow_ext.api.rest.steps import Conversation
from tests.talk import Json, Talk

PLACE = Place(project_id="p", location="l")
AT = PLACE.job("j")
ODD = (None, 5, "x", [], {}, [None], True)
JOBS = {"jobs": [{"id": "j", "name": "wc", "currentState": "JOB_STATE_RUNNING", "labels": {}, "currentStateTime": "2026-01-01T00:00:00Z"}]}
METRICS = {"metrics": [{"name": {"origin": "dataflow/v1b3", "name": "TotalVcpuTime", "context": {"step": "s"}}, "scalar": 7}]}
STAGES = {"stages": [{"stageId": "F1", "state": "EXECUTION_STATE_RUNNING", "progress": {"currentProgress": 0.5}}]}
MESSAGES = {
    "jobMessages": [{"id": "m", "time": "2026-01-01T00:00:00Z", "messageText": "It runs.", "messageImportance": "JOB_MESSAGE_BASIC"}],
    "autoscalingEvents": [{"time": "2026-01-01T00:00:00Z", "currentNumWorkers": "1", "description": {"messageText": "Up."}}],
}


def check(condition: Condition) -> Callable[[], Conversation[Any]]:
    return lambda: condition.check(AT, retry_for=0.0)


def ended() -> Conversation[Any]:
    return list(Ledger(latest=0.0).fresh((yield from finished_jobs(PLACE, 0.0))))


ASKING: dict[str, tuple[Json, Callable[[], Conversation[Any]]]] = {
    "active": (JOBS, lambda: ActiveJobs(PLACE).active([], {"j": None})),
    "ended": (JOBS, lambda: ActiveJobs(PLACE).ended([JobWatch(job=AT)], 60.0)),
    "events": (JOBS, ended),
    "by name": (JOBS, lambda: find_jobs(PLACE, name="wc")),
    "to replace": (JOBS, lambda: replaceable(PLACE, "wc")),
    "metric": (METRICS, check(MetricReached(metric="TotalVcpuTime", at_least=5, context={"step": "s"}))),
    "usage": (METRICS, lambda: resources(AT, {"vcpu_hours": 1.0})),
    "progress": (STAGES, check(ProgressReached(at_least=0.5))),
    "messages": (MESSAGES, lambda: MessageStream(AT.path, "JOB_MESSAGE_BASIC").follow(retry_for=0.0)),
}


def variants(value: Any) -> Iterator[Any]:
    """The value with each of its parts replaced, or left out, in turn."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        for odd in ODD:
            changed = copy.copy(value)
            changed[key] = odd
            yield changed
        if isinstance(value, dict):
            yield {name: part for name, part in value.items() if name != key}
        for changed_part in variants(value[key]):
            changed = copy.copy(value)
            changed[key] = changed_part
            yield changed


@pytest.mark.parametrize("name", ASKING)
def test_an_odd_answer_is_an_error_of_this_package_or_none(name: str) -> None:
    answer, asking = ASKING[name]
    tried = 0
    for odd in variants(answer):
        tried += 1
        with suppress(DataflowExtError):
            Talk(lambda _, odd=odd: odd)(asking())
    assert tried > 25


def test_a_job_without_an_id_hides_no_other() -> None:
    jobs = {"jobs": [{"name": "odd"}, *JOBS["jobs"]]}
    found, _ = Talk(jobs)(ActiveJobs(PLACE).active([], {"j": None}))
    assert list(found) == ["j"]
    assert [job["id"] for job in Talk(jobs)(find_jobs(PLACE, name="wc"))] == ["j"]
    assert [job["id"] for job in Talk(jobs)(ended())] == ["j"]


def test_what_a_job_used_is_not_known_if_its_metrics_are_odd() -> None:
    talk = Talk({"metrics": [None]})
    assert talk(resources(AT, {})) == {}
    assert talk.said == ["What the job used is not known: The service gave [None] as metrics, which is not a list of objects."]
