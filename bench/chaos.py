"""Many launches on a real Airflow whose workers are killed and whose answers are lost: how many jobs are there in the end?

``python -m bench.chaos [--launches N] [--seed N] [--service wave] [--operators all] [--provider stock] [--quick]``: scheduler,
LocalExecutor and triggerer run a DAG on the emulator, half of its tasks deferrable. Workers die by SIGKILL before the call that
starts something, between its effect and its answer, right after the answer, while they poll, while they resume and at any other
moment; the emulator loses one answer in five. Without more, classic templates are launched, or with ``--service wave`` CRM Analytics
dataflows; ``--operators`` shares the launches out to other operators (see ``chaos_subjects``), and ``--quick`` takes two of each.
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
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from bench.chaos_kills import KILLS_EACH, KILLS_QUICK, POINTS, Kill, Killer, make_plan
from bench.chaos_proxy import Proxy, Watcher
from bench.chaos_stack import BEGAN, ROOT, Chaos, Task, say
from bench.chaos_subjects import SERVICES, SUBJECTS, Effect, Group, share
from bench.measuring import figures, table

LOST = 0.2
"""The share of launches whose answer the emulator loses."""

SHORT, LONG = 4.0, 25.0
"""Seconds that jobs run: half of them are over before a lost machine is noticed, half of them are not."""


def judge(tasks: Sequence[Task], effects: Sequence[Effect]) -> dict[str, int]:
    """Count what the promise is about.

    What came of a launch is a job, for most operators. Duplicates are jobs beyond one of each launch; orphans are jobs that are not
    as the end of their task should leave them, or that their own task, in success, does not hold.
    """
    each = Counter(effect.number for effect in effects)
    held = {(task.number, task.held) for task in tasks}
    return {
        "jobs": len(effects),
        "succeeded": sum(task.state == "success" for task in tasks),
        "duplicates": sum(count - 1 for count in each.values()),
        "orphans": sum(not effect.right or held.isdisjoint((effect.number, id) for id in effect.ids) for effect in effects),
    }


def became(kill: Kill, tasks: Sequence[Task], effects: Sequence[Effect], began: Mapping[int, float]) -> str:
    """What became of the launch whose worker was killed.

    :param began: when each launch had its effect first; where nobody saw the answer, because the call died with the worker, it is not said.
    """
    if all(task.state != "success" for task in tasks if task.number == kill.number):
        return "task failed"
    if sum(effect.number == kill.number for effect in effects) != 1:
        return "not one job"
    return "job kept" if began.get(kill.number, 0.0) < kill.at else "launched later"


def show_operators(groups: Iterable[Group], tasks: Sequence[Task], effects: Mapping[str, Sequence[Effect]], kills: Sequence[Kill]) -> None:
    """Print the table of operators."""
    rows = []
    for name in effects:
        numbers = {number for group in groups if group.subject == name for number in group.numbers}
        counts = judge([task for task in tasks if task.number in numbers], effects[name])
        rows.append([name, len(numbers), *counts.values(), sum(kill.number in numbers for kill in kills)])
    _print_summed(["operator", "launches", *judge((), ()), "kills"], rows)


def show_kills(kills: Sequence[Kill], tasks: Sequence[Task], effects: Sequence[Effect], began: Mapping[int, float]) -> None:
    """Print the table of kills."""
    ends = ("launched later", "job kept", "not one job", "task failed")
    whom = ("task", "machine", "worker")
    rows = []
    for point in POINTS:
        mine = [kill for kill in kills if kill.point == point]
        counts = Counter(became(kill, tasks, effects, began) for kill in mine) + Counter(kill.whom for kill in mine)
        rows.append([point, len(mine), *(counts[name] for name in (*whom, *ends))])
    _print_summed(["killed", "kills", *whom, *ends], rows)
    print(f"\ntries: {dict(sorted(Counter(task.tries for task in tasks).items()))}")


def _print_summed(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    print()
    table(header, [*rows, ["total", *map(sum, zip(*(row[1:] for row in rows), strict=True))]])


def kill_workers(options: argparse.Namespace) -> dict[str, Any]:
    """The main run."""
    stock = options.provider == "stock"
    groups = share(options.launches, options.operators, deferred=lambda count: 0 if stock else count - count // 2)
    chaos = Chaos(options.provider, groups, options.home)
    polled = {number: group.is_polled_by_worker for group in groups for number in group.numbers}
    plan = make_plan(options.seed, polled, KILLS_QUICK if options.quick else KILLS_EACH)
    killer = Killer(options.seed, plan, chaos.launches, session=lambda: chaos.stack.programs["scheduler"].pid, number_of=chaos.number_of)
    with Proxy(chaos.proxy_port, lambda: chaos.stack.emulator_url, killer), chaos.stack:
        chaos.script(lost=LOST, seed=options.seed, seconds=(SHORT, LONG))
        chaos.start()
        say(f"{options.launches} launches by {', '.join(options.operators)}; workers are killed")
        with killer:
            chaos.wait(240 + 15 * options.launches)
        lost = sum(fault["hits"] for fault in chaos.control("GET", "faults"))
        tasks, effects = chaos.tasks(), chaos.effects()
    everything = list(chain.from_iterable(effects.values()))
    show_operators(groups, tasks, effects, killer.kills)
    show_kills(killer.kills, tasks, everything, chaos.launches.began)
    return {**judge(tasks, everything), "kills": len(killer.kills), "lost_answers": lost}


def kill_triggerers(options: argparse.Namespace) -> dict[str, Any]:
    """Waits in a triggerer that is killed each time when it has taken them over; half of the jobs end meanwhile."""
    chaos = Chaos("ours", share(options.launches, ["classic"], deferred=lambda count: count), options.home)
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
        tasks, jobs, effects = chaos.tasks(), chaos.jobs(), chaos.effects()["classic"]
    states = Counter(job["currentState"] for job in jobs)
    print()
    table(["kill", "tasks that waited", "in the killed triggerer"], rows)
    print(f"\njobs: {dict(states)}")
    return {**judge(tasks, effects), "kills": options.kills, "cancelled": len(jobs) - states["JOB_STATE_DONE"]}


def chosen(options: argparse.Namespace) -> list[str]:
    """The names of the operators that launch."""
    own = [subject.name for subject in SERVICES[options.service or "dataflow"]]
    if options.operators:
        return own if options.operators == "all" else options.operators.split(",")
    everything = options.quick and not (options.service or options.triggerer or options.provider == "stock")
    return list(SUBJECTS) if everything else own[:1]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launches", type=int, help="how many (default: 200; 50 with --triggerer)")
    parser.add_argument("--seed", type=int, default=1, help="of kills and losses")
    parser.add_argument("--provider", choices=("ours", "stock"), default="ours")
    parser.add_argument("--service", choices=tuple(SERVICES), help="launch its first operator")
    parser.add_argument("--operators", help=f"some of {','.join(SUBJECTS)}, or all of the service (default: dataflow)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="two launches of each operator, twelve of a single one; five waits and two kills with --triggerer",
    )
    parser.add_argument("--triggerer", action="store_true", help="kill the triggerer instead of workers")
    parser.add_argument("--kills", type=int, help="of the triggerer (default: 10)")
    parser.add_argument("--home", type=Path, default=ROOT / ".airflow" / "chaos", help="for logs and the database")
    options = parser.parse_args(arguments)
    options.operators = chosen(options)
    if unknown := [name for name in options.operators if name not in SUBJECTS]:
        parser.error(f"there is no operator {', '.join(unknown)}; there are {', '.join(SUBJECTS)}")
    if (options.triggerer or options.provider == "stock") and options.operators != ["classic"]:
        parser.error("--triggerer and --provider stock are about the operator classic alone")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.triggerer:
        options.launches = options.launches or (5 if options.quick else 50)
        options.kills = options.kills or (2 if options.quick else 10)
        found = kill_triggerers(options)
    else:
        short = 2 * len(options.operators) if len(options.operators) > 1 else 12
        options.launches = options.launches or (short if options.quick else 200)
        found = kill_workers(options)
    told = {"provider": options.provider, "seed": options.seed, "seconds": round(time.monotonic() - BEGAN)}
    figures({"launches": options.launches, **found, **told})
    complete = found["succeeded"] == found["jobs"] == options.launches
    return 0 if complete and not (found["duplicates"] or found["orphans"] or found.get("cancelled")) else 1


if __name__ == "__main__":
    sys.exit(main())
