"""Kills Airflow's components, PostgreSQL and Redis, and makes the API servers unreachable."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from bench.celery_stack import COMPONENTS, TWO, CeleryStack
from bench.chaos_calls import Launches
from bench.chaos_stack import say

RECORD, LAUNCH, DEFERRAL, RESUME = OUTAGES = ("at the record", "at the launch", "at the deferral", "at the resume")
"""The moments at which an outage of the API servers begins: before *intended* is recorded, before *launched* is recorded, and so on."""

OUT_OF_REACH = 90.0
"""Seconds of an outage, which are longer than Airflow's clients retry."""

OUTAGE_WITHIN = 120.0
"""Seconds within which the moment of an outage must come; otherwise the outage is skipped."""

DEAD_FOR = (1.0, 12.0)
"""The range of seconds after which a killed program is started again."""

TIMES = {**dict.fromkeys(COMPONENTS, 4), "postgres": 2, "redis": 2}
"""How often each is killed in a long run; a short run kills each once."""


STARTS = re.compile(rb"PATCH /execution/task-instances/([-0-9a-f]+)/run")
SIGNS = {RECORD: b'"intended"', LAUNCH: b'"launched"', DEFERRAL: b'"deferred"'}
"""The bytes that a task sends at these moments; a task that resumes is one that has started before."""


@dataclass(frozen=True)
class Due:
    """One planned kill.

    :param what: a component, a service, or the moment of an outage.
    :param launched: the number of launches that must have begun before it.
    """

    what: str
    launched: int


def make_plan(seed: int, launches: int, *, short: bool) -> list[Due]:
    """Plan kills in random order, spread over the first nine tenths of the launches; a short run has each once, and one outage."""
    draw = random.Random(seed)
    kills = [what for what, times in TIMES.items() for _ in range(1 if short else times)]
    kills += [draw.choice(OUTAGES)] if short else OUTAGES
    draw.shuffle(kills)
    return [Due(what, 1 + number * launches * 9 // (10 * len(kills))) for number, what in enumerate(kills)]


class Moments:
    """Recognizes the moment of an outage in the bytes that clients send; see :attr:`bench.front.Front.watcher`."""

    def __init__(self) -> None:
        self.armed = ""
        self.came = threading.Event()
        self._started: set[bytes] = set()

    def __call__(self, sent: bytes) -> bool:
        start = STARTS.search(sent)
        resumes = start is not None and start[1] in self._started
        if start is not None:
            self._started.add(start[1])
        if not (resumes if self.armed == RESUME else self.armed and SIGNS[self.armed] in sent):
            return False
        self.armed = ""
        self.came.set()
        return True


class ComponentKiller:
    """A context manager that carries out planned kills, one after another.

    :param launches: the launches of the run; their number decides when a kill is due.
    """

    def __init__(self, seed: int, plan: Sequence[Due], stack: CeleryStack, launches: Launches) -> None:
        self.kills: Counter[str] = Counter()
        """The number of kills, by what was killed."""
        self._plan = plan
        self._stack = stack
        self._launches = launches
        self._draw = random.Random(seed)
        self._moments = Moments()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="chaos-components", daemon=True)

    def __enter__(self) -> Self:
        self._stack.front.watcher = self._moments
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        for due in self._plan:
            while len(self._launches.began) < due.launched:
                if self._over.wait(0.2):
                    return
            if due.what in OUTAGES:
                self._outage(due.what)
            else:
                self._kill(due.what)

    def _kill(self, what: str) -> None:
        programs = self._stack.programs
        name = what if what in programs else f"{what}-{self._draw.choice(TWO)}"
        end: Callable[[], None] = self._stack.postgres.stop_at_once if what == "postgres" else programs[name].kill
        seconds = self._draw.uniform(*DEAD_FOR)
        say(f"Killing {name} for {seconds:.0f} s")
        with self._stack.changing:
            end()
        self._over.wait(seconds)
        programs[name].start()
        self.kills[what] += 1

    def _outage(self, moment: str) -> None:
        self._moments.came.clear()
        self._moments.armed = moment
        waited = 0.0
        while not self._moments.came.wait(0.5):
            waited += 0.5
            if waited > OUTAGE_WITHIN or self._over.is_set():
                self._moments.armed = ""
                return
        say(f"API servers unreachable for {OUT_OF_REACH:.0f} s, {moment}")
        self._over.wait(OUT_OF_REACH)
        self._stack.front.open()
        self.kills[f"API out of reach {moment}"] += 1
