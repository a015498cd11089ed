"""The CPU time and memory of one worker task: a launch with our operator, one with the stock operator, and a task that does nothing.

``python -m bench.task [--runs N]`` runs each in a task process as Airflow starts it: it parses its DAG file, runs the operator against
the emulator and ends. The job succeeds at once, so there is no wait. CPU time, wall time and peak memory are medians of the task process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.measuring import child, figures, table

DAGS = Path(__file__).parent / "task_dags"
WHO = ("empty", "ours", "stock")
FIGURES = {"cpu": "CPU s", "wall": "wall s", "mib": "peak MiB"}


def run_one(who: str) -> dict[str, Any]:
    """Run one task as an executor's worker does, and return the figures of its process."""
    from airflow.executors.workloads.base import BundleInfo
    from airflow.sdk.api.datamodels._generated import TaskInstance as Instance
    from airflow.sdk.execution_time.supervisor import supervise_task

    from tests.airflow_task import TaskInstance

    class Task:
        task_id, dag_id, retries = "task", who, 0

    known: Any = Task()
    task = TaskInstance(known)
    names: dict[str, Any] = {"task_id": "task", "dag_id": who, "run_id": task.run_id, "try_number": 1, "map_index": -1}
    instance: Any = Instance(id=task.id, dag_version_id=uuid4(), **names)
    instance.__dict__["queue"] = "default"
    began = time.monotonic()
    code = supervise_task(
        ti=instance,
        bundle_info=BundleInfo(name="dags-folder"),
        dag_rel_path=f"{who}.py",
        token="",
        client=task.client(),
        log_path=f"{who}.log",
    )
    wall, used = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    done = not code and task.ended == "success"
    return {"done": done, "cpu": used.ru_utime + used.ru_stime, "wall": wall, "mib": used.ru_maxrss / 1024}


def measure(runs: int) -> dict[str, dict[str, float]]:
    """Medians of each task; the first run of each fills caches and is not counted."""
    from airflow_dataflow_ext.emulator import Emulator

    samples: dict[str, list[dict[str, Any]]] = {who: [] for who in WHO}
    with Emulator() as emulator:
        emulator.scripts.play("*", [(0.0, "JOB_STATE_RUNNING"), (0.0, "JOB_STATE_DONE")])
        environment = {
            **emulator.connections(),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "BENCH_ENDPOINT": emulator.url,
            "PYTHONPATH": os.pathsep.join([str(DAGS.parents[1]), os.environ.get("PYTHONPATH", "")]),
        }
        for run in range(runs + 1):
            for who in WHO:
                sample = child(["-m", "bench.task", "--one", who], environment)
                if not sample["done"]:
                    raise SystemExit(f"the task {who} did not succeed")
                if run:
                    samples[who].append(sample)
    return {who: {figure: statistics.median(sample[figure] for sample in samples[who]) for figure in FIGURES} for who in WHO}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="measured runs of each task")
    parser.add_argument("--one", choices=WHO, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(run_one(asked.one)), flush=True)
        return
    found = measure(asked.runs)
    table(("task", *FIGURES.values()), [(who, *(f"{found[who][figure]:.2f}" for figure in FIGURES)) for who in WHO])
    ours, empty, stock = found["ours"], found["empty"], found["stock"]
    figures(
        {
            "cpu_over_empty": round(ours["cpu"] / empty["cpu"], 3),
            "cpu_over_stock": round(ours["cpu"] / stock["cpu"], 3),
            "memory_over_empty": round(ours["mib"] / empty["mib"], 3),
            "wall_over_empty": round(ours["wall"] / empty["wall"], 3),
            "runs": asked.runs,
        }
    )


if __name__ == "__main__":
    main()
