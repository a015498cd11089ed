"""Scripted faults: what goes wrong, at which method, how often; and which faults were never used."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from airflow_dataflow_ext.api.rest.texts import near
from airflow_dataflow_ext.emulator.http.errors import ApiError, short
from airflow_dataflow_ext.emulator.http.payload import make

CUTS = ("", "length", "json")


@dataclass(kw_only=True)
class Fault:
    """One fault: a status, reset, lost, cut or expired answer, possibly after a delay; or a delay alone.

    :param method: id of the method, ``*`` for all, or a pattern such as ``jobs.*``.
    :param status: answer with this status, with ``reason``, ``code``, ``message``, ``details`` and ``headers``; the request has no effect.
    :param details: details of Google's error form, each with its ``@type``, such as an ErrorInfo with ``RATE_LIMIT_EXCEEDED``.
    :param reset: close the connection without an answer; the request has no effect.
    :param lost: carry out the request, then close the connection without an answer.
    :param cut: carry out the request and answer with half a body: with ``length`` the connection ends before the announced length, with
        ``json`` the length is right and the JSON is incomplete.
    :param expired: answer 401, as for an expired token; the request has no effect.
    :param delay: seconds of the machine's time to wait first.
    :param times: how often the fault strikes; ``None`` for always.
    :param skip: number of matching requests that pass first.
    :param probability: probability for each matching request, drawn with ``seed``.
    :param job: only strike requests about jobs whose name matches this pattern.
    """

    method: str = "*"
    status: int = 0
    reason: str = ""
    code: str = ""
    message: str = "A scripted error."
    details: Sequence[Mapping[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    reset: bool = False
    lost: bool = False
    cut: str = ""
    expired: bool = False
    delay: float = 0.0
    times: int | None = 1
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    job: str = "*"
    hits: int = field(default=0, init=False)
    seen: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.cut not in CUTS:
            raise ValueError(f"cut must be one of {CUTS}, not {self.cut!r}")
        kinds = [bool(self.status), self.reset, self.lost, bool(self.cut), self.expired]
        if sum(kinds) > 1 or not (any(kinds) or self.delay):
            raise ValueError("a fault must have exactly one of status, reset, lost, cut and expired, or only a delay")
        if self.status and not 300 <= self.status <= 599:
            raise ValueError(f"status must be between 300 and 599, not {self.status}")
        if self.delay < 0 or any(not _fits_a_header(text) for header in self.headers.items() for text in header):
            raise ValueError("delay must be at least 0, and headers must be printable ASCII")
        if (self.times is not None and self.times < 1) or self.skip < 0 or not 0 < self.probability <= 1:
            given = f"{self.times}, {self.skip} and {self.probability}"
            raise ValueError(
                f"times must be at least 1, or None for always, skip at least 0, and probability above 0 and at most 1, not {given}"
            )
        if not all(detail.get("@type") for detail in self.details):
            raise ValueError(f"each of the details must have an @type: {short(self.details)}")
        self._random = random.Random(self.seed)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Fault:
        """
        :raises ValueError: a name or a value is wrong.
        """
        return make(cls, value, "a fault")

    def to_json(self) -> dict[str, Any]:
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @property
    def is_used(self) -> bool:
        """Whether it has struck as often as it was set to or, if that is open, at least once."""
        if self.times is None or self.probability < 1:
            return self.seen > self.skip
        return self.hits >= self.times

    def strikes(self, method: str, job: Callable[[], str]) -> bool:
        """Whether it strikes this request; a matching request is counted.

        :param job: gives the name of the job that the request is about; called only if it matters.
        """
        spent = self.times is not None and self.hits >= self.times
        if spent or not fnmatchcase(method, self.method) or (self.job != "*" and not fnmatchcase(job(), self.job)):
            return False
        self.seen += 1
        if self.seen <= self.skip or (self.probability < 1 and self._random.random() >= self.probability):
            return False
        self.hits += 1
        return True

    def error(self) -> ApiError | None:
        """The refusal of the request, if the fault is one."""
        if self.expired:
            return ApiError(401, "Request had invalid authentication credentials. The access token has expired.")
        if self.status:
            return ApiError(self.status, self.message, code=self.code, reason=self.reason, details=self.details)
        return None


def _fits_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable() and bool(text)


class Faults:
    """The faults that are set, in order; the first one that matches a request strikes."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._methods: frozenset[str] = frozenset()

    def limit_to(self, methods: Iterable[str]) -> None:
        """From now on, refuse a fault that matches none of these methods.

        :raises ValueError: a fault that is already set matches none.
        """
        self._methods = frozenset(methods)
        for fault in self._faults:
            self._check(fault)

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._faults))

    def add(self, method: str = "*", **facts: Any) -> Fault:
        """Set a fault; the arguments are those of ``Fault``.

        :raises ValueError: an argument is wrong, or no method that is served matches ``method``.
        """
        return self.set(Fault(method=method, **facts))

    def set(self, fault: Fault) -> Fault:
        self._check(fault)
        self._faults.append(fault)
        return fault

    def _check(self, fault: Fault) -> None:
        if self._methods and not any(fnmatchcase(method, fault.method) for method in self._methods):
            meant = near(fault.method, self._methods)
            hint = f"did you mean {meant!r}?" if meant else "a method is named by its id, such as jobs.get or wave.jobs.start"
            raise ValueError(f"the emulator serves no method {short(fault.method)}; {hint}")

    def clear(self) -> None:
        self._faults.clear()

    def unused(self) -> list[Fault]:
        """Faults that have not struck as often as they were set to."""
        return [fault for fault in self if not fault.is_used]

    def strike(self, method: str, job: Callable[[], str]) -> Fault | None:
        """The fault that strikes this request, if any."""
        return next((fault for fault in self if fault.strikes(method, job)), None)
