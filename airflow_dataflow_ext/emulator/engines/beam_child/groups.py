"""The groups of a streaming pipeline, which are given out pane by pane as their triggers fire.

Beam's in-process runner groups everything when its sources end. Here, elements go through the same driver of triggers as they come, with
the watermark of that moment.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from apache_beam.coders.coder_impl import create_OutputStream
from apache_beam.runners.portability.fn_api_runner import execution
from apache_beam.transforms import trigger
from apache_beam.utils.timestamp import MAX_TIMESTAMP, MIN_TIMESTAMP


class Groups:
    """What has come for each GroupByKey, by stage and by input of the stage.

    :ivar dropped: the number of elements that came after their windows had expired.
    """

    def __init__(self) -> None:
        self._stages: defaultdict[str, dict[str, _Grouping]] = defaultdict(dict)
        self.dropped = 0

    def take(self, stage: str, data: dict[str, Any]) -> None:
        """Take the elements out of the inputs of a stage that are to be grouped; those that are too late are dropped."""
        for name, buffer in data.items():
            if is_gradual(buffer):
                groupings = self._stages[stage]
                if name not in groupings:
                    groupings[name] = _Grouping(buffer)
                self.dropped += groupings[name].add(buffer._table)
                buffer._table.clear()

    def due(self, stage: str, watermark: Any, closed_only: bool = False) -> dict[str, Any]:
        """The panes that are due, for each grouped input of a stage that has some; each is given out once.

        :param watermark: the time up to which the inputs of the stage are complete.
        :param closed_only: whether panes of open windows must wait.
        """
        panes = {name: grouping.give_out(watermark, closed_only) for name, grouping in self._stages[stage].items()}
        return {name: found for name, found in panes.items() if found is not None}

    def hold(self, stage: str) -> Any:
        """The earliest timestamp of the panes that a stage may still process; the end of time if there are none."""
        return min((grouping.hold for grouping in self._stages[stage].values()), default=MAX_TIMESTAMP)


def is_gradual(buffer: Any) -> bool:
    """Whether an input is to be grouped, and groups may be due before its end; in the global window, the default trigger waits for it."""
    return isinstance(buffer, execution.GroupingBuffer) and not buffer._windowing.is_default() and not is_immediate(buffer)


def is_immediate(buffer: Any) -> bool:
    """Whether an input is grouped only by what has come at the same time, as in a Reshuffle."""
    if not isinstance(buffer, execution.GroupingBuffer):
        return False
    windowing = buffer._windowing
    return isinstance(windowing.triggerfn, trigger.Always) and windowing.accumulation_mode == trigger.AccumulationMode.DISCARDING


class _Grouping:
    """The keys of one GroupByKey."""

    def __init__(self, buffer: Any) -> None:
        self._driver = trigger.create_trigger_driver(buffer._windowing, clock=time)
        self._driver.is_merging = buffer._windowing.windowfn.is_merging()  # Beam always assumes it, which takes twice as long
        self._key_coder = buffer._key_coder.get_impl()
        self._coder = buffer._post_grouped_coder.get_impl()
        self._keys: dict[bytes, _Key] = {}
        self._panes: list[Any] = []
        self._watermark = MIN_TIMESTAMP
        self._note()

    def add(self, table: dict[bytes, list[Any]]) -> int:
        """Add the elements of some keys; returns how many were dropped because their windows have expired."""
        dropped = 0
        for encoded, values in table.items():
            kept = [value for value in values if not all(self._has_expired(window) for window in value.windows)]
            dropped += len(values) - len(kept)
            if kept:
                if encoded not in self._keys:
                    self._keys[encoded] = _Key(self._key_coder.decode(encoded), self._driver)
                self._panes += self._keys[encoded].add(kept, self._watermark)
        self._note()
        return dropped

    def give_out(self, watermark: Any, closed_only: bool) -> Any:
        """A buffer with the panes that are due at this watermark, or None."""
        self._watermark = watermark = max(watermark, self._watermark)
        now = time.time()
        if self._soonest <= watermark or self._soonest_real <= now:
            for encoded, key in list(self._keys.items()):
                if key.soonest <= watermark or key.soonest_real <= now:
                    self._panes += key.advance(watermark, now)
                    if key.is_empty():
                        del self._keys[encoded]
            self._note()
        given, kept = self._panes, []
        if closed_only:
            given = [pane for pane in self._panes if pane.windows[0].max_timestamp() < watermark]
            kept = [pane for pane in self._panes if pane.windows[0].max_timestamp() >= watermark]
        self._panes = kept
        return self._encoded(given)

    def _encoded(self, panes: list[Any]) -> Any:
        if not panes:
            return None
        stream = create_OutputStream()
        for pane in panes:
            self._coder.encode_to_stream(pane, stream, True)
        buffer = execution.ListBuffer(self._coder)
        buffer.append(stream.get())
        return buffer

    def _has_expired(self, window: Any) -> bool:
        return bool(window.end + self._driver.allowed_lateness <= self._watermark)

    def _note(self) -> None:
        """Note the least times, because asking for them must not take long."""
        self._soonest = min((key.soonest for key in self._keys.values()), default=MAX_TIMESTAMP)
        self._soonest_real = min((key.soonest_real for key in self._keys.values()), default=float("inf"))
        self.hold = min((key.hold for key in self._keys.values()), default=MAX_TIMESTAMP)


class _Key:
    """The windows of one key that have not expired.

    :ivar soonest: when the next window expires or trigger may fire.
    :ivar soonest_real: when the next trigger of real time fires, in seconds since 1970.
    :ivar hold: the earliest timestamp that a pane may have.
    """

    def __init__(self, value: Any, driver: Any) -> None:
        self._value = value
        self._driver = driver
        self._state = trigger.InMemoryUnmergedState()
        self._given_out: dict[Any, int] = {}
        self.soonest, self.soonest_real, self.hold = MAX_TIMESTAMP, float("inf"), MAX_TIMESTAMP

    def add(self, elements: list[Any], watermark: Any) -> list[Any]:
        """Add elements; returns the panes that they complete."""
        panes = self._noted(self._driver.process_elements(self._state, elements, watermark, watermark))
        self._note()
        return panes

    def advance(self, watermark: Any, now: float) -> list[Any]:
        """Fire the timers of triggers that are due, and close the windows that expire; returns their panes."""
        panes: list[Any] = []
        for window, (name, domain, _, _) in self._state.get_timers(clear=True, watermark=watermark, processing_time=now)[0]:
            # A timer of real time fires at the watermark, too: with its own time, it would be taken for the end of an older window.
            panes += self._noted(self._driver.process_timer(window, name, domain, watermark, self._state))
        for window in self._windows():
            if self._expiry(window) <= watermark:
                panes += self._close(window, watermark)
        self._note()
        return panes

    def is_empty(self) -> bool:
        """Whether no windows are left."""
        return not self._windows()

    def _close(self, window: Any, watermark: Any) -> list[Any]:
        """Forget a window; returns a last pane with what no trigger has given out."""
        view = self._view()
        panes = []
        if len(view.get_state(window, self._driver.ELEMENTS)) > self._given_out.get(window, 0):
            panes = self._noted([self._driver._output(window, True, view, watermark, True)])
        self._given_out.pop(window, None)
        for name in view.window_ids.pop(window) if self._driver.is_merging else (window,):
            self._state.state.pop(name, None)
            self._state.timers.pop(name, None)
        return panes

    def _noted(self, panes: Iterable[Any]) -> list[Any]:
        """These panes with the key; how many elements each leaves in its window is noted."""
        found = []
        for pane in panes:
            if self._driver.accumulation_mode == trigger.AccumulationMode.ACCUMULATING:
                self._given_out[pane.windows[0]] = len(pane.value)
            found.append(pane.with_value((self._value, pane.value)))
        return found

    def _view(self) -> Any:
        """The state by window, also of windows that were merged."""
        return trigger.MergeableStateAdapter(self._state) if self._driver.is_merging else self._state

    def _windows(self) -> list[Any]:
        return list(self._view().window_ids if self._driver.is_merging else self._state.state)

    def _expiry(self, window: Any) -> Any:
        return min(window.end + self._driver.allowed_lateness, MAX_TIMESTAMP)

    def _note(self) -> None:
        timers = [(domain, due) for timers in self._state.timers.values() for (_, domain, _), due in timers.items()]
        marks = [due for domain, due in timers if domain == trigger.TimeDomain.WATERMARK]
        self.soonest = min([*marks, *map(self._expiry, self._windows())], default=MAX_TIMESTAMP)
        self.soonest_real = min((due for domain, due in timers if domain == trigger.TimeDomain.REAL_TIME), default=float("inf"))
        self.hold = self._state.get_earliest_hold()
