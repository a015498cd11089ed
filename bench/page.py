"""``python -m bench.page`` measures what twenty open tabs of a job's page cost; with ``--list``, how long a page of the list takes with
ten thousand stored jobs; with ``--graph``, how long it takes to draw a graph of 500 transforms.

The last line is JSON: ``calls_ratio`` is the number of calls to the service with twenty tabs, divided by that with one, and
``health_p99_ms`` the time of the API server's health answer meanwhile; ``list_p95_ms`` is the time of a page of the list, first and later
ones, with and without filters; ``graph_ms`` is the time from a click to the last box.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp

from bench.measuring import figures, table
from bench.page_graph import measure_graph
from bench.page_list import measure_list
from demo.stack import Stack
from tests.plugin.job_scripts import RUNNING
from tests.stack.cloud import Cloud

DAG, TASK = "pages", "batch"
PANELS = ("", "/graph", "/metrics", "/messages?level=basic", "/earlier", "/lineage")
EVERY = 10.0
"""Seconds between two polls of a page while the job runs, as in ``ui/src/poll.ts``."""

LONG = 36_000


def main() -> None:
    """Run the measurement that the arguments choose."""
    parser = argparse.ArgumentParser(prog="bench.page")
    parser.add_argument("--list", action="store_true", help="measure the list of all jobs")
    parser.add_argument("--database", default="", help="SQLAlchemy URL of an empty database for --list (default: SQLite)")
    parser.add_argument("--rows", type=int, default=10_000, help="number of stored task instances for --list")
    parser.add_argument("--graph", action="store_true", help="measure how long a large graph takes to draw")
    parser.add_argument("--transforms", type=int, default=500, help="number of transforms for --graph")
    parser.add_argument("--tabs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0, help="seconds for which the tabs are open")
    arguments = parser.parse_args()
    if arguments.list:
        figures({"list_p95_ms": measure_list(arguments.database, arguments.rows)})
    elif arguments.graph:
        figures({"graph_ms": round(measure_graph(arguments.transforms))})
    else:
        measure_tabs(arguments.tabs, arguments.seconds)


def measure_tabs(tabs: int, seconds: float) -> None:
    """Measure one tab and then many on the same running job."""
    dags = Path(__file__).parents[1] / "tests" / "stack" / "dags"
    with ExitStack() as opened:
        home = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="page-")))
        emulator = ("--engine", "scripted", "--no-gcs")
        stack = opened.enter_context(Stack(home, dags, parallelism=4, emulator=emulator, progress=print))
        cloud = Cloud(stack)
        cloud.script("page-*", *RUNNING, [LONG, "JOB_STATE_DONE"])
        stack.wait_for_dag(DAG)
        run = stack.api.trigger(DAG)
        stack.wait_until("the job", lambda: bool(cloud.jobs("page-batch")) and _state(stack, run) == "deferred")
        for name in ("triggerer", "scheduler"):  # from here on, only the pages call the service
            stack.programs.pop(name).kill()
        one = asyncio.run(_open(stack, run, 1, seconds))
        many = asyncio.run(_open(stack, run, tabs, seconds))
    rows = [(name, found["calls"], found["replies"], f"{found['p99']:.0f}") for name, found in (("1 tab", one), (f"{tabs} tabs", many))]
    table(("open", "calls to the service", "replies to pages", "health p99 ms"), rows)
    figures({"calls_ratio": round(many["calls"] / one["calls"], 2), "health_p99_ms": round(many["p99"], 1)})


def _state(stack: Stack, run: str) -> str:
    return next(str(row["state"]) for row in stack.api.tasks(DAG, run) if row["task_id"] == TASK)


async def _open(stack: Stack, run: str, tabs: int, seconds: float) -> dict[str, Any]:
    """Open tabs for some seconds, and count the calls and replies."""
    async with aiohttp.ClientSession() as session:
        before, until = await _calls(session, stack), time.monotonic() + seconds
        health = asyncio.ensure_future(_health(session, stack, until))
        replies = sum(await asyncio.gather(*(_tab(session, stack, run, until, number * EVERY / tabs) for number in range(tabs))))
        took = await health
        asked = await _calls(session, stack) - before
    return {"calls": asked, "replies": replies, "p99": statistics.quantiles(took, n=100)[98]}


async def _tab(session: aiohttp.ClientSession, stack: Stack, run: str, until: float, after: float) -> int:
    """Send the requests of a browser tab from the moment it opens, and return the number of replies."""
    await asyncio.sleep(after)
    replies = 0
    while time.monotonic() < until:
        for panel in PANELS:
            url = f"{stack.url}/dataflow-ext/dags/{DAG}/job{panel.partition('?')[0]}"
            query = {"run_id": run, "task_id": TASK, **({"level": "basic"} if "level" in panel else {})}
            async with session.get(url, params=query, cookies={"_token": await _token(session, stack)}) as reply:
                reply.raise_for_status()
                await reply.read()
                replies += 1
        await asyncio.sleep(EVERY)
    return replies


_TOKENS: dict[str, str] = {}


async def _token(session: aiohttp.ClientSession, stack: Stack) -> str:
    """The login token of an Airflow that needs no password."""
    if stack.url not in _TOKENS:
        async with session.get(f"{stack.url}/auth/token") as reply:
            _TOKENS[stack.url] = str((await reply.json())["access_token"])
    return _TOKENS[stack.url]


async def _health(session: aiohttp.ClientSession, stack: Stack, until: float) -> list[float]:
    """Milliseconds of each health answer."""
    took = []
    while time.monotonic() < until:
        began = time.monotonic()
        async with session.get(f"{stack.url}/api/v2/monitor/health") as reply:
            await reply.read()
        took.append((time.monotonic() - began) * 1000)
        await asyncio.sleep(0.1)
    return took


async def _calls(session: aiohttp.ClientSession, stack: Stack) -> int:
    async with session.get(f"{stack.emulator_url}/_emulator/requests") as reply:
        return sum((await reply.json())["counts"].values())


if __name__ == "__main__":
    main()
