"""Many mapped deferrable launches on a real Airflow, the scripted engine behind it: how long until all have succeeded.

The stock operator's triggerer speaks gRPC, which the emulator does not: it waits in its workers instead, with the same executor.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from bench.chaos_counts import judge
from bench.chaos_proxy import Proxy, Watcher
from bench.chaos_stack import ROOT, Chaos, say
from bench.chaos_subjects import share
from bench.measuring import table

SECONDS = 30.0
"""How long each job runs."""

A_LAUNCH = 20.0
"""Seconds that a launch may take on a slow machine before the run counts as stuck."""


def one(provider: str, launches: int, home: Path) -> dict[str, Any]:
    """One run of the DAG; what became of it."""
    groups = share(launches, ["classic"], deferred=lambda count: 0 if provider == "stock" else count)
    chaos = Chaos(provider, groups, home)
    with Proxy(chaos.proxy_port, lambda: chaos.stack.emulator_url, Watcher()), chaos.stack:
        chaos.script(lost=0, seed=0, seconds=(SECONDS,))
        chaos.start()
        began = time.monotonic()
        say(f"{launches} launches, {provider}")
        chaos.wait(300 + A_LAUNCH * launches)
        wall = time.monotonic() - began
        return {**judge(chaos.tasks(), chaos.effects()["classic"]), "wall_s": round(wall, 1)}


def run(launches: int, stock: int) -> dict[str, Any]:
    """Ours, and the stock operator with so many launches beside it; the figures of the last line."""
    home = ROOT / ".airflow" / "waiting"
    asked = {"ours": launches, "stock": stock}
    found = {who: {"launches": count, **one(who, count, home)} for who, count in asked.items() if count}
    names = ("launches", "wall_s", "jobs", "succeeded", "duplicates", "orphans")
    table(("whose", *names), [(who, *(each[name] for name in names)) for who, each in found.items()])
    a_launch = {who: each["wall_s"] / each["launches"] for who, each in found.items()}
    ratio = {"wall_ratio_per_launch": round(a_launch["ours"] / a_launch["stock"], 3), "stock": found["stock"]} if stock else {}
    return {**found["ours"], **ratio}
