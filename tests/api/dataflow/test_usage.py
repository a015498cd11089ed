"""What a job used and cost."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.usage import check_prices, resources, totals
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from tests.talk import Talk, refused

JOB = JobRef(place=Place(project_id="p", location="l"), id="j")


def metric(name: str, scalar: Any, origin: str = "dataflow/v1b3", **context: str) -> dict[str, Any]:
    return {"name": {"origin": origin, "name": name, "context": context}, "scalar": scalar}


METRICS = [
    metric("TotalVcpuTime", 7200),
    metric("TotalVcpuTime", 9999, tentative="true"),
    metric("TotalMemoryUsage", 1024 * 3600 * 8),
    metric("TotalPdUsage", 3600 * 250),
    metric("BillableShuffleDataProcessed", 1.5),
    metric("ElementCount", 12, original_name="x-ElementCount"),
    metric("TotalVcpuTime", 5, origin="user", namespace="mine"),
]
USED = {"vcpu_hours": 2.0, "memory_gb_hours": 8.0, "disk_gb_hours": 250.0, "billable_shuffle_gb": 1.5}


def test_committed_service_metrics_become_totals_in_units_of_a_bill() -> None:
    assert totals(METRICS) == USED


def test_a_metric_that_is_missing_is_left_out() -> None:
    assert totals([metric("CurrentVcpuCount", 4), metric("TotalPdUsage", None)]) == {}


def test_totals_and_cost_are_said() -> None:
    talk = Talk({"metrics": METRICS})
    found = talk(resources(JOB, {"vcpu_hours": 0.05, "memory_gb_hours": 0.0025}))
    assert found == {"resources": USED, "estimatedCost": {"amount": pytest.approx(0.12), "without": []}}
    assert talk.said == [
        "The job used 2 vCPU h, 8 GB h memory, 250 GB h disk, 1.5 GB shuffled billably.",
        "By the given prices that costs about 0.12.",
    ]


def test_an_estimate_says_what_it_leaves_out() -> None:
    talk = Talk({"metrics": METRICS})
    found = talk(resources(JOB, {"vcpu_hours": 0.05, "streaming_gb": 0.018}))
    assert found["estimatedCost"] == {"amount": pytest.approx(0.1), "without": ["streaming_gb"]}
    assert talk.said[-1] == "By the given prices that costs about 0.1 without streaming_gb, of which the service says nothing."


def test_without_a_total_that_has_a_price_nothing_is_estimated() -> None:
    assert Talk({"metrics": METRICS})(resources(JOB, {"streaming_gb": 1})) == {"resources": USED}
    assert Talk({"metrics": METRICS})(resources(JOB, {})) == {"resources": USED}


@pytest.mark.parametrize(("answer", "words"), [({}, "has no totals"), (refused(403, "no dataflow.metrics.get"), "no dataflow.metrics.get")])
def test_a_job_whose_metrics_cannot_be_read_is_no_trouble(answer: Any, words: str) -> None:
    talk = Talk(answer)
    assert talk(resources(JOB, {"vcpu_hours": 1})) == {}
    assert words in talk.said[0]


@pytest.mark.parametrize(
    "prices", [{"cpu": 1}, {"vcpu_hours": "much"}, {"vcpu_hours": -1}, {"vcpu_hours": True}, {"vcpu_hours": float("nan")}]
)
def test_prices_that_are_none_are_refused(prices: Any) -> None:
    with pytest.raises(InvalidInputError, match="prices"):
        check_prices(prices)
