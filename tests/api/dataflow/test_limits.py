"""What a job may use: when that is looked at, and what becomes of a job that uses more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.usage import Spending
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import InvalidInputError, JobEndError
from airflow_dataflow_ext.api.rest.method import Request
from tests.talk import Talk, refused

REF = JobRef(place=Place(project_id="p", location="l"), id="j")
BEGIN = 1_000_000.0
RUNNING, DONE, CANCELLED, DRAINED = "JOB_STATE_RUNNING", "JOB_STATE_DONE", "JOB_STATE_CANCELLED", "JOB_STATE_DRAINED"


class Spender:
    """A job that uses one vCPU hour each minute; stopped, it ends at the next look.

    :param ends_at: seconds after its creation when it is done by itself.
    """

    def __init__(self, type: str = "JOB_TYPE_BATCH", ends_at: float = 1e9) -> None:  # noqa: A002
        self.talk = Talk(self.answer, now=BEGIN)
        self.type = type
        self.created: Any = datetime.fromtimestamp(BEGIN, UTC).isoformat()
        self.ends_at = ends_at
        self.stopped = ""
        self.metrics: list[float] = []
        self.trouble: list[Any] = []

    @property
    def age(self) -> float:
        return self.talk.now - BEGIN

    def answer(self, request: Request) -> Any:
        match request.method.id:
            case "jobs.getMetrics":
                self.metrics.append(self.age)
                if self.trouble:
                    return self.trouble.pop(0)
                name = {"origin": "dataflow/v1b3", "name": "TotalVcpuTime", "context": {}}
                return {"metrics": [{"name": name, "scalar": self.age * 60}]}
            case "jobs.update":
                self.stopped = str((request.body or {})["requestedState"])
        state = self.stopped or (DONE if self.age >= self.ends_at else RUNNING)
        return {"id": "j", "name": "wc", "location": "l", "currentState": state, "type": self.type, "createTime": self.created}

    def wait(self, *, drain: bool = False, **limits: Any) -> Any:
        spending = Spending(prices={"vcpu_hours": 0.5}, **limits)
        policy = WaitPolicy(importance=None, spending=spending, drain=drain, to_the_end=True)
        return self.talk(wait_for_job(JobWatch(job=REF, policy=policy)))


def test_a_job_over_its_limit_is_stopped_within_two_looks_and_fails_with_the_figures() -> None:
    spender = Spender()
    outcome = spender.wait(max_vcpu_hours=8)  # which it uses in eight minutes
    assert (outcome.phase, outcome.state, outcome.cause) == (Phase.FAILED, CANCELLED, "limit")
    assert 480 < spender.metrics[1] <= 480 + budgets.USAGE_EVERY
    assert outcome.complaint.startswith("Job j (wc) in l ended as JOB_STATE_CANCELLED: it used 10")
    assert outcome.complaint.endswith("vCPU h, and max_vcpu_hours is 8.")
    with pytest.raises(JobEndError) as raised:
        outcome.result()
    assert raised.value.lasting


@pytest.mark.parametrize("created", [None, "", "soon", 12])
def test_a_job_whose_creation_has_no_readable_time_is_stopped_all_the_same(created: Any) -> None:
    spender = Spender()
    spender.created = created
    assert spender.wait(max_vcpu_hours=8).cause == "limit"


def test_cost_counts_by_the_prices() -> None:
    outcome = Spender().wait(max_cost=4)
    assert outcome.cause == "limit"
    assert "by the given prices, and max_cost is 4" in outcome.reason


def test_what_a_job_used_is_asked_for_once_in_five_minutes_and_not_while_it_is_young() -> None:
    spender = Spender(ends_at=3600)
    assert spender.wait(max_vcpu_hours=100).phase is Phase.SUCCEEDED
    assert len(spender.metrics) == 11
    assert spender.metrics[0] >= budgets.USAGE_EVERY
    assert all(later - earlier >= budgets.USAGE_EVERY for earlier, later in zip(spender.metrics, spender.metrics[1:], strict=False))


def test_without_a_limit_nobody_asks() -> None:
    spender = Spender(ends_at=3600)
    assert spender.wait().phase is Phase.SUCCEEDED
    assert spender.metrics == []


@pytest.mark.parametrize(("drain", "state"), [(False, CANCELLED), (True, DRAINED)])
def test_a_streaming_job_is_stopped_as_a_kill_would_stop_it(drain: bool, state: str) -> None:
    outcome = Spender("JOB_TYPE_STREAMING").wait(max_vcpu_hours=1, drain=drain)
    assert (outcome.phase, outcome.state, outcome.cause) == (Phase.FAILED, state, "limit")


def test_a_batch_job_is_cancelled_for_it_cannot_be_drained() -> None:
    assert Spender().wait(max_vcpu_hours=1, drain=True).state == CANCELLED


def test_whoever_waits_next_finds_that_the_limit_was_the_reason() -> None:
    spender = Spender()
    spender.talk.now += 600
    spender.stopped = DRAINED  # by a triggerer that died then
    outcome = spender.wait(max_vcpu_hours=8)
    assert (outcome.phase, outcome.cause) == (Phase.FAILED, "limit")


def test_a_job_that_ended_by_itself_has_done_its_work() -> None:
    spender = Spender(ends_at=200)  # before the first look at what it used
    assert spender.wait(max_vcpu_hours=1).phase is Phase.SUCCEEDED


def test_a_job_that_somebody_drained_within_its_limit_has_ended_well() -> None:
    spender = Spender("JOB_TYPE_STREAMING")
    spender.talk.now += 60
    spender.stopped = DRAINED
    assert spender.wait(max_vcpu_hours=8).phase is Phase.SUCCEEDED


def test_trouble_with_metrics_is_said_and_they_are_asked_for_again_five_minutes_later() -> None:
    spender = Spender()
    spender.trouble = [refused(403, "no dataflow.metrics.get")]
    assert spender.wait(max_vcpu_hours=1).cause == "limit"
    assert ["dataflow.metrics.get" in text for text in spender.talk.said if "is not known" in text] == [True]
    assert spender.metrics[1] - spender.metrics[0] >= budgets.USAGE_EVERY


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"max_cost": 5}, "max_cost needs prices"),
        ({"max_cost": 5, "prices": {"vcpu_hours": 0}}, "max_cost needs prices"),
        ({"max_vcpu_hours": 0}, "max_vcpu_hours must be more than 0, not 0"),
        ({"max_vcpu_hours": "many"}, "max_vcpu_hours must be a number, not 'many'"),
    ],
)
def test_a_limit_that_is_none_is_refused(limits: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        Spending(**limits)
