"""How far the stages of a streaming pipeline have come in event time, as metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from .figures import service_metric

UNKNOWN = -1
"""Of a stage that has not begun."""
END = -2
"""Of a stage that has read all there is."""


class Watermarks:
    """The watermark of each stage, in microseconds since 1970, or one of the service's marks.

    The names of the metrics are those of the service, as Beam's own tests read them; that of the freshness is not documented.
    """

    def __init__(self, stages: list[str]) -> None:
        self._marks = dict.fromkeys(stages, UNKNOWN)
        self._sources: set[str] = set()

    def advance(self, stage: str, residuals: Any) -> None:
        """A bundle of the stage has ended, and handed back these parts of its sources."""
        if residuals:
            self._sources.add(stage)
        marks = [part.application.output_watermarks for part in residuals]
        if not residuals:
            self._marks[stage] = END
        elif known := [mark.ToMicroseconds() for entry in marks for mark in entry.values()]:
            self._marks[stage] = min(known)

    def follow(self, stage: str, mark: int) -> None:
        """A stage that reads what others write has come as far as the sources."""
        self._marks[stage] = mark

    def of_sources(self) -> int:
        """How far all sources have come that have more to read, or ``UNKNOWN``."""
        return min((self._marks[stage] for stage in self._sources if self._marks[stage] != END), default=UNKNOWN)

    def updates(self) -> Iterator[dict[str, Any]]:
        """Watermark of every stage, and freshness, in seconds, of those that read."""
        now = time.time()
        for stage, mark in self._marks.items():
            yield service_metric(f"{stage}-windmill-data-watermark", f"{stage}-windmill-data-watermark", mark)
            if mark >= 0:
                freshness = round(max(0.0, now - mark / 1e6), 3)
                yield service_metric("DataFreshness", f"{stage}-DataFreshness", freshness, execution_step=stage)
