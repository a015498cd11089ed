"""What tells a retry from a clear where Airflow does not say it: in the triggerer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from airflow_dataflow_ext.api.rest.errors import LaunchRecordError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.texts import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """What a task that starts in the triggerer remembers from one try to the next.

    Airflow tells a worker how often its task was cleared, and a trigger only which try it is. So a try leaves behind that it failed:
    the next one, while there are retries, is its retry. Every other try follows a clear.

    :param attempt: id of the try that wrote this; a triggerer that takes the try over finds its own.
    :param number: of that try; the first is 1.
    :param first: number of the first try since the task was cleared.
    :param retries: how often it was to be tried again when that try began: Airflow counts with these, whatever the DAG file says later.
    :param clears: how often it was cleared.
    :param failed: that try has failed, and nobody has ended it.
    :param record: the launch record or, of an operator that acts on jobs, its action.
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
        """What was stored.

        :raises LaunchRecordError: it is damaged.
        """
        if value is None:
            return None
        kinds = {"attempt": str, "number": int, "first": int, "clears": int, "failed": bool, "recorded": str}
        if not (isinstance(value, Mapping) and all(isinstance(value.get(name), kind) for name, kind in kinds.items())):
            raise LaunchRecordError(
                f"What earlier tries of this task left cannot be read ({shown(value)}); nothing is launched on a guess. Look whether one "
                "of them has a job that still moves, then delete the task's XCom 'dataflow_launch' to launch anew."
            )
        known: dict[str, Any] = {name: value.get(name) for name in (*kinds, "record")}
        if isinstance(value.get("retries"), int):
            known["retries"] = value["retries"]
        return cls(**known)

    def value(self) -> Json:
        return asdict(self)

    @classmethod
    def entered(cls, known: Tries | None, attempt: str, *, number: int, retries: int) -> Tries:
        """What is known when a try begins, or goes on in another triggerer.

        :param number: of the try.
        :param retries: how often the DAG file now says that the task is tried again.
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
        """The same with what this try has recorded."""
        return replace(self, record=record, recorded=self.attempt)

    @property
    def are_forgotten(self) -> bool:
        """Whether there were earlier tries of which nothing is left, because the task's XComs were cleaned."""
        return self.record is None and self.first > 1 and not self.clears

    @property
    def recorded_here(self) -> Json | None:
        """What this very try has recorded; None when the record is an earlier one's."""
        return self.record if self.recorded == self.attempt else None
