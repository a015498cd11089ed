"""One call for all who ask the same, old answers in times of trouble, and no more calls than there may be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.plugin.cache import AT_ONCE, MOST_ENTRIES, Cache


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


class Service:
    """Counts calls; answers, or fails."""

    def __init__(self) -> None:
        self.calls = 0
        self.trouble = ""
        self.gate: asyncio.Event | None = None
        self.now = self.most = 0

    async def __call__(self, last: Any) -> Any:
        self.calls += 1
        self.now += 1
        self.most = max(self.most, self.now)
        if self.gate is not None:
            await self.gate.wait()
        self.now -= 1
        if self.trouble:
            raise ValueError(self.trouble)
        return self.calls


def ten(_: Any) -> float:
    return 10.0


def run(test: Callable[[Cache, Service, Clock], Awaitable[None]]) -> None:
    async def whole() -> None:
        clock = Clock()
        await test(Cache(str, clock), Service(), clock)

    asyncio.run(whole())


def test_all_who_ask_at_once_share_one_call() -> None:
    async def test(cache: Cache, service: Service, clock: Clock) -> None:
        answers = await asyncio.gather(*(cache.get("job", service, ten) for _ in range(20)))
        assert {answer.value for answer in answers} == {1}
        assert service.calls == 1

    run(test)


def test_an_answer_is_good_for_a_while() -> None:
    async def test(cache: Cache, service: Service, clock: Clock) -> None:
        values = []
        for clock.at in (0.0, 9.9, 10.0, 19.9):
            values.append((await cache.get("job", service, ten)).value)
        assert values == [1, 1, 2, 2]

    run(test)


def test_in_trouble_the_old_answer_stays_and_the_service_is_left_alone_longer_and_longer() -> None:
    async def test(cache: Cache, service: Service, clock: Clock) -> None:
        first = await cache.get("job", service, ten)
        service.trouble = "Quota"
        clock.at = 10.0
        later = await cache.get("job", service, ten)
        assert (later.value, later.at, later.trouble) == (1, first.at, "Quota")
        for clock.at in range(10, 1000):
            await cache.get("job", service, ten)
        assert service.calls <= 1 + 1 + 8  # after 10, 20, 40 ... 300 seconds

    run(test)


def test_a_call_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "PAGE_CALL_WITHIN", 0.02)

    async def test(cache: Cache, service: Service, clock: Clock) -> None:
        service.gate = asyncio.Event()
        answer = await cache.get("job", service, ten)
        assert (answer.value, answer.trouble[:9]) == (None, "No answer")

    run(test)


def test_a_visitor_waits_no_longer_than_he_should_and_the_call_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "PAGE_WAIT", 0.02)

    async def test(cache: Cache, service: Service, clock: Clock) -> None:
        service.gate = asyncio.Event()
        assert "takes long" in (await cache.get("job", service, ten)).trouble
        service.gate.set()
        assert (await cache.get("job", service, ten)).value == 1
        assert service.calls == 1

    run(test)


def test_few_calls_go_out_at_once() -> None:
    async def test(cache: Cache, service: Service, clock: Clock) -> None:
        service.gate = asyncio.Event()
        asking = [asyncio.ensure_future(cache.get(number, service, ten)) for number in range(3 * AT_ONCE)]
        for _ in range(50):
            await asyncio.sleep(0)
        assert service.most == AT_ONCE
        service.gate.set()
        await asyncio.gather(*asking)
        assert service.calls == 3 * AT_ONCE

    run(test)


def test_what_was_done_is_seen_at_once() -> None:
    async def test(cache: Cache, service: Service, clock: Clock) -> None:
        await cache.get(("job", "a"), service, ten)
        await cache.get(("job", "b"), service, ten)
        cache.forget(lambda key: "a" in key)
        assert (await cache.get(("job", "a"), service, ten)).value == 3
        assert (await cache.get(("job", "b"), service, ten)).value == 2

    run(test)


def test_the_cache_does_not_grow_without_end() -> None:
    async def test(cache: Cache, service: Service, clock: Clock) -> None:
        for number in range(MOST_ENTRIES + 50):
            await cache.get(number, service, ten)
        await cache.get(0, service, ten)
        assert service.calls == MOST_ENTRIES + 51
        assert len(cache._entries) <= MOST_ENTRIES + 1

    run(test)
