"""Launches many jobs on a real Airflow while workers are killed and answers are lost, and counts the jobs in the end.

``python -m bench.chaos [--launches N] [--seed N] [--service wave] [--operators all] [--deployment celery] [--quick]``: a scheduler with
the LocalExecutor and a triggerer run a DAG against the emulator. Its tasks wait on their workers or in the triggerer, or start and end
in the triggerer. Workers are killed with SIGKILL before the call that starts something, between its effect and its answer, right after
the answer, while they poll, while they resume, and at random moments. The emulator loses one answer in five.
By default, the program launches classic templates, or CRM Analytics dataflows with ``--service wave``. ``--operators`` distributes the
launches among other operators (see ``chaos_subjects``), and ``--quick`` does three launches of each.
``--deployment celery`` uses PostgreSQL and Celery with two of each component (see ``celery_stack``). It also kills Celery workers,
schedulers, triggerers, API servers, PostgreSQL and Redis, and makes the API servers unreachable for longer than Airflow's clients retry.
Tasks that Airflow itself fails, according to its audit log, are counted separately.
``--triggerer`` kills the triggerer instead, ten times during fifty waits. With ``--launching`` too, the fifty launches start and end in
the triggerer, without a worker, and it is killed around the call that launches one of them, or while they wait. ``--provider stock``
runs the Google provider's operator, which waits on the worker only, because its trigger uses gRPC.
``--edit-retries`` changes the retries in the DAG file during the run.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import Any

from bench.celery_stack import CeleryStack
from bench.chaos_components import ComponentKiller
from bench.chaos_components import make_plan as plan_components
from bench.chaos_counts import judge, show_components, show_kills, show_operators
from bench.chaos_kills import KILLS_EACH, KILLS_QUICK, Killer, make_plan
from bench.chaos_proxy import Proxy
from bench.chaos_stack import BEGAN, LONG, LOST, ROOT, SHORT, Chaos, say
from bench.chaos_subjects import EVERY_WAY, HERE, SERVICES, SUBJECTS, share
from bench.chaos_triggerers import kill_launching, kill_waiting
from bench.measuring import figures
from demo.processes import StackError
from demo.stack import Stack

WORKERS = {"task": "task process", "worker": "worker's child", "machine": "worker's child and task process"}
"""The processes that are killed around a single task, by the kind of kill."""

EDITS = (10, 10, 1, 6, 2, 1)
"""The retries in the DAG file, one after another. The first two are the value at the start of the run, because Airflow creates the tasks
in these seconds. No value is 0, because with 0 Airflow does not retry a task that has lost its machine."""


def kill_workers(options: argparse.Namespace) -> dict[str, Any]:
    """Kill workers during many launches, and count the jobs."""
    stock = options.provider == "stock"
    groups = share(options.launches, options.operators, EVERY_WAY if not stock else ["workers"])
    chaos = Chaos(options.provider, groups, options.home, deployment=options.deployment)
    polled = {number: group.is_polled_by_worker for group in groups for number in group.numbers}
    plan = make_plan(options.seed, polled, KILLS_QUICK if options.quick else KILLS_EACH)
    killer = Killer(options.seed, plan, chaos.launches, sessions=chaos.workers, number_of=chaos.number_of)
    with Proxy(chaos.proxy_port, lambda: chaos.stack.emulator_url, killer), chaos.stack:
        chaos.script(lost=LOST, seed=options.seed, seconds=(SHORT, LONG))
        chaos.start()
        say(f"{options.launches} launches by {', '.join(options.operators)}; workers are killed")
        components = _components(chaos, options)
        with killer, components or nullcontext():
            chaos.wait(240 + 15 * options.launches + (1200 if components else 0), edits=EDITS if options.edit_retries else ())
        lost = sum(fault["hits"] for fault in chaos.control("GET", "faults") if fault["lost"])
        tasks, effects = chaos.tasks(), chaos.effects()
        failed = chaos.failed_by_airflow() if components else {}
    everything = list(chain.from_iterable(effects.values()))
    show_operators(groups, tasks, effects, killer.kills)
    show_kills(killer.kills, tasks, everything, chaos.launches.began)
    here = {number for group in groups if group.way == "here" and not components for number in group.numbers}
    in_workers = sum(task.in_worker for task in tasks if task.number in here)
    found = {**judge(tasks, everything, failed), "in_workers": in_workers, "kills": len(killer.kills), "lost_answers": lost}
    return found | (_judge_components(components, chaos.stack, killer, failed) if components else {})


def _components(chaos: Chaos, options: argparse.Namespace) -> ComponentKiller | None:
    """The killer of the other components of a distributed Airflow; None for the local one."""
    if not isinstance(chaos.stack, CeleryStack):
        return None
    return ComponentKiller(options.seed, plan_components(options.seed, options.launches, short=options.quick), chaos.stack, chaos.launches)


def _judge_components(components: ComponentKiller, stack: Stack, killer: Killer, failed: dict[int, str]) -> dict[str, Any]:
    """Additional figures of a distributed Airflow; ``failed`` are the tasks that Airflow itself failed."""
    assert isinstance(stack, CeleryStack)
    kills = Counter(WORKERS[kill.whom] for kill in killer.kills) + components.kills
    show_components(kills, stack.restarts, failed)
    return {"kills": kills.total(), "failed_by_airflow": len(failed), "kills_by_component": dict(sorted(kills.items()))}


def chosen(options: argparse.Namespace) -> list[str]:
    """The names of the operators to launch with."""
    own = [subject.name for subject in SERVICES[options.service or "dataflow"]]
    if options.launching and options.operators in (None, "all"):
        return [name for name in HERE if name in own or not options.service]
    if options.operators:
        return own if options.operators == "all" else options.operators.split(",")
    everything = options.quick and not (
        options.service or options.triggerer or options.provider == "stock" or options.deployment == "celery"
    )
    return list(SUBJECTS) if everything else own[:1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launches", type=int, help="number of launches (default: 200; 50 with --triggerer)")
    parser.add_argument("--seed", type=int, default=1, help="random seed of kills and lost answers (default: %(default)s)")
    parser.add_argument("--provider", choices=("ours", "stock"), default="ours")
    parser.add_argument("--service", choices=tuple(SERVICES), help="launch with the first operator of this service")
    parser.add_argument(
        "--operators", help=f"comma-separated names out of {','.join(SUBJECTS)}, or all for every one of --service (default: dataflow)"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a short run: three launches of each operator, or twelve if there is only one; with --triggerer, five waits and two kills; "
        "with --launching, one launch of each operator and three kills",
    )
    parser.add_argument(
        "--deployment", choices=("local", "celery"), default="local", help="which Airflow to run on; celery is the distributed one"
    )
    parser.add_argument("--edit-retries", action="store_true", help="edit the retries in the DAG file while workers are killed")
    parser.add_argument("--triggerer", action="store_true", help="kill the triggerer instead of workers")
    parser.add_argument("--launching", action="store_true", help="with --triggerer: start in it, by default all operators that can")
    parser.add_argument("--kills", type=int, help="number of kills of the triggerer (default: 10)")
    parser.add_argument("--home", type=Path, default=ROOT / ".airflow" / "chaos", help="folder for logs and the database")
    return parser


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the options, and refuse combinations that make no sense."""
    parser = _parser()
    options = parser.parse_args(arguments)
    options.operators = chosen(options)
    if unknown := [name for name in options.operators if name not in SUBJECTS]:
        parser.error(f"there is no operator {', '.join(unknown)}; there are {', '.join(SUBJECTS)}")
    if options.deployment == "celery" and (options.triggerer or options.provider == "stock"):
        parser.error("--deployment celery kills triggerers anyway and needs --provider ours: leave out --triggerer and --provider stock")
    if options.launching and (not options.triggerer or options.provider == "stock"):
        parser.error("--launching needs --triggerer and --provider ours")
    if options.launching and not set(options.operators) <= set(HERE):
        parser.error(f"--launching takes only the operators that can start in the triggerer: {', '.join(HERE)}")
    if (options.triggerer or options.provider == "stock") and not options.launching and options.operators != ["classic"]:
        parser.error("--triggerer and --provider stock take only the operator classic")
    if options.edit_retries and (options.triggerer or options.provider == "stock"):
        parser.error("--edit-retries cannot be combined with --triggerer or --provider stock")
    return options


def _run(options: argparse.Namespace) -> dict[str, Any]:
    if options.triggerer:
        launches, kills = ((len(options.operators), 3) if options.launching else (5, 2)) if options.quick else (50, 10)
        options.launches, options.kills = options.launches or launches, options.kills or kills
        return (kill_launching if options.launching else kill_waiting)(options)
    short = 3 * len(options.operators) if len(options.operators) > 1 else 12
    options.launches = options.launches or (short if options.quick else 200)
    return kill_workers(options)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _read(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        found = _run(options)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    figures(
        {
            "launches": options.launches,
            **found,
            "provider": options.provider,
            "deployment": options.deployment,
            "seed": options.seed,
            "seconds": round(time.monotonic() - BEGAN),
        }
    )
    complete = found["succeeded"] <= found["jobs"] <= options.launches == found["succeeded"] + found.get("failed_by_airflow", 0)
    return 0 if complete and not any(found.get(wrong) for wrong in ("duplicates", "orphans", "cancelled", "in_workers")) else 1


if __name__ == "__main__":
    sys.exit(main())
