"""What a task stores about its job for the pages in Airflow's UI: a summary for lists, and the facts of the job's page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from msgspec import Struct, ValidationError, convert, field
from msgspec.structs import replace

from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.rest.method import Json, as_json

Kind = TypeVar("Kind")

SUMMARY_KEY, FACTS_KEY = "dataflow_ext_job", "dataflow_ext_facts"
"""The names under which a task stores them, in its state store or, if it has none, as XComs."""

VERSION = 1
MOST_BYTES = 32 * 1024
"""Greatest size of summary and facts together, in bytes of JSON."""

MOST_TRIES = 20
MOST_POINTS = 120
"""Greatest number of points of a series; a longer series loses points in its middle."""

LONGEST_ERROR, SHORT_ERROR = 8_000, 400
_ROOM_FOR_SUMMARY = 4_000
"""Characters of an error in the facts, and in the summary."""


class Summary(Struct, frozen=True, kw_only=True):
    """A task's job in brief: which job, in which state, and what it cost.

    :param place: ``project_id`` and ``location`` of a Dataflow job; empty for a CRM Analytics run.
    :param state: the state in which the job was last seen, as the service names it; ``phase`` is what it means for the task.
    :param launched: an RFC 3339 time, like the other times; empty if unknown.
    :param seen: when the job was in this state.
    :param tries: one entry for each try that had a job: ``try``, ``job_id``, ``adopted``, ``at``.
    :param foreign: whether somebody else started the job, and the task only follows it.
    :param prices: prices by total; see :func:`airflow_dataflow_ext.api.dataflow.usage.check_prices`.
    :param used: totals by name, once the job has ended.
    :param cost: cost of these totals at the prices; None if unknown.
    """

    service: Literal["dataflow", "wave"]
    job_id: str
    name: str = ""
    type: str = ""
    place: Mapping[str, str] = field(default_factory=dict)
    generation: int = 0
    foreign: bool = False
    state: str = ""
    phase: str = Phase.MOVING.value
    launched: str = ""
    ended: str = ""
    seen: str = ""
    tries: Sequence[Mapping[str, Any]] = ()
    prices: Mapping[str, float] = field(default_factory=dict)
    used: Mapping[str, float] = field(default_factory=dict)
    cost: float | None = None
    error: str = ""
    version: int = VERSION

    @classmethod
    def read(cls, value: Any) -> Summary | None:
        """The stored summary; None if ``value`` is not one, is damaged, or was stored by a later version of this package."""
        if not isinstance(value, Mapping) or value.get("version") != VERSION:
            return None
        return _read(value, cls)

    def value(self) -> Json:
        """The summary as JSON; :meth:`read` is the inverse."""
        return as_json(self)

    def after(self, earlier: Summary | None) -> Summary:
        """This summary, completed with what an earlier one knew about the same job."""
        if earlier is None or earlier.job_id != self.job_id:
            return self
        missing = {name: getattr(earlier, name) for name in self.__struct_fields__ if not getattr(self, name)}
        return replace(self, **missing)

    def of_try(self, number: int, *, adopted: bool, at: str, earlier: Summary | None) -> Summary:
        """This summary with the earlier tries and this one.

        :param earlier: the task's previous summary.
        """
        known = [entry for entry in (earlier.tries if earlier else ()) if entry.get("try") != number]
        entry = {"try": number, "job_id": self.job_id, "adopted": adopted, "at": at}
        return replace(self, tries=(*known, entry)[-MOST_TRIES:])


class Facts(Struct, frozen=True, kw_only=True):
    """What a task has stored for its job's page, besides the summary.

    :param seen: when it was stored, as an RFC 3339 time.
    :param states: the job's states, each with the time of the change.
    :param stages: the stages of a Dataflow job; ``workers`` are the changes of its worker pool.
    :param nodes: the nodes of a CRM Analytics run.
    """

    job_id: str
    seen: str = ""
    states: Sequence[tuple[str, str]] = ()
    stages: Sequence[Mapping[str, str]] = ()
    workers: Sequence[Mapping[str, str | float | bool | None]] = ()
    nodes: Sequence[Mapping[str, Any]] = ()
    error: str = ""

    @classmethod
    def read(cls, value: Any) -> Facts | None:
        """The stored facts; None if ``value`` is not what a task stores, or is damaged."""
        return _read(value, cls)


def _read(value: Any, kind: type[Kind]) -> Kind | None:
    """A stored value; None if it is damaged."""
    try:
        return convert(value, kind)
    except (ValidationError, UnicodeError):  # msgspec raises the latter for half of a surrogate pair
        return None


def latest(*values: Any) -> Summary | None:
    """One summary from those stored in several places: the most recent, completed with what the others know about the same job."""
    found = sorted((summary for summary in map(Summary.read, values) if summary is not None), key=lambda summary: summary.seen)
    merged: Summary | None = None
    for summary in found:
        merged = summary.after(merged)
    return merged


def merged(earlier: Any, value: Any) -> Any:
    """The summary to store, completed with what was known earlier about the same job."""
    known = latest(earlier, value)
    return value if known is None else known.value()


def shortened(text: str, longest: int) -> str:
    """The text cut to ``longest`` characters; a cut text says so."""
    return text if len(text) <= longest else f"{text[: longest - 20]} ... ({len(text):,} characters)"


def thinned(points: Sequence[Any], most: int = MOST_POINTS) -> list[Any]:
    """A series of at most ``most`` points; the first and the last stay."""
    if len(points) <= most:
        return list(points)
    step = (len(points) - 1) / (most - 1)
    return [points[round(number * step)] for number in range(most)]


def fitted(facts: Mapping[str, Any], most: int = MOST_BYTES - _ROOM_FOR_SUMMARY) -> Json:
    """The facts reduced to a size: texts are cut and series thinned, and the longest lists thinned again until everything fits.

    :param most: greatest size in bytes of JSON.
    """
    kept: Json = {name: thinned(value) if isinstance(value, list | tuple) else value for name, value in facts.items()}
    if isinstance(kept.get("error"), str):
        kept["error"] = shortened(kept["error"], LONGEST_ERROR)
    while size(kept) > most:
        longest = max(kept, key=lambda name: size(kept[name]))
        value = kept[longest]
        if isinstance(value, list) and len(value) > 2:
            kept[longest] = thinned(value, max(2, len(value) // 2))
        else:
            del kept[longest]
    return kept


def size(value: Any) -> int:
    """The size of a value in bytes of JSON."""
    return len(json.dumps(value, default=str).encode())


def state_times(changes: Iterable[tuple[str, str]]) -> list[list[str]]:
    """States with the time of each change; repetitions are dropped."""
    found: list[list[str]] = []
    for state, since in changes:
        if not found or found[-1][0] != state:
            found.append([state, since])
    return found
