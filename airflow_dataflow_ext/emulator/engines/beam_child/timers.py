"""The timers of a streaming pipeline: each is kept until it is due, and setting or clearing it replaces what was set before.

Beam's in-process runner instead fires a timer at its output timestamp, which is in the past for a timer of real time, and fires it as often
as it was set.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from typing import Any

from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import execution, translations
from apache_beam.utils.timestamp import MAX_TIMESTAMP, MIN_TIMESTAMP, Timestamp

Family = tuple[str, str]
"""The names of a transform and of one of its timers."""


class Timers:
    """The timers that are set, by stage."""

    def __init__(self) -> None:
        self._stages: defaultdict[str, dict[Family, _SetTimers]] = defaultdict(dict)

    def collect(self, manager: Any) -> None:
        """Take the timers that a bundle has set or cleared from the buffers of its stage.

        :param manager: the stage's bundle manager.
        """
        for family in manager.stage.timers:
            written = manager.get_buffer(translations.create_buffer_id(family[1], kind="timers"), family[0])
            if not written.cleared:
                coder = manager.get_timer_coder_impl(*family)
                timers = self._stages[manager.stage.name].setdefault(family, _SetTimers())
                timers.change([timer for chunk in written for timer in coder.decode_all(chunk)])
                written.clear()

    def due(self, manager: Any, *, watermark: Timestamp = MIN_TIMESTAMP, now: Timestamp = MIN_TIMESTAMP) -> dict[Family, Any]:
        """The timers of a stage that are due, as the input of a bundle; they are no longer set.

        :param watermark: the time up to which timers of event time are due.
        :param now: the time up to which timers of real time are due.
        """
        found: dict[Family, Any] = {}
        for family, timers in self._stages[manager.stage.name].items():
            is_real = manager.stage_timer_outputs[family][1] == beam_runner_api_pb2.TimeDomain.PROCESSING_TIME
            if due := timers.take(now if is_real else watermark):
                coder = manager.get_timer_coder_impl(*family)
                found[family] = execution.ListBuffer(coder)
                found[family].append(coder.encode_all(due))
        return found

    def hold(self, stage: str) -> Timestamp:
        """The earliest timestamp of what the timers of a stage may still output; the end of time if none is set."""
        return min((timers.hold for timers in self._stages[stage].values()), default=MAX_TIMESTAMP)

    def are_set(self, stage: str) -> bool:
        """Whether a stage has timers that are set."""
        return any(timers.soonest is not None for timers in self._stages[stage].values())


class _SetTimers:
    """The timers of one family that are set: one for each key, tag and window."""

    def __init__(self) -> None:
        self._timers: dict[Hashable, Any] = {}
        self.soonest: Timestamp | None = None
        self.hold = MAX_TIMESTAMP

    def change(self, written: list[Any]) -> None:
        """Set and clear timers, in this order."""
        for timer in written:
            key = (timer.user_key, timer.dynamic_timer_tag, timer.windows[0])
            self._timers.pop(key, None)
            if not timer.clear_bit:
                self._timers[key] = timer
        self._note()

    def take(self, until: Timestamp) -> list[Any]:
        """Remove the timers up to a time, and return them in the order of their times."""
        if self.soonest is None or self.soonest > until:
            return []
        due = [key for key, timer in self._timers.items() if timer.fire_timestamp <= until]
        taken = [self._timers.pop(key) for key in due]
        self._note()
        return sorted(taken, key=lambda timer: timer.fire_timestamp)

    def _note(self) -> None:
        """Note the least times, because asking for them must not take long."""
        self.soonest = min((timer.fire_timestamp for timer in self._timers.values()), default=None)
        self.hold = min((timer.hold_timestamp for timer in self._timers.values()), default=MAX_TIMESTAMP)
