"""Many launches on a real Airflow whose workers are killed and whose answers are lost: how many jobs are there in the end?

``python -m bench.chaos [--launches N] [--seed N] [--provider stock] [--quick]``: scheduler, LocalExecutor and triggerer run a DAG
on the emulator, half of its tasks deferrable. Workers die by SIGKILL before the launch is sent, between its effect and its answer,
right after the answer, while they poll, while they resume and at any other moment; the emulator loses one answer in five.
``--triggerer`` kills the triggerer instead, ten times during fifty waits. ``--provider stock`` runs the Google provider's own
operator, which waits in the worker only: its triggerer speaks gRPC.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from airflow_dataflow_ext.api.conversations import epoch
from bench.chaos_kills import POINTS, Kill, Killer, make_plan
from bench.chaos_proxy import HOST, Proxy
from bench.measuring import figures, table
from demo.stack import Stack, free_port

ROOT = Path(__file__).parents[1]
DAG, RUNS_OUT = "chaos", ("success", "failed")
LOST = 0.2
"""The share of launches whose answer the emulator loses."""

SHORT, LONG = 4.0, 25.0
"""Seconds that jobs run: half of them are over before a lost machine is noticed, half of them are not."""

NOTICED_FAST = {
    # A killed worker's task fails after this time instead of five minutes.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    # A killed triggerer's triggers move after this time instead of half a minute.
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "6",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
    "AIRFLOW__SCHEDULER__MAX_DAGRUNS_PER_LOOP_TO_SCHEDULE": "5",
    "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "1000",
    "AIRFLOW__CORE__EXECUTOR": "bench.chaos_executor.WarmLocalExecutor",
    "PYTHONPATH": str(ROOT),
}


@dataclass(frozen=True)
class Task:
    """One mapped task instance at the end."""

    number: int
    state: str
    tries: int
    job_id: str


class Chaos:
    """One run of the DAG and what is done to it.

    :param in_workers: launches whose task waits in its worker; the others wait in the triggerer.
    """

    def __init__(self, provider: str, in_workers: int, in_triggerer: int, home: Path, *, parallelism: int = 6) -> None:
        self.in_workers = in_workers
        self.launches = in_workers + in_triggerer
        self.run_id = ""
        self.proxy_port = free_port()
        endpoint = f"http://{HOST}:{self.proxy_port}"
        extra = {"project": "chaos-project", "is_anonymous": True, "dataflow_endpoint": endpoint}
        wanted = {"PROVIDER": provider, "IN_WORKERS": str(in_workers), "IN_TRIGGERER": str(in_triggerer), "ENDPOINT": endpoint}
        env = {
            **NOTICED_FAST,
            **{f"CHAOS_{name}": value for name, value in wanted.items()},
            "AIRFLOW_CONN_CHAOS": json.dumps({"conn_type": "google_cloud_platform", "extra": extra}),
        }
        emulator = ("--engine", "scripted", "--no-gcs", "--auth", "off")
        self.stack = Stack(home, ROOT / "bench" / "chaos_dags", parallelism=parallelism, env=env, emulator=emulator, progress=say)

    def control(self, verb: str, path: str, **body: Any) -> Any:
        """A control call of the emulator."""
        reply = requests.request(verb, f"{self.stack.emulator_url}/_emulator/{path}", json=body or None, timeout=30)
        reply.raise_for_status()
        return reply.json()

    def script(self, *, lost: float, seed: int, seconds: Sequence[float]) -> None:
        """Set how long jobs run, by the last digit of their number, and how often an answer is lost."""
        for place, length in enumerate(seconds):
            digits = "".join(str(digit) for digit in range(10) if digit % len(seconds) == place)
            self.control("POST", "scripts", pattern=f"chaos-??[{digits}]*", steps=[[0, "JOB_STATE_RUNNING"], [length, "JOB_STATE_DONE"]])
        if lost:
            self.control("POST", "faults", method="templates.launch", lost=True, probability=lost, times=None, seed=seed)

    def start(self) -> None:
        self.stack.wait_for_dag(DAG)
        self.run_id = self.stack.api.trigger(DAG)

    def number_of(self, instance: str) -> int | None:
        """The number of the launch of a task instance, by the beginning of its id."""
        return next((self._number(row) for row in self.stack.api.tasks(DAG, self.run_id) if row["id"].startswith(instance)), None)

    def _number(self, row: dict[str, Any]) -> int:
        return int(row["map_index"]) + (self.in_workers if row["task_id"] == "in_triggerer" else 0)

    def wait(self, seconds: float) -> None:
        told = time.monotonic()

        def ended() -> bool:
            nonlocal told
            if time.monotonic() - told > 15:
                told = time.monotonic()
                say(str(dict(Counter(row["state"] or "none" for row in self.stack.api.tasks(DAG, self.run_id)))))
            return self.stack.api.run_state(DAG, self.run_id) in RUNS_OUT

        self.stack.wait_until("the run to end", ended, seconds=seconds)

    def tasks(self) -> list[Task]:
        """How the tasks ended, and which job each of them holds."""
        found = []
        for row in self.stack.api.tasks(DAG, self.run_id):
            good = row["state"] == "success"
            job = self.stack.api.xcom(DAG, self.run_id, row["task_id"], map_index=row["map_index"]) if good else {}
            found.append(Task(number=self._number(row), state=str(row["state"]), tries=row["try_number"], job_id=job.get("id", "")))
        return found

    def jobs(self) -> list[dict[str, Any]]:
        """Every job that the service has ever had."""
        return [entry["job"] for entry in self.control("GET", "jobs")]


def judge(tasks: Sequence[Task], jobs: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Count what the promise is about.

    Duplicates are jobs beyond one of each launch; orphans are jobs that still move, or that no successful task holds.
    """
    each = Counter(job["name"].split("-")[1] for job in jobs)
    held = {task.job_id for task in tasks}
    ended = ("JOB_STATE_DONE", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED")
    return {
        "jobs": len(jobs),
        "succeeded": sum(task.state == "success" for task in tasks),
        "duplicates": sum(count - 1 for count in each.values()),
        "orphans": sum(job["currentState"] not in ended or job["id"] not in held for job in jobs),
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
    """Fifty waits in a triggerer that is killed ten times."""
    chaos = Chaos("ours", 0, options.launches, options.home)
    draw = random.Random(options.seed)
    with Proxy(chaos.proxy_port, lambda: chaos.stack.emulator_url, Killer(0, {}, session=int, number_of=lambda _: None)), chaos.stack:
        chaos.script(lost=0, seed=0, seconds=(options.kills * 16.0, options.kills * 20.0))
        chaos.start()
        api = chaos.stack.api
        deferred = lambda: sum(row["state"] == "deferred" for row in api.tasks(DAG, chaos.run_id))  # noqa: E731
        chaos.stack.wait_until("all tasks to wait", lambda: deferred() == options.launches, seconds=300)
        waiting = []
        for _ in range(options.kills):
            time.sleep(draw.uniform(3, 15))
            waiting.append(deferred())
            chaos.stack.restart("triggerer")
            say(f"The triggerer was killed; {waiting[-1]} tasks wait")
        chaos.wait(600)
        tasks, jobs = chaos.tasks(), chaos.jobs()
    states = Counter(job["currentState"] for job in jobs)
    print()
    table(["kill", "tasks that waited"], enumerate(waiting, 1))
    print(f"\njobs: {dict(states)}")
    return {**judge(tasks, jobs), "kills": options.kills, "cancelled": len(jobs) - states["JOB_STATE_DONE"]}


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:5.0f} s  {text}", flush=True)


BEGAN = time.monotonic()


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
