"""The emulator's time: a real clock and a manual one, each with a schedule of actions."""

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
    """Round to the precision of the service's time stamps, so that a time that was written and read again compares equal."""
    return round(seconds, 6)


class Clock(ABC):
    """A clock in seconds since 1970, and a schedule of actions that run on the emulator's event loop."""

    def __init__(self) -> None:
        self._agenda: list[tuple[float, int, Action]] = []
        self._order = count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: int | None = None

    @abstractmethod
    def now(self) -> float:
        """Seconds since 1970."""

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Attach the clock to this event loop; called once, in its thread."""
        self._loop = loop
        self._thread = threading.get_ident()

    def after(self, seconds: float, action: Action) -> None:
        """Run an action after some seconds; actions that are due at the same time run in the order in which they were added."""
        heapq.heappush(self._agenda, (_to_microseconds(self.now() + seconds), next(self._order), action))
        self._changed()

    def clear(self) -> None:
        """Remove all scheduled actions."""
        self._agenda.clear()

    def on_loop(self, action: Callable[[], Result]) -> Result:
        """Run an action on the emulator's event loop, from any thread, and return its result."""
        if self._loop is None or threading.get_ident() == self._thread:
            return action()

        async def run() -> Result:
            return action()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    @abstractmethod
    def _changed(self) -> None:
        """Called when the schedule has a new entry."""


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
        finally:  # an action that fails does not stop the others
            self._changed()


class ManualClock(Clock):
    """A clock that stands still until it is advanced, so that a test of one hour takes a millisecond."""

    def __init__(self, start: float | None = None) -> None:
        super().__init__()
        self._now = _to_microseconds(time.time() if start is None else start)

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass; each action that becomes due runs at its own time, in order.

        :raises ValueError: the number of seconds is negative.
        """
        if not 0 <= seconds <= _CENTURY:
            raise ValueError(f"a clock can be advanced by 0 seconds to a century, not by {seconds} seconds")
        self.on_loop(lambda: self._pass(_to_microseconds(self._now + seconds)))

    def _changed(self) -> None:
        """Do nothing: a new entry waits until time is advanced."""

    def _pass(self, until: float) -> None:
        while self._agenda and self._agenda[0][0] <= until:
            due, _, action = heapq.heappop(self._agenda)
            self._now = max(self._now, due)
            action()
        self._now = until
