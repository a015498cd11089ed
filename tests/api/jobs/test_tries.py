"""Retries and clears of a task that starts in the triggerer are said apart by what its tries leave behind."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from airflow_dataflow_ext.api.jobs.tries import Tries
from airflow_dataflow_ext.api.rest.errors import LaunchRecordError

FIRST = Tries(attempt="a", number=1, first=1, retries=2).recording({"step": "launched"})


def entered(known: Tries | None, attempt: str, number: int, retries: int = 2) -> Tries:
    return Tries.entered(known, attempt, number=number, retries=retries)


def test_a_task_without_a_past_begins() -> None:
    assert entered(None, "a", 2) == Tries(attempt="a", number=2, first=2, retries=2)


def test_a_try_in_another_triggerer_goes_on() -> None:
    assert entered(FIRST, "a", 1) is FIRST


def test_a_try_after_one_that_failed_is_its_retry() -> None:
    assert entered(replace(FIRST, failed=True), "b", 2) == replace(FIRST, attempt="b", number=2)


def test_a_try_after_one_that_did_not_fail_follows_a_clear() -> None:
    assert entered(FIRST, "b", 2) == replace(FIRST, attempt="b", number=2, first=2, clears=1)


@pytest.mark.parametrize(("number", "retries", "clears"), [(2, 0, 1), (2, 1, 0), (3, 1, 1), (3, 2, 0), (4, 2, 1)])
def test_a_try_after_the_last_retry_follows_a_clear(number: int, retries: int, clears: int) -> None:
    assert entered(replace(FIRST, failed=True, retries=retries), "b", number).clears == clears


@pytest.mark.parametrize("retries", [0, 1, 5])
def test_retries_that_the_dag_file_changes_meanwhile_turn_no_retry_into_a_clear(retries: int) -> None:
    third = entered(entered(replace(FIRST, failed=True), "b", 2, retries), "c", 3, retries)
    assert (third.clears, third.retries) == (1, retries)  # nobody noted that the second try failed
    assert entered(replace(FIRST, failed=True), "c", 3, retries).clears == 0


def test_what_an_older_version_has_stored_is_read() -> None:
    value = FIRST.value()
    del value["retries"]
    assert Tries.read(value) == replace(FIRST, retries=0)


def test_retries_count_anew_from_a_clear_on() -> None:
    cleared = entered(replace(FIRST, failed=True), "b", 4, 2)
    assert [entered(replace(cleared, failed=True), "c", number, 2).clears for number in (5, 6, 7)] == [1, 1, 2]


def test_a_record_belongs_to_the_try_that_wrote_it() -> None:
    assert FIRST.recorded_here == {"step": "launched"}
    later = entered(replace(FIRST, failed=True), "b", 2)
    assert (later.record, later.recorded_here) == ({"step": "launched"}, None)
    assert later.recording({"step": "intended"}).recorded_here == {"step": "intended"}


def test_what_is_stored_comes_back() -> None:
    assert Tries.read(FIRST.value()) == FIRST
    assert Tries.read(None) is None


@pytest.mark.parametrize("value", ["text", {}, {**FIRST.value(), "first": "1"}, {**FIRST.value(), "failed": None}])
def test_what_is_damaged_is_refused(value: Any) -> None:
    with pytest.raises(LaunchRecordError, match="nothing is launched on a guess"):
        Tries.read(value)
