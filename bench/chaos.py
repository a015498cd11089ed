"""Many launches on a real Airflow whose workers are killed and whose answers are lost: how many jobs are there in the end?

``python -m bench.chaos [--launches N] [--seed N] [--provider stock] [--quick]``: scheduler, LocalExecutor and triggerer run a DAG
on the emulator, half of its tasks deferrable. Workers die by SIGKILL before the launch is sent, between its effect and its answer,
right after the answer, while they poll, while they resume and at any other moment; the emulator loses one answer in five.
``--triggerer`` kills the triggerer instead, ten times during fifty waits. ``--provider stock`` runs the Google provider's own
operator, which waits in the worker only: its triggerer speaks gRPC.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow_dataflow_ext.api.conversations import epoch
from airflow_dataflow_ext.api.states import TERMINAL
from bench.chaos_kills import POINTS, Kill, Killer, make_plan
from bench.chaos_proxy import Proxy, Watcher
from bench.chaos_stack import BEGAN, ROOT, Chaos, Task, say
from bench.measuring import figures, table

LOST = 0.2
"""The share of launches whose answer the emulator loses."""

SHORT, LONG = 4.0, 25.0
"""Seconds that jobs run: half of them are over before a lost machine is noticed, half of them are not."""


def judge(tasks: Sequence[Task], jobs: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Count what the promise is about.

    Duplicates are jobs beyond one of each launch; orphans are jobs that still move, or that no successful task holds.
    """
    each = Counter(job["name"].split("-")[1] for job in jobs)
    held = {task.job_id for task in tasks}
    return {
        "jobs": len(jobs),
        "succeeded": sum(task.state == "success" for task in tasks),
        "duplicates": sum(count - 1 for count in each.values()),
        "orphans": sum(job["currentState"] not in TERMINAL or job["id"] not in held for job in jobs),
    }


def became(kill: Kill, tasks: Sequence[Task], jobs: Sequence[dict[str, Any]]) -> str:
    """What became of the launch whose worker was killed."""
    mine = sorted(epoch(job["createTime"]) for job in jobs if int(job["name"].split("-")[1]) == kill.number)
    if all(task.state != "success" for task in tasks if task.number == kill.number):
        return "task failed"
    if len(mine) != 1:
        return "second job"
    return "job kept" if mine[0] < kill.at else "launched later"


def show_kills(kills: Sequence[Kill], tasks: Sequence[Task], jobs: Sequence[dict[str, Any]]) -> None:
    """Print the table of kills."""
    ends = ("launched later", "job kept", "second job", "task failed")
    whom = ("task", "machine", "worker")
    rows = []
    for point in POINTS:
        mine = [kill for kill in kills if kill.point == point]
        counts = Counter(became(kill, tasks, jobs) for kill in mine) + Counter(kill.whom for kill in mine)
        rows.append([point, len(mine), *(counts[name] for name in (*whom, *ends))])
    print()
    table(["killed", "kills", *whom, *ends], [*rows, ["total", *map(sum, zip(*(row[1:] for row in rows), strict=True))]])
    print(f"\ntries: {dict(sorted(Counter(task.tries for task in tasks).items()))}")


def kill_workers(options: argparse.Namespace) -> dict[str, Any]:
    """The main run."""
    count = options.launches
    in_workers = count if options.provider == "stock" else count // 2
    chaos = Chaos(options.provider, in_workers, count - in_workers, options.home)
    plan = make_plan(options.seed, {number: number < in_workers for number in range(count)})
    killer = Killer(options.seed, plan, session=lambda: chaos.stack.programs["scheduler"].pid, number_of=chaos.number_of)
    with Proxy(chaos.proxy_port, lambda: chaos.stack.emulator_url, killer), chaos.stack:
        chaos.script(lost=LOST, seed=options.seed, seconds=(SHORT, LONG))
        chaos.start()
        say(f"{count} launches; workers are killed")
        with killer:
            chaos.wait(240 + 15 * count)
        lost = sum(fault["hits"] for fault in chaos.control("GET", "faults"))
        tasks, jobs = chaos.tasks(), chaos.jobs()
    show_kills(killer.kills, tasks, jobs)
    return {**judge(tasks, jobs), "kills": len(killer.kills), "lost_answers": lost}


def kill_triggerers(options: argparse.Namespace) -> dict[str, Any]:
    """Waits in a triggerer that is killed each time when it has taken them over; half of the jobs end meanwhile."""
    chaos = Chaos("ours", 0, options.launches, options.home)
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
            say("The triggerer was killed; {1} tasks waited, {2} of them in it".format(*rows[-1]))
            if number == options.kills // 2:
                chaos.end_jobs(every=2)
        chaos.end_jobs(every=1)
        chaos.wait(600)
        tasks, jobs = chaos.tasks(), chaos.jobs()
    states = Counter(job["currentState"] for job in jobs)
    print()
    table(["kill", "tasks that waited", "in the killed triggerer"], rows)
    print(f"\njobs: {dict(states)}")
    return {**judge(tasks, jobs), "kills": options.kills, "cancelled": len(jobs) - states["JOB_STATE_DONE"]}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launches", type=int, help="how many (default: 200; 50 with --triggerer)")
    parser.add_argument("--seed", type=int, default=1, help="of kills and losses")
    parser.add_argument("--provider", choices=("ours", "stock"), default="ours")
    parser.add_argument("--quick", action="store_true", help="twelve launches; five waits and two kills with --triggerer")
    parser.add_argument("--triggerer", action="store_true", help="kill the triggerer instead of workers")
    parser.add_argument("--kills", type=int, help="of the triggerer (default: 10)")
    parser.add_argument("--home", type=Path, default=ROOT / ".airflow" / "chaos", help="for logs and the database")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.triggerer:
        options.launches = options.launches or (5 if options.quick else 50)
        options.kills = options.kills or (2 if options.quick else 10)
        found = kill_triggerers(options)
    else:
        options.launches = options.launches or (12 if options.quick else 200)
        found = kill_workers(options)
    told = {"provider": options.provider, "seed": options.seed, "seconds": round(time.monotonic() - BEGAN)}
    figures({"launches": options.launches, **found, **told})
    complete = found["succeeded"] == found["jobs"] == options.launches
    return 0 if complete and not (found["duplicates"] or found["orphans"] or found.get("cancelled")) else 1


if __name__ == "__main__":
    sys.exit(main())
