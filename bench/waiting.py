"""What it costs to wait for N jobs of one region in one triggerer, beside the stock Google provider's trigger.

``python -m bench.waiting [--jobs N] [--no-stock] [--messages] [--limit] [--simulated] [--airflow N [--floor] [--seconds S]]``: each
side in a process of its own against a local server over TLS, with anonymous credentials; ratios are ours / stock. All jobs end within
``--over`` seconds at the end.

``--service wave``: for N runs of one Salesforce org instead, against the emulator in a process of its own. There is no stock trigger.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.certificates import make_certificates
from bench.measuring import child, figures, table

COLUMNS = {
    "requests_per_round": "requests a round",
    "cpu_ms_per_poll": "CPU ms a job and round",
    "kib_per_job": "KiB a job",
    "lag_p99_ms": "loop lag p99 ms",
    "lag_p99_ms_at_the_end": "at the ends",
    "detection_p99_s": "end to event p99 s",
    "events": "events",
    "wrong": "wrong",
}


SURROUNDINGS = {"AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO", "NO_PROXY": "*", "no_proxy": "*"}
"""Of each measured process: it logs as a triggerer does, and asks this machine only."""


@contextmanager
def server(module: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """A server in a process of its own, and what it says when it is ready."""
    with subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()


def options(asked: argparse.Namespace, jobs: int) -> list[str]:
    """What each measured process is given."""
    values = {"jobs": jobs, "rounds": asked.rounds, "poll": asked.poll, "rate": asked.rate, "over": asked.over}
    return [word for name, value in values.items() for word in (f"--{name}", str(value))]


def limit(asked: argparse.Namespace) -> dict[str, Any]:
    """Ours beside fetching and reading the same pages with nothing else."""
    with tempfile.TemporaryDirectory() as made:
        folder = make_certificates(Path(made))
        ours = measure("ours", asked.jobs, asked, folder, "--unsampled")
        with server("bench.waiting_region", "rest", str(folder), "--jobs", str(asked.jobs)) as ports:
            words = {"port": ports["port"], "jobs": asked.jobs, "rounds": asked.rounds, "poll": asked.poll}
            arguments = ["-m", "bench.waiting_limit", *(word for name, value in words.items() for word in (f"--{name}", str(value)))]
            least = child(arguments, {"REQUESTS_CA_BUNDLE": str(folder / "roots.pem"), **SURROUNDINGS})["cpu_ms_per_round"]
    spent = ours["cpu_ms_per_poll"] * asked.jobs
    table(("whose round", "jobs", "CPU ms"), [("ours", asked.jobs, f"{spent:.0f}"), ("aiohttp and json alone", asked.jobs, f"{least:.0f}")])
    return {"jobs": asked.jobs, "cpu_over_limit": round(spent / least, 3), "wrong": ours["wrong"]}


def measure(who: str, jobs: int, asked: argparse.Namespace, folder: Path, *words: str) -> dict[str, Any]:
    """One side's figures.

    :param words: further arguments of the measured process.
    """
    with server("bench.waiting_region", "rest" if who == "ours" else "grpc", str(folder), "--jobs", str(jobs)) as ports:
        extra = {"project": "a-project", "is_anonymous": True, "dataflow_endpoint": f"https://127.0.0.1:{ports['port']}"}
        roots = str(folder / "roots.pem")
        environment = {
            "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": json.dumps({"conn_type": "google_cloud_platform", "extra": extra}),
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": roots,
            "REQUESTS_CA_BUNDLE": roots,
            **SURROUNDINGS,
        }
        arguments = ["-m", "bench.waiting_client", who, "--port", str(ports["port"]), "--control", str(ports["control"])]
        arguments += [*options(asked, jobs), *words]
        if asked.messages:
            arguments += ["--importance", "JOB_MESSAGE_BASIC"]
        return child(arguments, environment, timeout=900.0)  # type: ignore[no-any-return]


def compare(asked: argparse.Namespace) -> dict[str, Any]:
    """Both sides, in a table; the figures of the last line."""
    with tempfile.TemporaryDirectory() as made:
        folder = make_certificates(Path(made))
        sides = {"ours": (asked.jobs, measure("ours", asked.jobs, asked, folder))}
        if not asked.no_stock:
            few = min(asked.jobs, asked.stock_jobs)
            sides["stock"] = (few, measure("stock", few, asked, folder))
    table(("whose", "jobs", *COLUMNS.values()), [(who, jobs, *(found[name] for name in COLUMNS)) for who, (jobs, found) in sides.items()])
    ours = sides["ours"][1]
    result = {"jobs": asked.jobs, "poll_sleep_s": asked.poll, "messages": asked.messages}
    result |= {name: ours[name] for name in ("lag_p99_ms", "detection_p99_s", "wrong")}
    if "stock" in sides:
        few, stock = sides["stock"]
        result["requests_ratio"] = round(ours["requests_per_round"] / (stock["requests_per_round"] / few * asked.jobs), 5)
        result["cpu_ratio"] = round(ours["cpu_ms_per_poll"] / stock["cpu_ms_per_poll"], 5)
        result["memory_ratio"] = round(ours["kib_per_job"] / stock["kib_per_job"], 5)
    return result


def wave(asked: argparse.Namespace) -> dict[str, Any]:
    """The figures of waiting for runs of CRM Analytics."""
    with server("bench.waiting_org", "--jobs", str(asked.jobs)) as ready:
        arguments = ["-m", "bench.waiting_wave", "--control", str(ready["control"]), *options(asked, asked.jobs)]
        found = child(arguments, {**ready["environment"], **SURROUNDINGS}, timeout=900.0)
    table(("jobs", *COLUMNS.values()), [[asked.jobs, *(found[name] for name in COLUMNS)]])
    return {"service": "wave", "jobs": asked.jobs, "poll_sleep_s": asked.poll, **found}


def simulate(jobs: int) -> dict[str, Any]:
    """So many jobs beside a hundredth of them, on a simulated clock, each in a process of its own."""
    few, many = (child(["-m", "bench.waiting_simulated", str(count)], timeout=900.0) for count in (max(jobs // 100, 100), jobs))
    names = ("jobs", "requests_per_round", "cpu_ms_per_poll", "kib_per_job", "events", "wrong")
    table(("jobs", *(COLUMNS[name] for name in names[1:])), [[found[name] for name in names] for found in (few, many)])
    growth = {f"{name}_growth": round(many[name] / few[name], 3) for name in ("cpu_ms_per_poll", "kib_per_job")}
    return {**many, **growth, "simulated": True}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--service", choices=("dataflow", "wave"), default="dataflow", help="whose jobs are waited for")
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--no-stock", action="store_true", help="leave the comparison out")
    parser.add_argument("--stock-jobs", type=int, default=1000, help="with at most so many jobs; its cost a job does not fall with more")
    parser.add_argument("--poll", type=float, default=5.0, help="poll_sleep, in seconds")
    parser.add_argument("--rounds", type=int, default=6, help="measured rounds, after the first two")
    parser.add_argument("--rate", type=float, default=500.0, help="triggers started in a second")
    parser.add_argument("--over", type=float, default=10.0, help="seconds within which all jobs end")
    parser.add_argument("--messages", action="store_true", help="stream the jobs' messages, as our operators do by default")
    parser.add_argument("--limit", action="store_true", help="beside fetching and reading the same list pages with nothing else, instead")
    parser.add_argument("--simulated", action="store_true", help="on a simulated clock, for numbers that no server here could answer")
    parser.add_argument("--airflow", type=int, metavar="N", help="instead: N mapped deferrable launches in a real Airflow")
    parser.add_argument("--floor", action="store_true", help="with --airflow: beside as many tasks that defer, wait as long, and end")
    parser.add_argument("--seconds", type=float, help="with --airflow: how long each job runs (30; with --floor 180)")
    asked = parser.parse_args()
    if (asked.floor or asked.seconds is not None) and not asked.airflow:
        parser.error("--floor and --seconds need --airflow")
    if asked.seconds is not None and asked.seconds <= 0:
        parser.error(f"--seconds must be greater than 0, not {asked.seconds:g}")
    if asked.service == "wave":
        if asked.messages or asked.simulated or asked.airflow:
            parser.error("--messages, --simulated and --airflow are for Dataflow")
        figures(wave(asked))
    elif asked.airflow:
        from bench.waiting_airflow import FLOOR_SECONDS, SECONDS, run, run_floor

        few = 0 if asked.no_stock else min(asked.airflow, asked.stock_jobs)
        if asked.floor:
            figures(run_floor(asked.airflow, asked.seconds or FLOOR_SECONDS))
        else:
            figures(run(asked.airflow, few, asked.seconds or SECONDS))
    else:
        figures(limit(asked) if asked.limit else simulate(asked.jobs) if asked.simulated else compare(asked))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main()
