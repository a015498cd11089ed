"""The scripts of CRM Analytics runs: timelines and nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from airflow_dataflow_ext.emulator.http.payload import check, make

NODE_STATUSES = ("aborted", "error", "pending", "running", "success", "warning")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveNode:
    """One node of a run.

    :param rows_in: number of rows that it reads.
    :param rows_out: number of rows that it writes.
    :param rows_failed: how many of the written rows fail.
    :param status: its final status.
    :param sources: names of the nodes that it reads from, for the dataflow's definition.
    """

    name: str
    node_type: str = "sfdcFetch"
    rows_in: int = 0
    rows_out: int = 0
    rows_failed: int = 0
    status: str = "success"
    message: str = ""
    sources: Sequence[str] = ()

    @property
    def definition(self) -> dict[str, Any]:
        """The node in a dataflow's definition, with one source, a left and a right one, or a list."""
        names: Sequence[str] = {1: ("source",), 2: ("left", "right")}.get(len(self.sources), ())
        given = dict(zip(names, self.sources, strict=True)) if names else {"sources": list(self.sources)}
        return {"action": self.node_type, "parameters": given if self.sources else {}}

    def __post_init__(self) -> None:
        if self.status not in NODE_STATUSES:
            raise ValueError(f"a node's status must be one of {', '.join(NODE_STATUSES)}, not {self.status!r}")


ORDINARY_NODES = (
    WaveNode(name="Extract_Account", rows_out=1300),
    WaveNode(name="Extract_Opportunity", rows_out=4200),
    WaveNode(name="Augment_Account", node_type="augment", rows_in=5500, rows_out=4200, sources=("Extract_Opportunity", "Extract_Account")),
    WaveNode(name="Register_Sales", node_type="sfdcRegister", rows_in=4200, rows_out=4200, sources=("Augment_Account",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveScript:
    """The timeline of a run.

    :param pattern: name or label of the dataflows, recipes or connectors that use it, as in a file name pattern.
    :param wait: seconds in the queue, if no other run is in the way.
    :param preprocessing: seconds in status Preprocessing, before ``seconds`` in status ``during``.
    :param status: the final status; any text is allowed, so that future statuses can be tested.
    :param progress: the final progress; values above 1 have been seen in real failures.
    :param nodes: the run's nodes, which share its time.
    """

    pattern: str = "*"
    wait: float = 0.5
    preprocessing: float = 0.0
    seconds: float = 2.0
    during: str = "Running"
    status: str = "Success"
    message: str = ""
    progress: float = 1.0
    nodes: Sequence[WaveNode] = ORDINARY_NODES

    def __post_init__(self) -> None:
        if min(self.wait, self.preprocessing, self.seconds) < 0:
            raise ValueError("wait, preprocessing and seconds of a script of a run must be at least 0")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> WaveScript:
        """
        :raises ValueError: a name or a value is wrong.
        """
        if "nodes" not in value:
            return make(cls, value, "a script of a run")
        check(Sequence[Mapping[str, Any]], value["nodes"], "nodes of a script of a run")
        return make(cls, {**value, "nodes": [make(WaveNode, node, "a node") for node in value["nodes"]]}, "a script of a run")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class WaveScripts:
    """The scripts that are set; the last one whose pattern matches is used."""

    def __init__(self) -> None:
        self._scripts: list[WaveScript] = []

    def __iter__(self) -> Iterator[WaveScript]:
        return iter(tuple(self._scripts))

    def add(self, script: WaveScript) -> WaveScript:
        self._scripts.append(script)
        return script

    def play(self, pattern: str = "*", **facts: Any) -> WaveScript:
        """Set a script; the arguments are those of ``WaveScript``."""
        return self.add(WaveScript(pattern=pattern, **facts))

    def clear(self) -> None:
        self._scripts.clear()

    def find(self, *names: str) -> WaveScript:
        """The script for one of these names, else the default one."""
        fitting = (script for script in reversed(self._scripts) if any(fnmatchcase(name, script.pattern) for name in names))
        return next(fitting, ORDINARY)


ORDINARY = WaveScript()
