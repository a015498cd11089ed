"""Kills the triggerer while tasks wait in it, or around the calls with which it launches jobs."""

from __future__ import annotations

import argparse
import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import MutableMapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from bench.chaos_calls import Launches
from bench.chaos_counts import judge, show_kills, show_operators
from bench.chaos_kills import AFTER, BEFORE, BETWEEN, MOMENT, RECORDING, Kill
from bench.chaos_proxy import Call, Proxy, Watcher
from bench.chaos_stack import LONG, LOST, SHORT, Chaos, say
from bench.chaos_subjects import AT_ONCE, share
from bench.measuring import table
from demo.processes import Program

POINTS = (BEFORE, BETWEEN, AFTER, MOMENT)

WITHIN = 8.0
"""A kill at any moment falls within this many seconds of the answer to a launch; a short job ends in this time, and its task with it."""


@dataclass(frozen=True)
class Due:
    """One planned kill.

    :param launched: the number of launches that must have begun before it; it falls at the next launch call.
    """

    point: str
    launched: int


def make_plan(seed: int, launches: int, kills: int) -> list[Due]:
    """Plan the same number of kills at each point, in random order, spread over all launches except the last few."""
    points = [POINTS[number % len(POINTS)] for number in range(kills)]
    random.Random(seed).shuffle(points)
    return [Due(point, number * max(launches - AT_ONCE, 0) // kills) for number, point in enumerate(points)]


class TriggererKiller(Watcher):
    """A context manager that kills the triggerer at launch calls according to the plan, and starts it again at once.

    :param launches: the launches that the calls belong to.
    :param programs: the programs of the stack. The triggerer is removed from them while it may be killed, because the stack raises an
        error when one of its programs ends.
    """

    def __init__(self, seed: int, plan: list[Due], launches: Launches, programs: MutableMapping[str, Program]) -> None:
        self.kills: list[Kill] = []
        self.launches = launches
        self._plan = iter(plan)
        self._next = next(self._plan, None)
        self._programs = programs
        self._program: Program | None = None
        self._draw = random.Random(seed)
        self._lives: dict[int, int] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._program = self._programs.pop("triggerer")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            assert self._program is not None
            self._programs["triggerer"], self._program = self._program, None

    async def arrives(self, call: Call) -> bool:
        self._lives[call.port] = len(self.kills)
        return self._is_due(call, BEFORE) and self._kill(call, BEFORE)

    async def answers(self, call: Call, answer: bytes) -> bool:
        self.launches.learn(call, answer)
        return self._is_due(call, BETWEEN) and self._kill(call, BETWEEN)

    async def answered(self, call: Call) -> None:
        for point, within in ((AFTER, RECORDING), (MOMENT, WITHIN)):
            if self._is_due(call, point):
                asyncio.get_running_loop().call_later(self._draw.uniform(0, within), self._kill, call, point)

    def _is_due(self, call: Call, point: str) -> bool:
        """Whether the next kill falls at this point of this call; if so, no other kill is due until it has been carried out."""
        due = self._next
        if due is None or due.point != point or len(self.launches.began) < due.launched:
            return False
        if not self.launches.is_started_by(call) or self._lives.get(call.port) != len(self.kills):
            return False  # it launches nothing, or its triggerer has already been killed
        self._next = None
        return True

    def _kill(self, call: Call, point: str) -> bool:
        """Kill the triggerer and start it again; return False if it may not be killed any more."""
        with self._lock:
            if self._program is None:
                return False
            self._program.kill()
            at = time.time()
            self._program.start()
        self.kills.append(Kill(point, "triggerer", self.launches.number(call) or 0, at))
        self._next = next(self._plan, None)
        say(f"Killed the triggerer {point}, launch {self.kills[-1].number}")
        return True


def kill_launching(options: argparse.Namespace) -> dict[str, Any]:
    """Kill the triggerer while tasks start, launch and end in it."""
    groups = share(options.launches, options.operators, ["here"])
    chaos = Chaos("ours", groups, options.home)
    plan = make_plan(options.seed, options.launches, options.kills)
    killer = TriggererKiller(options.seed, plan, chaos.launches, chaos.stack.programs)
    with Proxy(chaos.proxy_port, lambda: chaos.stack.emulator_url, killer), chaos.stack:
        chaos.script(lost=LOST, seed=options.seed, seconds=(SHORT, LONG))
        with killer:
            chaos.start()
            say(f"{options.launches} launches in the triggerer by {', '.join(options.operators)}; it is killed")
            chaos.wait(240 + 30 * options.launches)
        lost = sum(fault["hits"] for fault in chaos.control("GET", "faults"))
        tasks, effects = chaos.tasks(), chaos.effects()
    everything = list(chain.from_iterable(effects.values()))
    show_operators(groups, tasks, effects, killer.kills)
    show_kills(killer.kills, tasks, everything, chaos.launches.began, points=POINTS, whom=())
    in_workers = sum(task.in_worker for task in tasks)
    return {**judge(tasks, everything), "in_workers": in_workers, "kills": len(killer.kills), "lost_answers": lost}


def kill_waiting(options: argparse.Namespace) -> dict[str, Any]:
    """Kill the triggerer each time it has taken over the waiting tasks; half of the jobs end meanwhile."""
    chaos = Chaos("ours", share(options.launches, ["classic"], ["triggerer"]), options.home)
    draw = random.Random(options.seed)
    rows = []
    with Proxy(chaos.proxy_port, lambda: chaos.stack.emulator_url, Watcher()), chaos.stack:
        chaos.control("POST", "scripts", pattern="chaos-*", steps=[[0, "JOB_STATE_RUNNING"]])
        chaos.start()
        chaos.stack.wait_until("all tasks to wait", lambda: sum(chaos.held().values()) == options.launches, seconds=300)
        killed: set[int | None] = {None}

        def taken_over() -> bool:
            return bool(chaos.held().keys() - killed)

        for number in range(1, options.kills + 1):
            chaos.stack.wait_until("a triggerer to take over", taken_over, seconds=120)
            time.sleep(draw.uniform(0, 6))
            held = chaos.held()
            rows.append((number, sum(held.values()), sum(count for holder, count in held.items() if holder not in killed)))
            killed.update(held)
            chaos.stack.restart("triggerer")
            say("Killed the triggerer; {1} tasks were waiting, {2} of them in it".format(*rows[-1]))
            if number == options.kills // 2:
                chaos.end_jobs(every=2)
        chaos.end_jobs(every=1)
        chaos.wait(600)
        tasks, jobs, effects = chaos.tasks(), chaos.jobs(), chaos.effects()["classic"]
    states = Counter(job["currentState"] for job in jobs)
    print()
    table(["kill", "tasks that waited", "in the killed triggerer"], rows)
    print(f"\njobs: {dict(states)}")
    return {**judge(tasks, effects), "kills": options.kills, "cancelled": len(jobs) - states["JOB_STATE_DONE"]}
