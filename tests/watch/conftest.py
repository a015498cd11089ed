"""An event loop whose clock jumps to the next timer, so that waiting for hours takes no time and every run is the same."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
LONGEST = 5 * 3600.0
"""Seconds of the loop's time after which a test fails, because it waits for something that does not happen."""


class LeapingLoop(asyncio.SelectorEventLoop):
    """A loop whose sleeps take no time. It suits only code without sockets, whose answers could come too late."""

    def __init__(self) -> None:
        super().__init__(_Leaps(self))
        self.leapt = 0.0

    def time(self) -> float:
        return 1000.0 + self.leapt


class _Leaps(selectors.SelectSelector):
    def __init__(self, loop: LeapingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self._loop.leapt += timeout
        return ready


@pytest.fixture
def leap() -> Callable[[Coroutine[Any, Any, T]], T]:
    """A function that runs a coroutine on this loop; the test fails if a task is left running."""

    def run(main: Coroutine[Any, Any, T]) -> T:
        async def alone() -> T:
            async with asyncio.timeout(LONGEST):
                found = await main
            await asyncio.sleep(0)
            left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task() and not task.cancelling()]
            assert left == []
            return found

        with asyncio.Runner(loop_factory=LeapingLoop) as runner:
            return runner.run(alone())

    return run
