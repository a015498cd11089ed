"""What is kept of a job: small, complete, and one summary out of several places."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from airflow_dataflow_ext.api.jobs.facts import (
    MOST_BYTES,
    MOST_TRIES,
    Summary,
    fitted,
    latest,
    merged,
    shortened,
    size,
    state_times,
    thinned,
)

LAUNCHED = Summary(service="dataflow", job_id="j", name="words", launched="2026-01-01T00:00:00Z", seen="2026-01-01T00:00:01Z", generation=2)
ENDED = Summary(service="dataflow", job_id="j", state="JOB_STATE_DONE", phase="succeeded", seen="2026-01-01T01:00:00Z", cost=1.5)


def test_a_summary_survives_its_storage() -> None:
    known = LAUNCHED.of_try(1, adopted=False, at="2026-01-01T00:00:01Z", earlier=None)
    assert Summary.read(known.value()) == replace(known, tries=known.value()["tries"])


@pytest.mark.parametrize(
    "value", [None, "text", [], {}, {"version": 2, "service": "dataflow", "job_id": "j"}, {"version": 1, "service": "x"}]
)
def test_what_is_no_summary_is_none(value: Any) -> None:
    assert Summary.read(value) is None


def test_the_end_keeps_what_the_launch_knew() -> None:
    found = latest(ENDED.value(), LAUNCHED.value())
    assert found is not None
    assert (found.name, found.launched, found.generation, found.phase, found.cost) == ("words", LAUNCHED.launched, 2, "succeeded", 1.5)


def test_another_job_inherits_nothing() -> None:
    found = latest(LAUNCHED.value(), replace(ENDED, job_id="other").value())
    assert found is not None
    assert (found.job_id, found.name) == ("other", "")


def test_the_tries_of_a_task_stay_with_their_jobs() -> None:
    first = LAUNCHED.of_try(1, adopted=False, at="a", earlier=None)
    second = replace(LAUNCHED, job_id="k").of_try(2, adopted=False, at="b", earlier=Summary.read(first.value()))
    again = second.of_try(2, adopted=True, at="c", earlier=Summary.read(second.value()))
    assert [(entry["try"], entry["job_id"], entry["adopted"]) for entry in again.tries] == [(1, "j", False), (2, "k", True)]
    ended = Summary.read(merged(again.value(), replace(ENDED, job_id="k").value()))
    assert ended is not None
    assert len(ended.tries) == 2


def test_the_tries_that_are_kept_have_a_bound() -> None:
    known: Summary | None = None
    for number in range(1, 100):
        known = LAUNCHED.of_try(number, adopted=True, at="", earlier=known)
    assert known is not None
    assert [known.tries[0]["try"], len(known.tries)] == [100 - MOST_TRIES, MOST_TRIES]


def test_a_thinned_series_keeps_its_ends() -> None:
    points = list(range(1000))
    found = thinned(points, 50)
    assert (len(found), found[0], found[-1]) == (50, 0, 999)
    assert found == sorted(set(found))


@pytest.mark.parametrize("name", ["workers", "nodes", "stages"])
def test_the_largest_job_fits(name: str) -> None:
    wide = [{"name": f"{number}" * 200, "text": "x" * 400} for number in range(5000)]
    kept = fitted({name: wide, "states": [["JOB_STATE_RUNNING", "t"]], "error": "e" * 10**6, "seen": "t"})
    assert size(kept) + size(LAUNCHED.value()) < MOST_BYTES
    assert kept["states"] == [["JOB_STATE_RUNNING", "t"]]
    assert kept[name]


def test_even_one_huge_thing_fits() -> None:
    assert size(fitted({"nodes": ["x" * 10**6], "seen": "t"})) < MOST_BYTES


def test_a_cut_text_says_so() -> None:
    assert shortened("x" * 1000, 100).endswith("... (1,000 characters)")
    assert len(shortened("x" * 1000, 100)) <= 105


def test_a_state_in_a_row_stands_once() -> None:
    assert state_times([("A", "1"), ("A", "2"), ("B", "3"), ("A", "4")]) == [["A", "1"], ["B", "3"], ["A", "4"]]
