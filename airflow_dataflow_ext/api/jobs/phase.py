"""What a job's state means for a wait."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Phase(StrEnum):
    """What a state means: the job is still moving, has succeeded, or has failed."""

    MOVING = "moving"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class StateRow(Struct, frozen=True):
    """What is known about a state of any service; each service's table adds columns of its own.

    :param phase: what the state means for a wait.
    """

    phase: Phase


def phase_of(state: str | None, table: Mapping[str, StateRow]) -> Phase:
    """What a state means. A state that is not in the table counts as *moving*: to keep waiting is the only guess that does no harm."""
    row = table.get(state or "")
    return Phase.MOVING if row is None else row.phase
