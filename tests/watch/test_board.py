"""Tests of the Board: how little it asks for how many, and that no trouble and no neighbour ends a wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.wait import WaitPolicy
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.watch import Look, Outcome
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import CallError, JobLostError, NotAuthenticatedError, PermissionDeniedError
from airflow_dataflow_ext.api.rest.method import NoReply, Request
from airflow_dataflow_ext.watch.board import IDLE_ANSWERS
from airflow_dataflow_ext.watch.reader import READS_AT_ONCE, Reader
from airflow_dataflow_ext.watch.round import Figures
from airflow_dataflow_ext.watch.waiters import Waiters
from tests.talk import refused
from tests.watch.region import DONE, FAILED, RUNNING, TOOK, Region, watch

Leap = Callable[..., Any]
HOUR = 3600.0


def now() -> float:
    return asyncio.get_running_loop().time()


async def together(region: Region, *coroutines: Any) -> list[Any]:
    """All of them to their end; then the Board is closed, as a Channel does."""
    try:
        return await asyncio.gather(*coroutines, return_exceptions=True)
    finally:
        region.board.close()
        await asyncio.sleep(0)


def names(count: int) -> list[str]:
    return [f"job-{number}" for number in range(count)]


def test_one_list_answers_all_who_wait(leap: Leap) -> None:
    region = Region(*names(200))
    waits = [region.wait(watch(job_id)) for job_id in names(200)]
    ends = [region.after(600, job_id, DONE) for job_id in names(200)]
    outcomes = leap(together(region, *waits, *ends))
    assert [outcome.phase for outcome in outcomes[:200]] == [Phase.SUCCEEDED] * 200
    assert 60 <= region.asked["jobs.list"] <= 75
    assert region.asked["jobs.get"] <= 20


def test_one_who_waits_alone_is_answered_by_gets(leap: Leap) -> None:
    region = Region(*names(3))
    leap(together(region, region.wait(watch("job-1")), region.after(60, "job-1", DONE)))
    assert region.asked["jobs.list"] == 0
    assert region.asked["jobs.get"] in (7, 8)


def test_few_who_wait_in_a_crowded_project_are_answered_by_gets(leap: Leap) -> None:
    region = Region(*names(5000))
    waits = [region.wait(watch(job_id)) for job_id in names(3)]
    leap(together(region, *waits, *[region.after(500, job_id, DONE) for job_id in names(3)]))
    assert region.asked["jobs.list"] <= 10  # the ten pages that said how many there are
    assert region.asked["jobs.get"] >= 100


def test_a_job_that_vanished_from_the_list_is_read_once(leap: Leap) -> None:
    region = Region(*names(5))

    async def run() -> Outcome:
        waits = [asyncio.ensure_future(region.wait(watch(job_id))) for job_id in names(5)]
        await region.after(35, "job-3", FAILED)
        ended = await waits[3]
        gets = region.asked["jobs.get"]
        for wait in waits:
            wait.cancel()
        await together(region, *waits)
        assert gets == 1
        return ended

    region.trouble = lambda request: refused(403) if "messages" in request.method.id else None
    outcome = leap(run())
    assert (outcome.phase, outcome.job["currentState"], outcome.job["labels"]) == (Phase.FAILED, FAILED, {"read": "singly"})


def test_an_end_is_said_within_one_pause(leap: Leap) -> None:
    region = Region(*names(10))

    async def ended(job_id: str) -> float:
        await region.wait(watch(job_id))
        return now()

    *_, said = leap(
        together(region, *[region.after(HOUR, job_id, DONE) for job_id in names(9)], region.after(63, "job-9", DONE), ended("job-9"))
    )
    assert 1063 <= said <= 1063 + 10 + 3 * TOOK


def test_one_who_leaves_in_the_middle_of_a_question_disturbs_nobody(leap: Leap) -> None:
    region = Region(*names(3))

    async def leave() -> None:
        wait = asyncio.ensure_future(region.wait(watch("job-0")))
        await region.asking.wait()
        wait.cancel()

    waits = [region.wait(watch(job_id)) for job_id in ("job-1", "job-2")]
    outcomes = leap(together(region, *waits, leave(), region.after(30, "job-1", DONE), region.after(95, "job-2", DONE)))
    assert [outcome.phase for outcome in outcomes[:2]] == [Phase.SUCCEEDED] * 2


def test_whoever_comes_later_is_answered_soon(leap: Leap) -> None:
    region = Region(*names(3))
    region.states["job-2"] = DONE

    async def late() -> float:
        await asyncio.sleep(123)
        await region.wait(watch("job-2"))
        return now()

    said = leap(
        together(
            region, late(), *[region.wait(watch(job_id)) for job_id in names(2)], *[region.after(300, job_id, DONE) for job_id in names(2)]
        )
    )[0]
    assert said <= 1123 + budgets.GATHER + 1


def test_without_permission_to_list_each_job_is_read_singly(leap: Leap) -> None:
    region = Region(*names(3))
    region.trouble = lambda request: refused(403) if request.method.id == "jobs.list" else None
    waits = [region.wait(watch(job_id)) for job_id in names(3)]
    outcomes = leap(together(region, *waits, *[region.after(300, job_id, DONE) for job_id in names(3)]))
    assert [outcome.phase for outcome in outcomes[:3]] == [Phase.SUCCEEDED] * 3
    assert region.asked["jobs.list"] == 1


def test_without_permission_for_one_job_only_its_wait_ends(leap: Leap) -> None:
    region = Region("job-1", "job-2")
    region.states["job-0"] = DONE
    region.trouble = lambda request: refused(403, "Not yours.") if request.path.endswith("/job-0") else None
    waits = [region.wait(watch(job_id)) for job_id in names(3)]
    outcomes = leap(together(region, *waits, *[region.after(60, job_id, DONE) for job_id in ("job-1", "job-2")]))
    assert isinstance(outcomes[0], PermissionDeniedError)
    assert [outcome.phase for outcome in outcomes[1:3]] == [Phase.SUCCEEDED] * 2


def test_without_a_token_every_wait_ends(leap: Leap) -> None:
    region = Region(*names(3))

    def refuse(request: Request) -> Any:
        raise NotAuthenticatedError("No token.", status=401)

    region.trouble = refuse
    outcomes = leap(together(region, *[region.wait(watch(job_id)) for job_id in names(3)]))
    assert [type(outcome) for outcome in outcomes] == [NotAuthenticatedError] * 3


@pytest.mark.parametrize("trouble", [refused(503), refused(429, retry_after="100"), refused(500), NoReply(reason="TimeoutError")])
@pytest.mark.parametrize("count", [1, 5, 40])
def test_hours_of_trouble_end_no_wait(leap: Leap, trouble: Any, count: int) -> None:
    region = Region(*names(count))
    region.trouble = lambda request: trouble if 1100 < now() < 1100 + 3 * HOUR else None
    waits = [region.wait(watch(job_id)) for job_id in names(count)]
    outcomes = leap(together(region, *waits, *[region.after(HOUR, job_id, DONE) for job_id in names(count)]))
    assert [outcome.phase for outcome in outcomes[:count]] == [Phase.SUCCEEDED] * count


def test_trouble_with_one_job_delays_nobody_else(leap: Leap) -> None:
    region = Region(*names(3))
    region.trouble = lambda request: refused(503) if request.path.endswith("/job-0") else None
    region.states["job-0"] = DONE

    async def ended(job_id: str) -> float:
        await region.wait(watch(job_id))
        return now()

    async def run() -> list[Any]:
        stuck = asyncio.ensure_future(region.wait(watch("job-0")))
        said = await asyncio.gather(ended("job-1"), ended("job-2"), region.after(60, "job-1", DONE), region.after(200, "job-2", DONE))
        assert not stuck.done()
        stuck.cancel()
        await together(region, stuck)
        return said

    first, second, *_ = leap(run())
    assert first <= 1060 + 11
    assert second <= 1200 + 11


@pytest.mark.parametrize("others", [0, 4])
def test_a_job_that_stays_unknown_is_lost_and_nobody_else(leap: Leap, others: int) -> None:
    region = Region(*names(others))

    async def lost() -> float:
        with pytest.raises(JobLostError, match="has not known job ghost for 300 s"):
            await region.wait(watch("ghost"))
        return now() - 1000

    waits = [region.wait(watch(job_id)) for job_id in names(others)]
    ends = [region.after(400, job_id, DONE) for job_id in names(others)]
    seconds, *outcomes = leap(together(region, lost(), *waits, *ends))
    assert budgets.LOST_AFTER <= seconds <= budgets.LOST_AFTER + 15
    assert [outcome.phase for outcome in outcomes[:others]] == [Phase.SUCCEEDED] * others


def test_a_job_that_shows_late_is_waited_for(leap: Leap) -> None:
    region = Region(*names(2))
    waits = [region.wait(watch(job_id)) for job_id in ("late", *names(2))]
    ends = [region.after(250, "late", RUNNING), *[region.after(500, job_id, DONE) for job_id in ("late", *names(2))]]
    outcomes = leap(together(region, *waits, *ends))
    assert [outcome.phase for outcome in outcomes[:3]] == [Phase.SUCCEEDED] * 3


@pytest.mark.parametrize("others", [0, 4])
def test_a_job_that_is_unknown_now_and_then_is_not_lost(leap: Leap, others: int) -> None:
    region = Region("job", *names(others))
    known = region.states

    def flicker(request: Request) -> Any:
        hidden = 100 <= (now() - 1000) % 300 < 250
        region.states = {job_id: state for job_id, state in known.items() if job_id != "job" or not hidden}

    region.trouble = flicker

    async def end() -> None:
        await asyncio.sleep(1500)
        known.update(dict.fromkeys(known, DONE))

    waits = [region.wait(watch(job_id)) for job_id in ("job", *names(others))]
    outcomes = leap(together(region, *waits, end()))
    assert [outcome.phase for outcome in outcomes[: others + 1]] == [Phase.SUCCEEDED] * (others + 1)


def test_a_job_that_a_list_shows_twice_is_one(leap: Leap) -> None:
    region = Region(*names(4), page=2)
    region.copies = 2
    waits = [region.wait(watch(job_id)) for job_id in names(4)]
    outcomes = leap(together(region, *waits, *[region.after(60, job_id, DONE) for job_id in names(4)]))
    assert [outcome.phase for outcome in outcomes[:4]] == [Phase.SUCCEEDED] * 4


def test_each_waits_at_its_own_pace(leap: Leap) -> None:
    region = Region("fast", *names(9))

    async def ended(job_id: str, poll_sleep: float) -> float:
        await region.wait(watch(job_id, poll_sleep))
        return now() - 1000

    slow = [ended(job_id, 120.0) for job_id in names(9)]
    ends = [region.after(601, "fast", DONE), *[region.after(602, job_id, DONE) for job_id in names(9)]]
    fast, *rest = leap(together(region, ended("fast", 5.0), *slow, *ends))[:10]
    assert 601 <= fast <= 607
    assert all(602 <= said <= 602 + 121 for said in rest)
    assert sum(region.asked.values()) <= 120 + 9 * 7 + 9  # about one question for each pause of the fast one, and few for the others


def test_two_may_wait_for_different_states_of_one_job(leap: Leap) -> None:
    region = Region("job-0", "job-1")
    region.states["job-0"] = "JOB_STATE_QUEUED"
    waits = [region.wait(watch("job-0", expected=(state,))) for state in (RUNNING, DONE)]
    ends = [region.after(30, "job-0", RUNNING), region.after(90, "job-0", DONE)]
    running, done, *_ = leap(together(region, *waits, *ends))
    assert (running.phase, running.job["currentState"]) == (Phase.SUCCEEDED, RUNNING)
    assert (done.phase, done.job["currentState"]) == (Phase.SUCCEEDED, DONE)


def test_the_messages_of_many_quiet_jobs_cost_a_bounded_number_of_calls(leap: Leap) -> None:
    region = Region(*names(200))
    talkative = [watch(job_id) for job_id in names(200)]
    waits = [region.wait(type(quiet)(job=quiet.job, policy=WaitPolicy(poll_sleep=10.0))) for quiet in talkative]

    async def count() -> int:
        await asyncio.sleep(60)
        before = region.asked["jobs.messages.list"]
        await asyncio.sleep(600)
        return region.asked["jobs.messages.list"] - before

    ends = [region.after(700, job_id, DONE) for job_id in names(200)]
    asked = leap(together(region, count(), *waits, *ends))[0]
    assert 0 < asked <= IDLE_ANSWERS * 65


def test_a_mistake_of_ours_is_said_to_whoever_waits(leap: Leap, caplog: pytest.LogCaptureFixture) -> None:
    region = Region(*names(2))

    def broken(request: Request) -> Any:
        raise LookupError("a bug")

    region.trouble = broken
    outcomes = leap(together(region, *[region.wait(watch(job_id)) for job_id in names(2)]))
    assert [type(outcome) for outcome in outcomes] == [LookupError] * 2


def test_a_board_that_was_refused_everything_can_be_asked_again(leap: Leap) -> None:
    region = Region(*names(2))
    region.states = dict.fromkeys(names(2), DONE)
    region.trouble = lambda request: refused(403) if now() < 1050 else None

    async def again(job_id: str) -> Outcome:
        with pytest.raises(CallError):
            await region.wait(watch(job_id))
        await asyncio.sleep(60)
        return await region.wait(watch(job_id))

    outcomes = leap(together(region, *[again(job_id) for job_id in names(2)]))
    assert [outcome.phase for outcome in outcomes] == [Phase.SUCCEEDED] * 2


def test_whoever_is_due_as_the_last_reads_end_is_read(leap: Leap) -> None:
    count = READS_AT_ONCE + 1
    region = Region(*names(count))

    async def scene() -> None:
        waiters, ended = Waiters(), asyncio.Event()
        for job_id in names(count):
            waiters.take(Look(watch(job_id)), asyncio.get_running_loop().create_future(), now=now(), first=0.0)
        reader = Reader(waiters, region.perform, lambda due: ended.set(), Figures("-", None, 0.0))
        reader.read(names(READS_AT_ONCE))
        await ended.wait()
        reader.read(names(count)[-1:])
        await asyncio.sleep(1)
        assert region.asked["jobs.get"] == count

    leap(scene())


def test_who_must_be_answered_by_a_time_is_however_many_wait(leap: Leap) -> None:
    many = 20 * IDLE_ANSWERS
    region = Region(*names(many))
    looks = [Look(watch(job_id), within=10.0, known=RUNNING, idle=HOUR, latest=300.0) for job_id in names(many)]

    async def answered(look: Look) -> float:
        began = now()
        await region.board.look(look)
        return now() - began

    times = leap(together(region, *map(answered, looks)))
    assert all(280 <= time <= 320 for time in times), times
