"""The engine that plays a timeline instead of running a pipeline, for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from airflow_dataflow_ext.api.dataflow.states import BATCH, CANCELLED, DRAINED, FAILED, QUEUED, STREAMING, TERMINAL
from airflow_dataflow_ext.emulator.engines.contract import Report, Work
from airflow_dataflow_ext.emulator.engines.timeline import (
    ORDINARY_RUN,
    ORDINARY_STREAM,
    Describe,
    State,
    TimelineEvent,
    step_of,
    step_to_json,
)
from airflow_dataflow_ext.emulator.http.clock import Clock
from airflow_dataflow_ext.emulator.http.payload import check, make, read_json

Timed = tuple[float, TimelineEvent]
_CLOCK_STEP = 1e-6  # the clock's precision; a step that is less than this away is due


@dataclass(frozen=True, slots=True)
class Script:
    """What happens to the jobs whose names match a pattern.

    :param pattern: a pattern of job names, for example ``wordcount-*``.
    :param steps: pairs of seconds from the start of the job and a step; a state can be given by its name alone.
    :param type: JOB_TYPE_BATCH or JOB_TYPE_STREAMING; a Flex job shows it when it leaves JOB_STATE_QUEUED.
    :param on_cancel: steps after a cancel, in seconds from the cancel; ``on_drain`` likewise.
    """

    pattern: str = "*"
    steps: Sequence[tuple[float, TimelineEvent | str]] = ORDINARY_RUN
    type: str = BATCH
    on_cancel: Sequence[tuple[float, TimelineEvent | str]] = ((2.0, CANCELLED),)
    on_drain: Sequence[tuple[float, TimelineEvent | str]] = ((5.0, DRAINED),)

    def __post_init__(self) -> None:
        if self.type not in (BATCH, STREAMING):
            raise ValueError(f"type must be {BATCH} or {STREAMING}, not {self.type!r}")
        for name in ("steps", "on_cancel", "on_drain"):
            object.__setattr__(self, name, _timed(name, getattr(self, name)))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Script:
        """``{"pattern": ..., "steps": [[0, "JOB_STATE_RUNNING"], [3, {"message": "..."}], ...], "type": ...}``

        :raises ValueError: a name or a value is wrong.
        """
        facts = dict(value)
        for name in {"steps", "on_cancel", "on_drain"} & set(facts):
            check(Sequence[Sequence[Any]], facts[name], f"{name} of a script")
            if any(len(entry) != 2 for entry in facts[name]):
                raise ValueError(f"each entry of {name} of a script must be a pair of seconds and a step")
            facts[name] = [(seconds, step_of(step)) for seconds, step in facts[name]]
        return make(cls, facts, "a script")

    def to_json(self) -> dict[str, Any]:
        lists = {name: [[at, step_to_json(step)] for at, step in getattr(self, name)] for name in ("steps", "on_cancel", "on_drain")}
        return {"pattern": self.pattern, "type": self.type, **lists}


def _timed(name: str, steps: Sequence[tuple[float, TimelineEvent | str]]) -> tuple[Timed, ...]:
    for seconds, _ in steps:
        check(float, seconds, f"a time of {name}")
    timed = tuple((float(seconds), State(step) if isinstance(step, str) else step) for seconds, step in steps)
    times = [seconds for seconds, _ in timed]
    if times != sorted(times) or any(seconds < 0 for seconds in times):
        raise ValueError(f"the times of {name} must ascend from 0: {times}")
    return timed


BATCH_RUN = Script()
STREAM_RUN = Script(steps=ORDINARY_STREAM, type=STREAMING)


class Scripts:
    """The scripts that are set; for a job's name, the last one that matches is played.

    :param check: raises a ``ValueError`` for a script that cannot be played.
    """

    def __init__(self, check: Callable[[Script], None] = lambda _: None) -> None:
        self._scripts: list[Script] = []
        self._check = check

    def __len__(self) -> int:
        return len(self._scripts)

    def __iter__(self) -> Iterator[Script]:
        return iter(tuple(self._scripts))

    def add(self, script: Script) -> Script:
        """Set a script.

        :raises ValueError: it cannot be played.
        """
        self._check(script)
        self._scripts.append(script)
        return script

    def play(self, pattern: str, steps: Sequence[tuple[float, TimelineEvent | str]], **facts: Any) -> Script:
        """Set a script; the arguments are those of ``Script``."""
        return self.add(Script(pattern, steps, **facts))

    def clear(self) -> None:
        self._scripts.clear()

    def find(self, name: str) -> Script | None:
        return next((script for script in reversed(self._scripts) if fnmatchcase(name, script.pattern)), None)

    def load(self, text: str) -> None:
        """Add the scripts of a JSON list.

        :raises ValueError: it is not such a list, or a script in it is wrong.
        """
        found = read_json(text.encode())
        if not isinstance(found, list) or not all(isinstance(value, dict) for value in found):
            raise ValueError("scripts must be a JSON list of objects, each with a pattern and steps")
        for value in found:
            self.add(Script.from_json(value))


class _Play:
    """One job's progress through its script; only its next step is on the clock's agenda."""

    __slots__ = ("launching", "position", "report", "script", "started", "steps")

    def __init__(self, script: Script, report: Report, now: float, *, launching: bool) -> None:
        self.script = script
        self.report = report
        self.launching = launching
        self.follow(script.steps, now)

    @property
    def has_ended(self) -> bool:
        """Whether the job has reached a terminal state; a job whose steps are used up without one runs on and can be stopped."""
        return any(isinstance(step, State) and step.name in TERMINAL for _, step in self.steps[: self.position])

    def follow(self, steps: Sequence[Any], now: float) -> None:
        self.steps: Sequence[Timed] = steps
        self.position = 0
        self.started = now


class ScriptedEngine:
    """Plays scripts on the emulator's clock. A job is an entry in its agenda and needs no asyncio task, so ten thousand jobs are cheap."""

    name = "scripted"

    def __init__(self, clock: Clock, scripts: Scripts) -> None:
        self._clock = clock
        self._scripts = scripts
        self._plays: dict[str, _Play] = {}

    def start(self, work: Work, report: Report) -> None:
        script = self._scripts.find(work.job_name) or (STREAM_RUN if streams(work) else BATCH_RUN)
        self.play(work, report, script)

    def play(self, work: Work, report: Report, script: Script) -> None:
        """Start the job with this script, whatever its name."""
        play = _Play(script, report, self._clock.now(), launching=work.kind == "flex")
        self._plays[work.job_id] = play
        if work.kind != "flex":
            report.describe({"type": script.type})
        self._run(work.job_id, play)

    def stop(self, job_id: str, *, drain: bool) -> None:
        play = self._plays.get(job_id)
        if play is None:
            return
        play.follow(play.script.on_drain if drain else play.script.on_cancel, self._clock.now())
        self._run(job_id, play)

    async def close(self) -> None:
        self._plays.clear()

    def _run(self, job_id: str, play: _Play) -> None:
        """Play the steps that are due, and put the next one on the agenda."""
        now = self._clock.now()
        while play.position < len(play.steps) and play.started + play.steps[play.position][0] <= now + _CLOCK_STEP:
            step = play.steps[play.position][1]
            play.position += 1
            if play.launching and isinstance(step, State) and step.name != QUEUED:
                play.launching = False
                if step.name not in (FAILED, CANCELLED):
                    Describe({"type": play.script.type}).play(play.report)
            step.play(play.report)
        if play.position < len(play.steps):
            wait = play.started + play.steps[play.position][0] - now
            self._clock.after(wait, partial(self._resume, job_id, play))
        elif play.has_ended:
            self._plays.pop(job_id, None)

    def _resume(self, job_id: str, play: _Play) -> None:
        if self._plays.get(job_id) is play:
            self._run(job_id, play)


def streams(work: Work) -> bool:
    """Whether the job is streaming, according to its template's metadata or its graph."""
    return bool(work.spec.get("metadata", {}).get("streaming")) or work.spec.get("type") == STREAMING
