"""The stack of the chaos program: an Airflow that notices within seconds that a process has died, with its launches and their jobs."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from airflow_dataflow_ext.api.data_pipelines.methods import Pipeline
from airflow_dataflow_ext.api.dataflow.methods import Job, Snapshot, Template
from airflow_dataflow_ext.api.dataflow.states import TERMINAL
from airflow_dataflow_ext.emulator.wave.login import PASSWORD, SECURITY_TOKEN, USERNAME
from bench.celery_stack import CeleryStack
from bench.chaos_calls import Launches
from bench.chaos_proxy import HOST
from bench.chaos_subjects import FULL_LOCATION, LOCATION, PROJECT, SUBJECTS, Effect, Found, Group, dump, effects_in, name_of
from demo.stack import Stack, free_port

ROOT = Path(__file__).parents[1]
DAG = "chaos"
BEGAN = time.monotonic()

LOST = 0.2
"""The share of launches whose answer the emulator loses."""

EDIT_EVERY = 10.0
"""Seconds between two changes of the DAG file."""

SHORT, LONG = 4.0, 25.0
"""Seconds that jobs run: half of the jobs end before Airflow notices a lost machine, and half of them later."""

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
    "PYTHONPATH": str(ROOT),
}

NOTICED_FAST_TOO = {
    # After these times, another scheduler adopts the tasks of a dead one, and tasks that were lost with Redis are queued again.
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "15",
}
"""Additional settings for a deployment with two of each component."""

AIRFLOW_FAILS = ("heartbeat timeout", "state mismatch", "stuck in queued tries exceeded")
"""Events in Airflow's audit log with which it fails a try by itself."""


@dataclass(frozen=True)
class Task:
    """One task instance at the end of the run.

    :param held: the id of its launch's effect, from the task's result.
    :param in_worker: whether it ever ran on a worker.
    """

    number: int
    state: str
    tries: int
    held: str
    in_worker: bool


class Chaos:
    """One run of the DAG.

    :param groups: the launches, grouped by task.
    :param deployment: ``local`` for the small Airflow, ``celery`` for the distributed one.
    :param parallelism: the number of tasks that run at once.
    :param env: more environment for Airflow's programs.
    """

    def __init__(
        self,
        provider: str,
        groups: Sequence[Group],
        home: Path,
        *,
        deployment: str = "local",
        parallelism: int = 6,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.groups = {group.task_id: group for group in groups}
        self.run_id = ""
        self.launches = Launches(groups)
        self.things: dict[str, str] = {}
        self.retries = home.resolve() / "retries"
        self.retries.unlink(missing_ok=True)
        self.proxy_port = free_port()
        endpoint = f"http://{HOST}:{self.proxy_port}"
        google = {"project": PROJECT, "is_anonymous": True, "dataflow_endpoint": endpoint}
        salesforce = {"security_token": SECURITY_TOKEN, "instance_url": endpoint}
        env = {
            **NOTICED_FAST,
            **(env or {}),
            "CHAOS_PROVIDER": provider,
            "CHAOS_GROUPS": dump(groups),
            "CHAOS_ENDPOINT": endpoint,
            "CHAOS_RETRIES": str(self.retries),
            "AIRFLOW_CONN_CHAOS": json.dumps({"conn_type": "google_cloud_platform", "extra": google}),
            "AIRFLOW_CONN_CHAOS_WAVE": json.dumps(
                {"conn_type": "salesforce", "login": USERNAME, "password": PASSWORD, "extra": salesforce}
            ),
        }
        emulator = ("--engine", "scripted", "--no-gcs", "--auth", "off")
        dags = ROOT / "bench" / "chaos_dags"
        self.stack: Stack
        if deployment == "celery":
            env |= NOTICED_FAST_TOO
            self.stack = CeleryStack(home, dags, parallelism=parallelism // 2, env=env, emulator=emulator, progress=say)
        else:
            env["AIRFLOW__CORE__EXECUTOR"] = "bench.chaos_executor.WarmLocalExecutor"
            self.stack = Stack(home, dags, parallelism=parallelism, env=env, emulator=emulator, progress=say)

    def control(self, verb: str, path: str, **body: Any) -> Any:
        """Make a control call to the emulator."""
        return self._ask(verb, f"_emulator/{path}", body or None)

    def _ask(self, verb: str, path: str, body: Any = None) -> Any:
        reply = requests.request(verb, f"{self.stack.emulator_url}/{path}", json=body, timeout=30)
        reply.raise_for_status()
        return reply.json()

    def script(self, *, lost: float, seed: int, seconds: Sequence[float]) -> None:
        """Script the emulator: how long jobs and runs take, by the last digit of their number, and how often an answer is lost; and
        create the resources that launches act on."""
        for place, length in enumerate(seconds):
            names = f"chaos-??[{''.join(str(digit) for digit in range(10) if digit % len(seconds) == place)}]"
            self.control("POST", "scripts", pattern=f"{names}*", steps=[[0, "JOB_STATE_RUNNING"], [length, "JOB_STATE_DONE"]])
            self.control("POST", "wave/scripts", pattern=names, seconds=length)
        self.control("POST", "wave/settings", api_requests=10**7)
        self.control("POST", "settings", full={FULL_LOCATION: "ZONE_RESOURCE_POOL_EXHAUSTED"})
        subjects = [(SUBJECTS[group.subject], group.numbers) for group in self.groups.values()]
        for subject, numbers in subjects:
            for number in numbers if subject.full else ():
                refusal = {"status": 400, "code": "FAILED_PRECONDITION", "message": "Dataflow quota error for jobs-per-project quota."}
                self.control("POST", "faults", method=subject.start.id, job=f"{name_of(number)}-*", **refusal)
            for number in numbers if subject.thing else ():
                id = self.things[name_of(number)] = self._make(subject.thing, name_of(number))
                self.launches.know(id, number)
        for method in sorted({subject.start.id for subject, _ in subjects}) if lost else ():
            self.control("POST", "faults", method=method, lost=True, probability=lost, times=None, seed=seed)

    def _make(self, kind: str, name: str) -> str:
        """Create a resource that launches act on, and return its id."""
        if kind == "pipeline":
            return self._make_pipeline(name)
        if kind == "run":
            self.control("POST", "wave/scripts", pattern=name, seconds=3600)
        if kind not in ("stream", "snapshot"):
            return str(self.control("POST", "wave/assets", kind=kind, label=name)["id"])
        steps, drain = [[0, "JOB_STATE_RUNNING"]], [[2, "JOB_STATE_DRAINED"]]
        self.control("POST", "scripts", pattern=name, steps=steps, type="JOB_TYPE_STREAMING", on_drain=drain)
        request = Template.launch.request({"jobName": name}, projectId=PROJECT, location=LOCATION, gcsPath="gs://templates/stream")
        id = str(self._ask("POST", request.target, request.body)["job"]["id"])
        if kind == "stream":
            return id
        taken = Job.snapshot.request({}, projectId=PROJECT, location=LOCATION, jobId=id)
        return str(self._ask("POST", taken.target, taken.body)["id"])

    def _make_pipeline(self, name: str) -> str:
        full = f"projects/{PROJECT}/locations/{LOCATION}/pipelines/{name}"
        launch = {"gcsPath": "gs://templates/words", "launchParameters": {"jobName": name}}
        body = {"name": full, "displayName": name, "type": "PIPELINE_TYPE_BATCH", "workload": {"dataflowLaunchTemplateRequest": launch}}
        self._ask("POST", Pipeline.create.request(body, projectId=PROJECT, location=LOCATION).target, body)
        return full

    def start(self) -> None:
        self.stack.wait_for_dag(DAG)
        self.run_id = self.stack.api.trigger(DAG, self.things)

    def number_of(self, instance: str) -> int | None:
        """The number of the launch whose task instance has an id that begins with this text."""
        return next((self._number(row) for row in self.stack.api.tasks(DAG, self.run_id) if row["id"].startswith(instance)), None)

    def _number(self, row: dict[str, Any]) -> int:
        return self.groups[row["task_id"]].numbers[int(row["map_index"])]

    def edit_retries(self, retries: int) -> None:
        """Change the retries in the DAG file; Airflow continues with the value from the start of the run."""
        fresh = self.retries.with_suffix(".new")
        fresh.write_text(str(retries))
        fresh.replace(self.retries)

    def wait(self, seconds: float, *, edits: Sequence[int] = ()) -> None:
        """Wait until the run ends.

        :param edits: values for the retries in the DAG file, each for :data:`EDIT_EVERY` seconds in turn.
        """
        began = time.monotonic()
        reported = time.monotonic()

        def ended() -> bool:
            nonlocal reported
            if edits:
                self.edit_retries(edits[int((time.monotonic() - began) / EDIT_EVERY) % len(edits)])
            if time.monotonic() - reported > 15:
                reported = time.monotonic()
                say(str(dict(Counter(row["state"] or "none" for row in self.stack.api.tasks(DAG, self.run_id)))))
            return self.stack.api.run_state(DAG, self.run_id) in ("success", "failed")

        self.stack.wait_until("the run to end", ended, seconds=seconds)

    def held(self) -> Counter[int | None]:
        """The number of deferred tasks, by the id of the triggerer that they are assigned to."""
        rows = self.stack.api.tasks(DAG, self.run_id)
        return Counter((row["trigger"] or {}).get("triggerer_id") for row in rows if row["state"] == "deferred")

    def workers(self) -> set[int]:
        """The process ids of the programs in whose sessions tasks run."""
        programs = [program for name, program in list(self.stack.programs.items()) if name.startswith(("worker", "scheduler"))]
        return {process.pid for process in (program.process for program in programs) if process is not None}

    def failed_by_airflow(self) -> dict[int, str]:
        """The events with which Airflow itself failed tasks, by the number of the launch."""
        found = {}
        for row in self.stack.api.tasks(DAG, self.run_id):
            events = self.stack.api.events(DAG, self.run_id, row["task_id"], row["map_index"]) if row["state"] == "failed" else []
            if own := [event for event in events if event in AIRFLOW_FAILS]:
                found[self._number(row)] = own[-1]
        return found

    def tasks(self) -> list[Task]:
        """The state and result of each task."""
        found = []
        for row in self.stack.api.tasks(DAG, self.run_id):
            held = self._held(row) if row["state"] == "success" else ""
            worked = bool(row["pid"] or row["hostname"])
            found.append(Task(number=self._number(row), state=str(row["state"]), tries=row["try_number"], held=held, in_worker=worked))
        return found

    def _held(self, row: dict[str, Any]) -> str:
        key = SUBJECTS[self.groups[row["task_id"]].subject].xcom
        if not key:
            return self.things[name_of(self._number(row))]
        value = self.stack.api.xcom(DAG, self.run_id, row["task_id"], key, row["map_index"])
        first = next(iter(value), {}) if isinstance(value, list) else value
        return str(first["id"] if isinstance(first, dict) else first)

    def end_jobs(self, *, every: int) -> None:
        """Let every n-th job succeed if it has not ended."""
        for job in self.jobs()[::every]:
            if job["currentState"] not in TERMINAL:
                self.control("POST", "jobs/state", job=job["id"], state="JOB_STATE_DONE")

    def jobs(self) -> list[dict[str, Any]]:
        """All Dataflow jobs of the emulator, including those that have ended."""
        return [entry["job"] for entry in self.control("GET", "jobs")]

    def effects(self) -> dict[str, list[Effect]]:
        """The effects of the launches, by operator."""
        snapshots = self._ask("GET", Snapshot.list.request(projectId=PROJECT, location=LOCATION).target).get("snapshots", [])
        found = Found(things=self.things, jobs=self.jobs(), snapshots=snapshots, runs=self.control("GET", "wave/jobs"))
        return effects_in(found, self.groups.values())


def say(text: str) -> None:
    """Print a line with the seconds since the start."""
    print(f"{time.monotonic() - BEGAN:5.0f} s  {text}", flush=True)
