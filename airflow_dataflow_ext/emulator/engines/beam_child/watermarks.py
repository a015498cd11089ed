"""The watermarks of a streaming pipeline's stages, as metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from apache_beam.utils.timestamp import MIN_TIMESTAMP

from .figures import service_metric

UNKNOWN = -1
"""Watermark of a stage that has not begun."""
END = -2
"""Watermark of a stage that has read everything."""


class Watermarks:
    """The watermark of each stage, in microseconds since 1970, or one of the service's special values ``UNKNOWN`` and ``END``.

    The metrics have the service's names, as Beam's own tests read them; the name of the freshness metric is not documented.
    """

    def __init__(self, stages: list[str]) -> None:
        self._marks = dict.fromkeys(stages, UNKNOWN)
        self._sources: set[str] = set()

    def advance(self, stage: str, residuals: Any) -> None:
        """Record that a bundle of the stage has ended and returned these residuals of its sources."""
        if residuals:
            self._sources.add(stage)
        marks = [part.application.output_watermarks for part in residuals]
        if not residuals:
            self._marks[stage] = END
        elif known := [mark.ToMicroseconds() for entry in marks for mark in entry.values()]:
            self._marks[stage] = min(known)

    def follow(self, stage: str, mark: int) -> None:
        """Set the watermark of a stage that reads the outputs of others to that of the sources; one with sources of its own keeps it."""
        if stage not in self._sources:
            self._marks[stage] = mark

    def of_sources(self) -> int:
        """The earliest watermark of the sources that have more to read; ``UNKNOWN`` if there are none.

        A source that does not say a watermark is at the beginning of time.
        """
        marks = [self._marks[stage] for stage in self._sources if self._marks[stage] != END]
        return min((MIN_TIMESTAMP.micros if mark == UNKNOWN else mark for mark in marks), default=UNKNOWN)

    def updates(self) -> Iterator[dict[str, Any]]:
        """The watermark of every stage, and the data freshness, in seconds, of each stage whose watermark is a time."""
        now = time.time()
        for stage, mark in self._marks.items():
            yield service_metric(f"{stage}-windmill-data-watermark", f"{stage}-windmill-data-watermark", mark)
            if mark >= 0:
                freshness = round(max(0.0, now - mark / 1e6), 3)
                yield service_metric("DataFreshness", f"{stage}-DataFreshness", freshness, execution_step=stage)
