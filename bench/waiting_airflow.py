"""Many mapped deferrable launches on a real Airflow, the scripted engine behind it: how long until all have succeeded.

The stock operator's triggerer speaks gRPC, which the emulator does not: it waits in its workers instead, with the same executor.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil

from bench.chaos_counts import judge
from bench.chaos_proxy import Proxy, Watcher
from bench.chaos_stack import DAG, ROOT, Chaos, say
from bench.chaos_subjects import share
from bench.measuring import table

SECONDS = 30.0
"""How long each job runs by default."""

FLOOR_SECONDS = 180.0
"""The same beside the floor. A Dataflow job takes minutes, so all launches are over when the first job ends. With shorter jobs, the wall
time depends on how many tasks resume while others are launched, which differs from run to run."""

RATIOS = {"wall": "wall_s", "cpu": "triggerer_cpu_s"}

A_LAUNCH = 20.0
"""Seconds that a launch may take on a slow machine before the run counts as stuck."""


def one(provider: str, launches: int, home: Path, seconds: float) -> dict[str, Any]:
    """One run of the DAG; what became of it, and what the triggerer took."""
    groups = share(launches, ["classic"], ["workers" if provider == "stock" else "triggerer"])
    chaos = Chaos(provider, groups, home, env={"CHAOS_SECONDS": str(seconds)})
    with Proxy(chaos.proxy_port, lambda: chaos.stack.emulator_url, Watcher()), chaos.stack:
        chaos.script(lost=0, seed=0, seconds=(seconds,))
        chaos.start()
        began, cpu = time.monotonic(), triggerer_cpu(chaos)
        say(f"{launches} launches, {provider}")
        chaos.wait(300 + seconds + A_LAUNCH * launches)
        spent = {"wall_s": round(time.monotonic() - began, 1), "triggerer_cpu_s": round(triggerer_cpu(chaos) - cpu, 1)}
        if provider == "floor":
            tasks = [row["state"] for row in chaos.stack.api.tasks(DAG, chaos.run_id)]
            return {"succeeded": tasks.count("success"), **spent}
        return {**judge(chaos.tasks(), chaos.effects()["classic"]), **spent}


def triggerer_cpu(chaos: Chaos) -> float:
    """CPU seconds of the triggerer so far, with the process of its triggers."""
    process = psutil.Process(chaos.stack.programs["triggerer"].pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def run(launches: int, stock: int, seconds: float) -> dict[str, Any]:
    """Ours, and the stock operator with so many launches beside it; the figures of the last line."""
    found = _each({"ours": launches, "stock": stock}, seconds)
    a_launch = {who: each["wall_s"] / each["launches"] for who, each in found.items()}
    ratio = {"wall_ratio_per_launch": round(a_launch["ours"] / a_launch["stock"], 3), "stock": found["stock"]} if stock else {}
    return {**found["ours"], **ratio}


def run_floor(launches: int, seconds: float) -> dict[str, Any]:
    """Ours beside as many tasks that only pause; the figures of the last line."""
    found = _each({"floor": launches, "ours": launches}, seconds)
    ours, floor = found["ours"], found["floor"]
    ratios = {f"floor_{name}_ratio": round(ours[figure] / floor[figure], 3) for name, figure in RATIOS.items()}
    return {**ours, **ratios, "floor": floor}


def _each(asked: dict[str, int], seconds: float) -> dict[str, dict[str, Any]]:
    """A run of each that has launches, in a table."""
    home = ROOT / ".airflow" / "waiting"
    found = {who: {"launches": count, **one(who, count, home, seconds)} for who, count in asked.items() if count}
    names = ("launches", "wall_s", "triggerer_cpu_s", "jobs", "succeeded", "duplicates", "orphans")
    table(("whose", *names), [(who, *(each.get(name, "") for name in names)) for who, each in found.items()])
    return found
