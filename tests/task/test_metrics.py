"""Metrics arrive at a StatsD server, with the names and values that the docs tell."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os
from airflow_dataflow_ext.emulator import Emulator
from tests.operators.launches import instance

with Emulator() as emulator:
    os.environ.update(emulator.connections())
    emulator.scripts.play("*", [(0.0, "JOB_STATE_RUNNING"), (3.0, "JOB_STATE_DONE")])
    emulator.faults.add("templates.launch", lost=True)
    emulator.faults.add("jobs.get", status=503, skip=2)
    task = instance(deferrable=True, retries=1, poll_sleep=1.0)
    assert task.run().state == "success"
    task.retry()
    assert task.run().state == "success"
    emulator.faults.add("templates.launch", status=403)
    assert instance(retries=0).run().error
"""


@pytest.fixture(scope="module")
def received() -> list[str]:
    """What a StatsD server gets of a launch whose answer is lost, a wait with trouble, a retry that adopts, and a refusal."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        metrics = {"STATSD_ON": "True", "STATSD_HOST": "127.0.0.1", "STATSD_PORT": str(server.getsockname()[1])}
        env = {**os.environ, **{f"AIRFLOW__METRICS__{name}": value for name, value in metrics.items()}}
        done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
        assert not done.returncode, done.stderr[-3000:]
        return list(drained(server))


def drained(server: socket.socket) -> Iterator[str]:
    server.setblocking(False)
    try:
        while True:
            yield server.recv(65536).decode()
    except BlockingIOError:
        return


def values(received: list[str], name: str) -> list[float]:
    """The values of a metric in their order."""
    return [float(line.split(":")[1].split("|")[0]) for line in received if line.startswith(f"airflow.dataflow_ext.{name}:")]


@pytest.mark.parametrize("outcome", ["started", "adopted", "refused", "unanswered"])
def test_what_becomes_of_launches_is_counted(received: list[str], outcome: str) -> None:
    assert values(received, f"launch.{outcome}") == [1]


def test_waits_are_a_gauge_that_ends_at_none(received: list[str]) -> None:
    waits = values(received, "board.waits")
    assert (waits[0], waits[-1]) == (1, 0)
    assert values(received, "board.waits.emulated-project.us-central1") == waits


def test_looks_requests_and_errors_are_counted(received: list[str]) -> None:
    looks, requests, errors = (sum(values(received, f"board.{name}")) for name in ("looks", "requests", "errors"))
    assert requests >= looks > errors == 1


def test_the_age_of_the_last_good_answer_is_a_gauge(received: list[str]) -> None:
    assert all(0 <= age < 5 for age in values(received, "board.last_good_age"))


def test_the_time_from_a_jobs_end_to_its_event_is_said(received: list[str]) -> None:
    [delay] = values(received, "event.delay")
    assert 0 <= delay < 30_000


def test_the_page_names_every_metric_and_no_other(received: list[str]) -> None:
    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    names = {line.split(":")[0].removeprefix("airflow.").removesuffix(".emulated-project.us-central1") for line in received}
    ours = {name for name in names if name.startswith("dataflow_ext.")}
    assert set(re.findall(r"^\| `([\w.]+)`", page, re.MULTILINE)) == ours
