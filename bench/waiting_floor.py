"""The least that any deferrable task costs Airflow: one that waits as long as our jobs run, asks nobody, and ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent


class PauseTrigger(BaseTrigger):
    """Fires after so many seconds."""

    def __init__(self, *, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.PauseTrigger", {"seconds": self.seconds}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and tell it."""
        await asyncio.sleep(self.seconds)
        yield TriggerEvent({})


class PauseOperator(BaseOperator):
    """Defers for so many seconds.

    :param number: tells mapped tasks apart.
    """

    def __init__(self, *, number: int, seconds: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = number
        self.seconds = seconds

    def execute(self, context: Any) -> None:
        """Wait in the triggerer."""
        self.defer(trigger=PauseTrigger(seconds=self.seconds), method_name="end")

    def end(self, context: Any, event: Any) -> None:
        """The wait is over."""
