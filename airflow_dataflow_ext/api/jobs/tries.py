"""How a task in the triggerer, where Airflow does not tell it, distinguishes a retry from a clear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from airflow_dataflow_ext.api.rest.errors import LaunchRecordError
from airflow_dataflow_ext.api.rest.method import Json, as_json
from airflow_dataflow_ext.api.rest.texts import shown


class Tries(Struct, frozen=True, kw_only=True):
    """What a task that starts in the triggerer stores from one try to the next.

    Airflow tells a worker how often its task was cleared, but tells a trigger only the number of its try. So a try that fails records
    this: the next try, while retries are left, is its retry. Every other try follows a clear.

    :param attempt: id of the try that wrote this; another triggerer that continues the try has the same id.
    :param number: number of that try; the first is 1.
    :param first: number of the first try since the task was cleared.
    :param retries: number of retries when that try began, which Airflow uses even if the DAG file changes later.
    :param clears: how often the task was cleared.
    :param failed: whether that try has failed, and no user has ended it.
    :param record: the launch record or, for an operator that acts on existing jobs, its action.
    :param recorded: id of the try that wrote the record.
    """

    attempt: str
    number: int
    first: int
    retries: int = 0
    clears: int = 0
    failed: bool = False
    record: Json | None = None
    recorded: str = ""

    @classmethod
    def read(cls, value: Any) -> Tries | None:
        """The stored value, or None if there is none.

        :raises LaunchRecordError: it is damaged.
        """
        if value is None:
            return None
        kinds = {"attempt": str, "number": int, "first": int, "clears": int, "failed": bool, "recorded": str}
        if not (isinstance(value, Mapping) and all(isinstance(value.get(name), kind) for name, kind in kinds.items())):
            raise LaunchRecordError(
                f"What earlier tries of this task left cannot be read ({shown(value)}); nothing is launched on a guess. Look whether one "
                "of them has a job that still moves, then delete the task's XCom 'dataflow_launch' to launch again."
            )
        known: dict[str, Any] = {name: value.get(name) for name in (*kinds, "record")}
        if isinstance(value.get("retries"), int):
            known["retries"] = value["retries"]
        return cls(**known)

    def value(self) -> Json:
        return as_json(self)

    @classmethod
    def entered(cls, known: Tries | None, attempt: str, *, number: int, retries: int) -> Tries:
        """The value when a try begins, or continues in another triggerer.

        :param number: number of the try.
        :param retries: number of retries that the DAG file now states.
        """
        if known is None:
            return cls(attempt=attempt, number=number, first=number, retries=retries)
        if known.attempt == attempt:
            return known
        begun = replace(known, attempt=attempt, number=number, failed=False)
        if known.failed and number - known.first <= known.retries:
            return begun
        return replace(begun, first=number, retries=retries, clears=known.clears + 1)

    def recording(self, record: Json) -> Tries:
        """The same with a record of this try."""
        return replace(self, record=record, recorded=self.attempt)

    @property
    def are_forgotten(self) -> bool:
        """Whether earlier tries have left nothing, because the task's XComs were deleted."""
        return self.record is None and self.first > 1 and not self.clears

    @property
    def recorded_here(self) -> Json | None:
        """The record if this try wrote it; None if an earlier try did."""
        return self.record if self.recorded == self.attempt else None
