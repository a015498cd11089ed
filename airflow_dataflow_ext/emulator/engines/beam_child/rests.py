"""The rests of sources: what a source has left to read, and when it asks to be read again."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

from apache_beam.portability.api import beam_fn_api_pb2


class Rests:
    """What the sources of a streaming pipeline have left to read, by stage."""

    def __init__(self) -> None:
        self._stages: defaultdict[str, list[tuple[float, Any]]] = defaultdict(list)

    def add(self, stage: str, roots: Any) -> list[Any]:
        """Keep the residual roots that a bundle has returned; returns all that the stage has, also those of earlier bundles."""
        now = time.monotonic()
        self._stages[stage] += [(now + root.requested_time_delay.ToTimedelta().total_seconds(), root) for root in roots]
        return [root for _, root in self._stages[stage]]

    def due(self, stage: str) -> list[Any]:
        """The residual roots whose time has come; they are no longer kept."""
        now = time.monotonic()
        kept = self._stages[stage]
        self._stages[stage] = [rest for rest in kept if rest[0] > now]
        return [root for due, root in kept if due <= now]


def as_result(roots: list[Any]) -> Any:
    """The result of a bundle that has returned these residual roots, for Beam's runner."""
    return beam_fn_api_pb2.InstructionResponse(process_bundle=beam_fn_api_pb2.ProcessBundleResponse(residual_roots=roots))
