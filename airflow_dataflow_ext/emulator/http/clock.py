"""The emulator's time: a real clock and a settable one, each with an agenda of what falls due."""

from __future__ import annotations

import asyncio
import heapq
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import count
from typing import TypeVar

Result = TypeVar("Result")
Action = Callable[[], None]
_CENTURY = 100 * 365.25 * 86_400


def _to_microseconds(seconds: float) -> float:
    """The precision of the service's timestamps: what was read from one compares equal with what it was written from."""
    return round(seconds, 6)


class Clock(ABC):
    """Seconds since 1970, and an agenda that runs on the emulator's event loop."""

    def __init__(self) -> None:
        self._agenda: list[tuple[float, int, Action]] = []
        self._order = count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: int | None = None

    @abstractmethod
    def now(self) -> float:
        """Seconds since 1970."""

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Belong to this loop; called once, in its thread."""
        self._loop = loop
        self._thread = threading.get_ident()

    def after(self, seconds: float, action: Action) -> None:
        """Run this when so many seconds have passed; what falls due at one moment runs in the order it was asked for."""
        heapq.heappush(self._agenda, (_to_microseconds(self.now() + seconds), next(self._order), action))
        self._changed()

    def clear(self) -> None:
        """Forget everything that was to fall due."""
        self._agenda.clear()

    def on_loop(self, action: Callable[[], Result]) -> Result:
        """Run this on the emulator's loop, from whatever thread, and hand back what it returns."""
        if self._loop is None or threading.get_ident() == self._thread:
            return action()

        async def run() -> Result:
            return action()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    @abstractmethod
    def _changed(self) -> None:
        """The agenda has a new entry."""


class RealClock(Clock):
    """The machine's time."""

    def __init__(self) -> None:
        super().__init__()
        self._alarm: asyncio.TimerHandle | None = None

    def now(self) -> float:
        return _to_microseconds(time.time())

    def _changed(self) -> None:
        if self._loop is None or not self._agenda:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_later(max(0.0, self._agenda[0][0] - self.now()), self._ring)

    def _ring(self) -> None:
        try:
            while self._agenda and self._agenda[0][0] <= self.now():
                heapq.heappop(self._agenda)[2]()
        finally:  # one action that fails stops no other
            self._changed()


class ManualClock(Clock):
    """Stands still until it is advanced, so that a test of an hour takes a millisecond."""

    def __init__(self, start: float | None = None) -> None:
        super().__init__()
        self._now = _to_microseconds(time.time() if start is None else start)

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass; whatever falls due on the way runs at its own moment, in order.

        :raises ValueError: time cannot go backwards.
        """
        if not 0 <= seconds <= _CENTURY:
            raise ValueError(f"a clock goes forward, by a century at most; asked for {seconds} seconds")
        self.on_loop(lambda: self._pass(_to_microseconds(self._now + seconds)))

    def _changed(self) -> None:
        """Nothing: what is new waits until time is advanced."""

    def _pass(self, until: float) -> None:
        while self._agenda and self._agenda[0][0] <= until:
            due, _, action = heapq.heappop(self._agenda)
            self._now = max(self._now, due)
            action()
        self._now = until
