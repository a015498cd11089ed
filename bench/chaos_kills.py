"""Chooses workers and moments at random from a seed, finds the processes by their connections or titles, and kills them with SIGKILL."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from bench.chaos_calls import READS, Launches
from bench.chaos_proxy import Call, Watcher

BEFORE = "before the call"
BETWEEN = "between call and answer"
AFTER = "after the answer"
POLLING = "while polling"
RESUMING = "while resuming"
MOMENT = "at any moment"
POINTS = (BEFORE, BETWEEN, AFTER, POLLING, RESUMING, MOMENT)

WHOM = {"task": 0.6, "machine": 0.3, "worker": 0.1}
"""The share of each kind of kill: only the task's process; that and the executor's worker, as when a machine is lost; or only the worker,
while its task keeps running without supervision."""

KILLS_EACH, KILLS_QUICK = (0, 1, 1, 1, 2), (1, 1, 1, 2)
"""The number of calls at which a launch's worker is killed is drawn from these; in a short run it is at least one."""

CHANCE = {RESUMING: 0.4, MOMENT: 0.1}
WITHIN = {RESUMING: 0.15, MOMENT: 4.0}
"""A process is killed within this many seconds of its start; a process that resumes has little left to do."""

LOOK_EVERY = 0.05
"""Seconds between two scans for new processes."""

RECORDING = 0.03
"""A process is killed within this many seconds of the answer or its loss, about the time in which it writes the record."""

TITLE, EXECUTOR = "airflow worker -- ", "LocalExecutor"
"""The titles of Airflow's task processes begin with the first; those of the LocalExecutor's workers do too, but contain the second."""

Plan = dict[int, set[str]]


@dataclass(frozen=True)
class Kill:
    """One kill that was carried out.

    :param number: the number of the launch.
    :param at: the time in seconds since the epoch.
    """

    point: str
    whom: str
    number: int
    at: float


def make_plan(seed: int, polled_by_worker: Mapping[int, bool], kills: Sequence[int] = KILLS_EACH) -> Plan:
    """Draw for each launch the points at which its worker is killed, once each.

    :param polled_by_worker: for each launch, whether a worker waits for its job.
    :param kills: the number of points for a launch is drawn from these.
    """
    plan = {}
    for number, polled in polled_by_worker.items():
        draw = random.Random(f"{seed}-{number}")
        points = [BEFORE, BETWEEN, AFTER, *([POLLING] if polled else [])]
        plan[number] = set(draw.sample(points, draw.choice(kills)))
    return plan


class Killer(Watcher):
    """A context manager that kills task processes at calls according to the plan, and at random in between.

    :param launches: the launches that the calls belong to.
    :param sessions: returns the ids of the sessions that task processes belong to.
    :param number_of: returns the number of the launch from the beginning of its task instance's id.
    """

    def __init__(
        self, seed: int, plan: Plan, launches: Launches, *, sessions: Callable[[], set[int]], number_of: Callable[[str], int | None]
    ) -> None:
        self.kills: list[Kill] = []
        self.launches = launches
        self._plan = plan
        self._sessions = sessions
        self._number_of = number_of
        self._draw = random.Random(seed)
        self._marked: dict[int, psutil.Process] = {}
        self._over = threading.Event()
        self._scan = threading.Thread(target=self._watch_processes, name="chaos-killer", daemon=True)

    def __enter__(self) -> None:
        self._scan.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._scan.join()

    async def arrives(self, call: Call) -> bool:
        number = self.launches.number(call)
        point = BEFORE if self.launches.is_started_by(call) else POLLING if call.method in READS else ""
        victim = await self._victim(call, number, point)
        return victim is not None and self._kill(victim, point, lambda: number)

    async def answers(self, call: Call, answer: bytes) -> bool:
        self.launches.learn(call, answer)
        if not self.launches.is_started_by(call):
            return False
        number = self.launches.number(call)
        if victim := await self._victim(call, number, BETWEEN):
            return self._kill(victim, BETWEEN, lambda: number)
        if victim := await self._victim(call, number, AFTER):
            self._marked[call.port] = victim  # found now, because finding it after the answer takes too long
        return False

    async def answered(self, call: Call) -> None:
        victim = self._marked.pop(call.port, None)
        if victim is not None:
            await asyncio.sleep(self._draw.uniform(0, RECORDING))
            self._kill(victim, AFTER, lambda: self.launches.number(call))

    async def _victim(self, call: Call, number: int | None, point: str) -> psutil.Process | None:
        """The task process that makes the call, if the plan says to kill it at this point."""
        if number is None or point not in self._plan.get(number, ()) or self._over.is_set():
            return None
        victim = await asyncio.to_thread(self._owner, call.port)
        if victim is not None:
            self._plan[number].discard(point)
        return victim

    def _owner(self, port: int) -> psutil.Process | None:
        for process, _ in self._tasks():
            with suppress(psutil.Error):
                if any(connection.laddr[1:] == (port,) for connection in process.net_connections("tcp4")):
                    return process
        return None

    def _tasks(self) -> Iterator[tuple[psutil.Process, str]]:
        """All task processes, each with the beginning of its task instance's id."""
        sessions = self._sessions()
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if os.getsid(process.pid) in sessions:
                    title = " ".join(process.cmdline())
                    if title.startswith(TITLE) and EXECUTOR not in title:
                        yield process, title.removeprefix(TITLE).strip()

    def _watch_processes(self) -> None:
        """Kill some of the new task processes; a task's second process, after a deferral, has the same instance id as its first."""
        known: set[int] = set()
        begun: set[str] = set()
        while not self._over.wait(LOOK_EVERY):
            for process, instance in self._tasks():
                if process.pid in known:
                    continue
                point = RESUMING if instance in begun else MOMENT
                known.add(process.pid)
                begun.add(instance)
                if self._draw.random() < CHANCE[point]:
                    threading.Timer(self._draw.uniform(0, WITHIN[point]), self._kill_started, (process, point, instance)).start()

    def _kill_started(self, process: psutil.Process, point: str, instance: str) -> None:
        if _lives(process) and not self._over.is_set():
            self._kill(process, point, lambda: self._number_of(instance))

    def _kill(self, task: psutil.Process, point: str, number: Callable[[], int | None]) -> bool:
        """Kill the task, its worker or both, and return whether the task was still running.

        :param number: returns the number of the launch; called after the kill, because a process that resumes soon ends.
        """
        whom = self._draw.choices(list(WHOM), list(WHOM.values()))[0]
        try:
            worker = self._worker_of(task)
            if not _lives(task):
                return False  # its worker may hold the lock of the executor's queue, so killing it would block the others
            if worker is None or whom == "task":
                whom = "task"
                task.kill()
            else:
                worker.kill()  # before the task, because a running worker reports its task's end
                if whom == "machine":
                    task.kill()
        except psutil.NoSuchProcess:
            return False
        at = time.time()
        self.kills.append(Kill(point, whom, number() or 0, at))
        return True

    def _worker_of(self, task: psutil.Process) -> psutil.Process | None:
        """The executor's worker that supervises a task; None if it was killed before, so that init is the task's parent."""
        parent = task.parent()
        sessions = self._sessions()
        if parent is None or os.getsid(parent.pid) not in sessions or parent.pid in sessions:
            return None
        return parent


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
