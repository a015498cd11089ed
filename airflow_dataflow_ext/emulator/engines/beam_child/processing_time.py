"""The trigger that fires after a time, whichever other triggers it is combined with."""

from __future__ import annotations

from typing import Any

from apache_beam.transforms import trigger


class AfterProcessingTime(trigger.AfterProcessingTime):  # type: ignore[misc]  # apache-beam has no types
    """Beam's trigger of this name, which knows whether its time has come.

    Beam's own says only to its timer that it fires. In ``AfterAny(AfterCount(100), AfterProcessingTime(10))``, it fires once and not again.
    """

    def on_element(self, element: Any, window: Any, context: Any) -> None:
        if not context.get_state(self.STATE_TAG):
            due = context.get_current_time() + self.delay
            context.set_timer("", trigger.TimeDomain.REAL_TIME, due)
            context.add_state(self.STATE_TAG, due)

    def should_fire(self, time_domain: str, watermark: Any, window: Any, context: Any) -> bool:
        due = context.get_state(self.STATE_TAG)  # windows that were merged have more than one
        return bool(due) and min(due) <= context.get_current_time()
