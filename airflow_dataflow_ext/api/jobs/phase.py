"""What a job's state means for somebody who waits."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Phase(StrEnum):
    """What a state means: the job goes on, ended well, or ended badly."""

    MOVING = "moving"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


def phase_of(state: str | None, table: Mapping[str, Phase]) -> Phase:
    """What a state means. A state that no row lists is *moving*: waiting on is the only guess that does no harm."""
    return table.get(state or "", Phase.MOVING)
