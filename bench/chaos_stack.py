"""The stack that the chaos program runs on: an Airflow that notices a death within seconds, its launches, and their jobs."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from airflow_dataflow_ext.api.states import TERMINAL
from bench.chaos_proxy import HOST
from demo.stack import Stack, free_port

ROOT = Path(__file__).parents[1]
DAG = "chaos"
BEGAN = time.monotonic()

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
            return self.stack.api.run_state(DAG, self.run_id) in ("success", "failed")

        self.stack.wait_until("the run to end", ended, seconds=seconds)

    def held(self) -> Counter[int | None]:
        """How many tasks wait, by the id of the triggerer that holds them."""
        rows = self.stack.api.tasks(DAG, self.run_id)
        return Counter((row["trigger"] or {}).get("triggerer_id") for row in rows if row["state"] == "deferred")

    def tasks(self) -> list[Task]:
        """How the tasks ended, and which job each of them holds."""
        found = []
        for row in self.stack.api.tasks(DAG, self.run_id):
            good = row["state"] == "success"
            job_id = self.stack.api.xcom(DAG, self.run_id, row["task_id"], "job_id", row["map_index"]) if good else ""
            found.append(Task(number=self._number(row), state=str(row["state"]), tries=row["try_number"], job_id=job_id))
        return found

    def end_jobs(self, *, every: int) -> None:
        """End every n-th job well, if it has not ended."""
        for job in self.jobs()[::every]:
            if job["currentState"] not in TERMINAL:
                self.control("POST", "jobs/state", job=job["id"], state="JOB_STATE_DONE")

    def jobs(self) -> list[dict[str, Any]]:
        """Every job that the service has ever had."""
        return [entry["job"] for entry in self.control("GET", "jobs")]


def say(text: str) -> None:
    """Print a line with the seconds since the start."""
    print(f"{time.monotonic() - BEGAN:5.0f} s  {text}", flush=True)
