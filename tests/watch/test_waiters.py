"""Tests of what a Board knows of those who wait: what a list need not show them, and who hears that nothing is new."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from airflow_dataflow_ext.api.jobs.watch import Look
from airflow_dataflow_ext.watch.waiters import Waiter, Waiters
from tests.watch.region import DONE, RUNNING, watch


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


class Waiting(Waiters):
    """Waiters of looks that begin at 0 and may be left alone for ``idle`` seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop

    def add(self, job_id: str, known: str | None = RUNNING, idle: float = 100.0) -> Waiter:
        look = Look(watch(job_id), within=10.0, known=known, idle=idle)
        return self.take(look, self._loop.create_future(), now=0.0, first=1.0)

    def answer(self, waiter: Waiter) -> None:
        """As the Board does: the answer, and then the watcher goes."""
        waiter.answer.set_result({})
        self.leave(waiter)


@pytest.fixture
def waiters(loop: asyncio.AbstractEventLoop) -> Waiting:
    return Waiting(loop)


def test_a_state_is_known_when_all_who_wait_know_it(waiters: Waiting) -> None:
    waiters.add("a")
    waiters.add("a")
    waiters.add("b")
    stranger = waiters.add("b", known=None)
    waiters.add("c", idle=0.0)
    assert waiters.known == {"a": RUNNING, "b": None, "c": None}
    waiters.answer(stranger)
    assert waiters.known == {"a": RUNNING, "b": RUNNING, "c": None}
    waiters.add("a", known=DONE)
    assert waiters.known["a"] is None


def test_a_job_that_the_service_does_not_know_must_be_seen_again(waiters: Waiting) -> None:
    waiter = waiters.add("a")
    assert waiters.missed_for("a", 5.0) == 0.0
    assert waiters.missed_for("a", 7.0) == 2.0
    waiters.answer(waiters.add("a"))
    assert waiters.known == {"a": None}
    waiters.tell("a", {"id": "a", "currentState": RUNNING}, 9.0)
    assert waiters.known == {"a": RUNNING}
    waiters.answer(waiter)
    assert waiters.known == {}


def test_the_most_patient_hear_first_that_nothing_is_new(waiters: Waiting) -> None:
    for job_id, idle in (("late", 30.0), ("first", 10.0), ("never", float("inf")), ("second", 20.0)):
        waiters.add(job_id, idle=idle)
    waiters.heed(25.0, 1)
    assert [job_id for job_id, state in waiters.known.items() if state is None] == ["first"]
    waiters.heed(25.0, 5)
    assert [job_id for job_id, state in waiters.known.items() if state is None] == ["first", "second"]
    assert waiters.tell("second", {"id": "second", "currentState": RUNNING}, 25.0)


def test_whoever_was_heeded_is_not_forgotten_when_another_joins_or_leaves(waiters: Waiting) -> None:
    waiters.add("a", idle=10.0)
    waiters.heed(15.0, 5)
    waiters.answer(waiters.add("a"))
    assert waiters.known == {"a": None}


def test_those_who_know_are_put_off_and_newcomers_are_not(waiters: Waiting) -> None:
    old, new = waiters.add("a"), waiters.add("a", known=None)
    waiters.stay(["a", "gone"], 50.0, 0.5)
    assert (old.due, new.due) == (55.0, 10.0)


def test_answered_looks_do_not_pile_up(waiters: Waiting) -> None:
    for _ in range(100):
        waiters.answer(waiters.add("a"))
    assert len(waiters._impatient) == 1
