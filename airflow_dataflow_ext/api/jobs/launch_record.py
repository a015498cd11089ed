"""The launch record: how far a task's launch has come, in a form that outlives a worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from airflow_dataflow_ext.api.rest.errors import LaunchRecordError
from airflow_dataflow_ext.api.rest.method import Json, as_json

VERSION = 1


_TEXTS = ("job_name", "job_id", "phase")
_KINDS = {"generation": int, "clear_key": int, "since": int | float, "place": Mapping, "times_full": int, **dict.fromkeys(_TEXTS, str)}


class LaunchRecord(Struct, frozen=True, kw_only=True):
    """How far this task's launch has come.

    :param step: *intended* before the launch is sent, *launched* after its answer, *settled* when the job has ended badly, and *refused*
        when the service has refused the launch, so that there is no job.
    :param generation: see :class:`LaunchIdentity`.
    :param clear_key: a number that changes when a person clears the task; its value when the record was written.
    :param job_name: the name that the job has or would have.
    :param job_id: the job's id; empty before *launched*.
    :param since: when the launch was intended, in seconds since the epoch.
    :param phase: how the wait ended, once *settled*.
    :param place: where the job is or would be, in the launcher's own form; empty if the launcher knows only one place.
    :param times_full: how often in a row the service had no capacity for the job.
    :param others: ids of jobs that existed before the launch, and could be mistaken for its job.
    :param foreign: whether somebody else started the job, so that the task only follows it and never stops it.
    """

    step: Literal["intended", "launched", "settled", "refused"]
    generation: int
    clear_key: int
    job_name: str
    since: float
    job_id: str = ""
    phase: str = ""
    place: Mapping[str, str] = field(default_factory=dict)
    times_full: int = 0
    others: tuple[str, ...] = ()
    foreign: bool = False
    version: int = VERSION

    @classmethod
    def read(cls, value: Any) -> LaunchRecord | None:
        """The stored record, or None if there is none.

        :raises LaunchRecordError: the record is damaged, or was written by a newer version of this package.
        """
        if value is None:
            return None
        try:
            if value["version"] > VERSION:
                raise ValueError(f"it is of version {value['version']}, this package knows {VERSION}")
            record = cls(**{**value, "others": tuple(value.get("others", ()))})
            record._check()
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            known = value if isinstance(value, Mapping) else {}
            raise LaunchRecordError(
                f"The launch record of this task cannot be read ({error!r}); nothing is launched on a guess. It may have started job "
                f"{known.get('job_id') or 'of unknown id'} named {known.get('job_name') or 'unknown'}. Look whether that job exists, "
                "then delete the entry 'launch' in the task's state store to launch again."
            ) from None
        return record

    def value(self) -> Json:
        return as_json(self)

    def _check(self) -> None:
        for name, kind in _KINDS.items():
            if not isinstance(getattr(self, name), kind):
                raise ValueError(f"{name} is {getattr(self, name)!r}")
        known = self.step in ("intended", "refused") or (self.step in ("launched", "settled") and self.job_id)
        if not (known and self.job_name):
            raise ValueError(f"step {self.step!r} with job id {self.job_id!r} and name {self.job_name!r}")
