"""What a job's state means for somebody who waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """What a state means: the job goes on, ended well, or ended badly."""

    MOVING = "moving"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StateRow:
    """What is known of a state of any service; each service's table adds its own columns.

    :param phase: what the state means for somebody who waits.
    """

    phase: Phase


def phase_of(state: str | None, table: Mapping[str, StateRow]) -> Phase:
    """What a state means. A state that no row lists is *moving*: waiting on is the only guess that does no harm."""
    row = table.get(state or "")
    return Phase.MOVING if row is None else row.phase
