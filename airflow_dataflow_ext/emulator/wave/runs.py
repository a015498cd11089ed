"""The emulated runs: the state of each at any time, and the queue of each dataflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from airflow_dataflow_ext.api.wave.methods import full_id
from airflow_dataflow_ext.api.wave.states import ENDED, WAVE
from airflow_dataflow_ext.emulator.http.clock import Clock
from airflow_dataflow_ext.emulator.http.errors import ApiError
from airflow_dataflow_ext.emulator.wave.script import WaveNode, WaveScript, WaveScripts

Json = dict[str, Any]
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Ids:
    """Makes consecutive Salesforce ids with any prefix."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def new(self, prefix: str) -> str:
        number, text = next(self._numbers), ""
        for _ in range(7):
            number, digit = divmod(number, len(_DIGITS))
            text = _DIGITS[digit] + text
        return full_id(f"{prefix}EM000{text}")


@dataclass(kw_only=True)
class WaveSettings:
    """Behavior that the service does not document, or that differs between orgs.

    :param api_requests: number of API requests that the org may use in 24 hours.
    :param handle: what happens to the 030 id that a start returns: it ``follows`` the run, is ``gone`` when the run begins, or
        stays ``stale``, which shows the run as queued forever.
    :param duplicate: what happens to a third run of a dataflow: it ends as ``Failure`` or ``Cancelled``, or is ``refused``.
    :param stopped: the status of a run that was stopped.
    :param list_lag: seconds until a new run is in the list.
    """

    api_requests: int = 15_000
    handle: str = "follows"
    duplicate: str = "Failure"
    stopped: str = "Cancelled"
    list_lag: float = 0.0

    def __post_init__(self) -> None:
        for name, known in (("handle", ("follows", "gone", "stale")), ("duplicate", ("Failure", "Cancelled", "refused"))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}")
        if self.stopped.lower() not in WAVE:
            raise ValueError(f"stopped must be a status of a run, not {self.stopped!r}")


@dataclass(kw_only=True)
class WaveRun:
    """One run. Times are seconds since 1970 on the emulator's clock.

    :param handle: the id that the start returned; ``id`` is the id in lists.
    :param source: the dataflow or connector that is run, as an AssetReference.
    :param executed: when it left the queue; None before.
    """

    id: str
    handle: str
    source: Json
    label: str
    job_type: str
    script: WaveScript
    created: float
    sequence: int
    status: str = "Queued"
    message: str = ""
    executed: float | None = None
    ended: float | None = None
    node_ids: list[str] = field(default_factory=list)

    @property
    def moves(self) -> bool:
        return self.ended is None

    def progress(self, now: float) -> float:
        """The progress: 0 at the beginning, and at the end what the script says, or how far the run had come."""
        if self.executed is None:
            return 0.0
        if self.ended is not None and self.status == self.script.status:
            return self.script.progress
        span = self.script.preprocessing + self.script.seconds
        return round(min(1.0, ((self.ended or now) - self.executed) / span), 4) if span else 1.0

    def nodes(self, now: float) -> Iterator[tuple[str, WaveNode, str, float | None]]:
        """Id, node, current status and seconds of each node; a run that has not begun has none."""
        if self.executed is None or not self.script.nodes:
            return
        share = 1.0 / len(self.script.nodes)
        come, duration = self.progress(now), self.script.seconds * share
        played = not self.moves and self.status == self.script.status
        for position, (node_id, node) in enumerate(zip(self.node_ids, self.script.nodes, strict=True)):
            if played or come >= (position + 1) * share:
                yield node_id, node, node.status, duration
            elif come > position * share:
                yield node_id, node, "running" if self.moves else "aborted", None
            else:
                yield node_id, node, "pending" if self.moves else "aborted", None


class WaveRuns:
    """All runs of the org, and their queues."""

    def __init__(self, clock: Clock, scripts: WaveScripts, settings: WaveSettings, ids: Ids) -> None:
        self._clock = clock
        self._scripts = scripts
        self._settings = settings
        self._ids = ids
        self._order = count(1)
        self._by_id: dict[str, WaveRun] = {}
        self._waiting: dict[str, list[WaveRun]] = {}

    def __iter__(self) -> Iterator[WaveRun]:
        return iter({run.id: run for run in self._by_id.values()}.values())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def get(self, id: str) -> WaveRun | None:
        """The run with an id or a handle."""
        return self._by_id.get(id)

    def start(self, source: Json, *, job_type: str, prefix: str) -> WaveRun:
        """Add a run to the queue; of each dataflow, at most one runs and one waits.

        :raises ApiError: 400 if the settings refuse a third run.
        """
        waiting = self._waiting.setdefault(source["id"], [])
        message = f"The run of {source['label']} can't be queued: it's already in the queue."
        duplicate = len(waiting) > 1
        if duplicate and self._settings.duplicate == "refused":
            raise ApiError(400, message, code="INVALID_INPUT")
        handle = self._ids.new("030")
        script = self._scripts.find(source["label"], source["name"])
        run = WaveRun(
            id=handle if duplicate else self._ids.new(prefix),
            handle=handle,
            source=source,
            label=source["label"],
            job_type=job_type,
            script=script,
            created=self._clock.now(),
            sequence=next(self._order),
            node_ids=[self._ids.new("03L") for _ in script.nodes],
        )
        self._by_id[run.id] = self._by_id[run.handle] = run
        if duplicate:
            self.end(run, self._settings.duplicate, message)
        else:
            waiting.append(run)
            if waiting[0] is run:
                self._clock.after(script.wait, lambda: self._begin(run))
        return run

    def end(self, run: WaveRun, status: str, message: str = "") -> None:
        """End the run now; the next run of its dataflow may start."""
        if not run.moves:
            return
        run.ended, run.status, run.message = self._clock.now(), status, message
        waiting = self._waiting[run.source["id"]]
        if run in waiting:
            first = waiting[0] is run
            waiting.remove(run)
            if first and waiting:
                following = waiting[0]
                self._clock.after(following.script.wait, lambda: self._begin(following))

    def stop(self, run: WaveRun) -> None:
        """
        :raises ApiError: 400 if it has ended.
        """
        if not run.moves:
            raise ApiError(400, f"The job has ended as {run.status} and cannot be stopped.", code="INVALID_INPUT")
        self.end(run, self._settings.stopped, "The job was stopped.")

    def put(self, id: str, status: str, message: str = "") -> WaveRun:
        """Set a run's status, for a test.

        :raises KeyError: there is no such run.
        """
        run = self._by_id[full_id(id)]
        if status.lower() in ENDED:
            self.end(run, status, message)
        else:
            run.executed = run.executed or (None if status.lower() == "queued" else self._clock.now())
            run.status, run.message = status, message
        return run

    def clear(self) -> None:
        self._by_id.clear()
        self._waiting.clear()

    def _begin(self, run: WaveRun) -> None:
        if not run.moves:
            return
        run.executed = self._clock.now()
        script = run.script
        if script.preprocessing:
            run.status = "Preprocessing"
            self._later(run, script.preprocessing, lambda: self._execute(run))
        else:
            self._execute(run)

    def _execute(self, run: WaveRun) -> None:
        run.status = run.script.during
        self._later(run, run.script.seconds, lambda: self.end(run, run.script.status, run.script.message))

    def _later(self, run: WaveRun, seconds: float, action: Callable[[], None]) -> None:
        self._clock.after(seconds, lambda: action() if run.moves else None)
