"""What goes wrong with lists and clocks while hundreds wait: nothing of it ends a wait wrongly, or delays other places."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.method import NoReply, Reply, Request
from airflow_dataflow_ext.watch.board import MANY
from tests.talk import ok, refused
from tests.watch.region import DONE, FAILED, TOOK, Region, watch

Leap = Callable[..., Any]
COUNT = 300
POLL = 10.0


def now() -> float:
    return asyncio.get_running_loop().time()


def names(count: int = COUNT) -> list[str]:
    return [f"job-{number}" for number in range(count)]


async def all_wait(region: Region, *others: Any, count: int = COUNT) -> dict[str, tuple[Phase, float]]:
    """How each wait ended, and when."""
    said: dict[str, tuple[Phase, float]] = {}

    async def wait(job_id: str) -> None:
        outcome = await region.wait(watch(job_id, POLL))
        assert job_id not in said
        said[job_id] = outcome.phase, now()

    try:
        await asyncio.gather(*map(wait, names(count)), *others)
    finally:
        region.board.close()
        await asyncio.sleep(0)
    return said


def lists(request: Request, which: str = "ACTIVE") -> bool:
    return request.method.id == "jobs.list" and dict(request.query).get("filter") == which


async def end_all(region: Region, after: float, over: float = 10.0) -> None:
    """All jobs end within some seconds, one in three badly."""
    await asyncio.sleep(after)
    for number, job_id in enumerate(list(region.states)):
        region.states[job_id] = FAILED if number % 3 == 0 else DONE
        await asyncio.sleep(over / len(region.states))


def right(said: dict[str, tuple[Phase, float]]) -> bool:
    """Whether each wait ended as its job did."""
    return len(said) == COUNT and all(
        phase is (Phase.FAILED if int(job_id[4:]) % 3 == 0 else Phase.SUCCEEDED) for job_id, (phase, _) in said.items()
    )


def last_good(said: dict[str, tuple[Phase, float]]) -> float:
    """When the last good end was said; bad ones wait for their reason."""
    return max(at for phase, at in said.values() if phase is Phase.SUCCEEDED)


@pytest.mark.parametrize(
    "trouble", [refused(503), refused(429, Retry_After="30"), NoReply(reason="reset"), Reply(status=200, content=b"{")]
)
def test_a_list_that_fails_for_ten_minutes_delays_by_a_minute_only(leap: Leap, trouble: Any) -> None:
    region = Region(*names())
    region.trouble = lambda request: trouble if lists(request) and 1060 <= now() < 1660 else None
    said = leap(all_wait(region, end_all(region, after=200)))
    assert right(said)
    assert last_good(said) <= 1210 + budgets.LIST_WITHIN + 3 * POLL


def test_a_list_that_no_longer_fails_is_soon_asked_for_again(leap: Leap) -> None:
    region = Region(*names())
    read: list[float] = []

    def trouble(request: Request) -> Any:
        if request.method.id == "jobs.get":
            read.append(now())
        return refused(504) if lists(request) and 1060 <= now() < 1260 else None

    region.trouble = trouble
    assert right(leap(all_wait(region, end_all(region, after=1200))))
    recovered = 1260 + budgets.LIST_WITHIN + budgets.AFTER_TROUBLE + 2 * POLL
    assert len([at for at in read if 1060 <= at < 1260]) > COUNT  # meanwhile each was read singly
    assert not [at for at in read if recovered <= at < 2200]


def test_a_region_that_fails_does_not_delay_another(leap: Leap) -> None:
    ill, well = Region(*names()), Region(*names())
    ill.trouble = lambda request: refused(503) if now() < 1600 else None

    async def both() -> Any:
        return await asyncio.gather(all_wait(ill, end_all(ill, after=100, over=0.0)), all_wait(well, end_all(well, after=100, over=0.0)))

    said_ill, said_well = leap(both())
    assert right(said_ill)
    assert right(said_well)
    assert last_good(said_well) <= 1000 + 100 + POLL + 10 * TOOK


def test_page_tokens_that_expire_cost_a_list_and_no_wait(leap: Leap) -> None:
    region = Region(*names(), page=100)
    drawn = random.Random(4)
    expired = refused(400, "Invalid page token.")
    region.trouble = lambda request: expired if "pageToken" in dict(request.query) and drawn.random() < 0.5 else None
    assert right(leap(all_wait(region, end_all(region, after=200))))


def test_many_that_end_together_are_found_in_one_list_and_logged_once(leap: Leap) -> None:
    region = Region(*names())
    said = leap(all_wait(region, end_all(region, after=100, over=0.0)))
    assert right(said)
    assert last_good(said) <= 1000 + 100 + POLL + 10 * TOOK
    assert region.asked["jobs.get"] < MANY


def test_a_list_of_ended_jobs_that_lies_or_fails_costs_single_reads_only(leap: Leap) -> None:
    for trouble in (refused(500), ok({"jobs": []}), ok({"jobs": [{"id": "job-1", "currentState": "JOB_STATE_RUNNING"}]})):
        region = Region(*names())
        region.trouble = lambda request, trouble=trouble: trouble if lists(request, "TERMINATED") else None  # type: ignore[misc]
        assert right(leap(all_wait(region, end_all(region, after=100, over=0.0))))
        assert region.asked["jobs.get"] >= COUNT


def test_an_active_list_that_is_empty_by_mistake_ends_nothing(leap: Leap) -> None:
    region = Region(*names())
    region.trouble = lambda request: ok({}) if lists(request) and 1040 <= now() < 1060 else None
    said = leap(all_wait(region, end_all(region, after=300)))
    assert right(said)
    assert min(at for _, at in said.values()) >= 1300


@pytest.mark.parametrize("skew", [-7200.0, 7200.0])
def test_two_clocks_that_differ_by_hours_end_no_wait_wrongly(leap: Leap, skew: float) -> None:
    region = Region(*names())
    ended: dict[str, float] = {}

    def by_time(request: Request) -> Any:
        """As the service does it: only jobs that ended from the given time on, by its own clock."""
        for job_id, state in region.states.items():
            if state in (DONE, FAILED):
                ended.setdefault(job_id, datetime.now(UTC).timestamp() + skew)
        if not lists(request, "TERMINATED"):
            return None
        start = datetime.fromisoformat(dict(request.query)["terminationTimeRange.startTime"]).timestamp()
        return ok({"jobs": [{"id": job_id, "currentState": region.states[job_id]} for job_id, at in ended.items() if at >= start]})

    region.trouble = by_time
    said = leap(all_wait(region, end_all(region, after=100, over=0.0)))
    assert right(said)
    assert bool(region.asked["jobs.get"] >= COUNT) is (skew < 0)


def test_jobs_that_a_list_shows_late_are_waited_for(leap: Leap) -> None:
    region = Region(*names())
    region.trouble = lambda request: ok({"jobs": []}) if lists(request) and now() < 1120 else None
    assert right(leap(all_wait(region, end_all(region, after=600))))


def test_triggers_that_are_cancelled_in_mid_request_leave_the_others_alone(leap: Leap) -> None:
    region = Region(*names(COUNT))

    async def scene() -> Any:
        leaving = [asyncio.create_task(region.wait(watch(job_id, POLL))) for job_id in names() for _ in range(2)]

        async def cancel() -> None:
            for task in leaving:
                region.asking.clear()
                await asyncio.sleep(1.7)
                task.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)

        return await all_wait(region, end_all(region, after=3000), cancel())

    assert right(leap(scene()))
