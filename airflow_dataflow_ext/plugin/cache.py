"""A cache of the services' answers: one call for everybody who asks the same, few calls at once, and old answers during outages."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

from msgspec import Struct

from airflow_dataflow_ext.api.rest import budgets

AT_ONCE = 8
"""Greatest number of simultaneous calls of one API server process."""

MOST_ENTRIES = 400


class Answer(Struct, frozen=True):
    """A cached answer.

    :param value: the value; None if there is none yet.
    :param at: when it was read, in seconds since the epoch; 0 for never.
    :param trouble: why there is no newer value, as text for a person.
    """

    value: Any = None
    at: float = 0.0
    trouble: str = ""


class _Kept(Struct):
    answer: Answer = Answer()
    fresh_until: float = 0.0
    pause: float = 0.0
    flight: asyncio.Task[None] | None = None


class Cache:
    """The cache of one process.

    :param explain: turns an error into text for a person.
    :param now: seconds of a monotonic clock.
    """

    def __init__(self, explain: Callable[[BaseException], str] = str, now: Callable[[], float] = time.monotonic) -> None:
        self._explain = explain
        self._now = now
        self._entries: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._room = asyncio.Semaphore(AT_ONCE)

    async def get(self, key: Hashable, ask: Callable[[Any], Awaitable[Any]], fresh_for: Callable[[Any], float]) -> Answer:
        """The answer, no older than ``fresh_for`` allows, except during an outage.

        :param ask: reads the value; it receives the last value or None. Simultaneous requests share one call.
        :param fresh_for: gives the seconds for which a value is fresh.
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
        """Mark all entries with such a key as outdated; the old answers stay for outages."""
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
        """Remove the entries that have not been requested for the longest time, except those with a running call."""
        for key in list(self._entries)[: max(0, len(self._entries) - MOST_ENTRIES)]:
            if self._entries[key].flight is None:
                del self._entries[key]
