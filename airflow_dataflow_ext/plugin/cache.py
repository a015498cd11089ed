"""Answers of the services, kept for a while: one call for all who ask the same, few calls at once, old answers in times of trouble."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any

from airflow_dataflow_ext.api.rest import budgets

AT_ONCE = 8
"""Calls outward of one API server process at the same time."""

MOST_ENTRIES = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of something.

    :param value: None where nothing is known yet.
    :param at: seconds since the epoch at which it was so; 0 for never.
    :param trouble: why there is nothing newer, in words for a person.
    """

    value: Any = None
    at: float = 0.0
    trouble: str = ""


@dataclass(slots=True)
class _Kept:
    answer: Answer = Answer()
    fresh_until: float = 0.0
    pause: float = 0.0
    flight: asyncio.Task[None] | None = None


class Cache:
    """Keeps answers of one process.

    :param explain: puts an error into words for a person.
    :param now: seconds of a clock that only goes forward.
    """

    def __init__(self, explain: Callable[[BaseException], str] = str, now: Callable[[], float] = time.monotonic) -> None:
        self._explain = explain
        self._now = now
        self._entries: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._room = asyncio.Semaphore(AT_ONCE)

    async def get(self, key: Hashable, ask: Callable[[Any], Awaitable[Any]], fresh_for: Callable[[Any], float]) -> Answer:
        """The answer, not older than it may be unless there is trouble.

        :param ask: gets it; it is given the last value or None. All who ask at the same time wait for the same call.
        :param fresh_for: for how many seconds the value is good.
        """
        entry = self._entries.setdefault(key, _Kept())
        self._entries.move_to_end(key)
        self._bound()
        if self._now() >= entry.fresh_until:
            flight = entry.flight
            if flight is None:
                flight = entry.flight = asyncio.create_task(self._ask(entry, ask, fresh_for))
            done, _ = await asyncio.wait({flight}, timeout=budgets.PAGE_WAIT)
            if not done:
                return Answer(entry.answer.value, entry.answer.at, "The service takes long to answer.")
        return entry.answer

    def forget(self, belongs: Callable[[Any], bool]) -> None:
        """Ask anew, at the next occasion, for whatever has such a key; the old answer stays for times of trouble."""
        for key, entry in self._entries.items():
            if belongs(key):
                entry.fresh_until = 0.0

    async def _ask(self, entry: _Kept, ask: Callable[[Any], Awaitable[Any]], fresh_for: Callable[[Any], float]) -> None:
        try:
            async with self._room:
                value = await asyncio.wait_for(ask(entry.answer.value), budgets.PAGE_CALL_WITHIN)
        except Exception as error:
            text = f"No answer within {budgets.PAGE_CALL_WITHIN:.0f} s." if isinstance(error, TimeoutError) else self._explain(error)
            entry.answer = Answer(entry.answer.value, entry.answer.at, text)
            entry.pause = min(max(budgets.PAGE_FIRST_PAUSE, entry.pause * 2), budgets.PAGE_LONGEST_PAUSE)
            entry.fresh_until = self._now() + entry.pause
        else:
            entry.answer = Answer(value, time.time())
            entry.pause = 0.0
            entry.fresh_until = self._now() + fresh_for(value)
        finally:
            entry.flight = None

    def _bound(self) -> None:
        """Let go of what nobody has asked for the longest time; a call that is on its way keeps its place."""
        for key in list(self._entries)[: max(0, len(self._entries) - MOST_ENTRIES)]:
            if self._entries[key].flight is None:
                del self._entries[key]
