"""One Salesforce org with many runs, in a separate process: the package's emulator.

``python -m bench.waiting_org --jobs N`` prints one JSON line when it is ready: its control port, and the environment variables with which
a client connects to it. Each run belongs to a different dataflow, because an org runs a dataflow only once at a time. All of them run
until the control port ends them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any

from aiohttp import web

from airflow_dataflow_ext.api.wave import methods as api
from airflow_dataflow_ext.emulator import Emulator, WaveNode
from airflow_dataflow_ext.emulator.http.request_log import Entry, RequestLog
from bench.waiting_control import WARM_UP, Jobs, control, ends_badly, listen

FOREVER = 86_400.0
LONG_AGO = 7200.0
"""Age of the warm-up's run in seconds, so that it is in none of the lists that are requested for the others."""
BROKEN = WaveNode(name="Digest", node_type="sfdcDigest", status="error", message="No such object.")
ROUND, PAGE, READ, NODES = "round", "page", "read", "nodes"
"""The kinds of requests: the first page of a list of all recent runs, with which a round begins; any other page; one run; its nodes."""


class Org(Jobs):
    """The runs of one org; their ids here are the labels of their dataflows."""

    def __init__(self, emulator: Emulator, count: int) -> None:
        super().__init__([f"bench-{number:06}" for number in range(count)])
        self.emulator = emulator
        wave = emulator.wave
        wave.set(api_requests=10**7)
        wave.scripts.play(wait=0, seconds=FOREVER)
        wave.scripts.play("*7", wait=0, seconds=FOREVER, status="Failure", message="A node failed.", nodes=(BROKEN,))
        emulator.clock.on_loop(self._start)
        self._ids = {run["label"]: run["id"] for run in wave.all_runs()}

    def _start(self) -> None:
        wave = self.emulator.wave
        for label in (*self.ids, WARM_UP):
            run = wave.runs.start(wave.dataflows[wave.add_dataflow(label)], job_type="user", prefix="03C")
        run.created -= LONG_AGO

    def asked(self) -> int:
        return len(self.requests())

    def end(self, job_id: str) -> None:
        self.ended[job_id] = time.monotonic()
        self.emulator.wave.put(self._ids[job_id], "Failure" if ends_badly(job_id) else "Success")

    def requests(self) -> list[tuple[str, float]]:
        """The kind and time of each request, by the clock of ``ended``."""
        offset = time.monotonic() - self.emulator.clock.now()
        return [(kind, entry.at + offset) for entry in self.emulator.requests if (kind := kind_of(entry))]


def kind_of(entry: Entry) -> str:
    """The kind of a request; empty for a login."""
    if entry.method == api.DataflowJob.list.id:
        return PAGE if {"page", "dataflowId"} & set(entry.query) else ROUND
    return {api.DataflowJob.get.id: READ, api.DataflowJobNode.list.id: NODES}.get(entry.method, "")


def application(org: Org) -> web.Application:
    """The application of the control port."""

    async def runs(_: web.Request) -> web.Response:
        return web.json_response(org.emulator.wave.all_runs())

    async def requests(_: web.Request) -> web.Response:
        return web.json_response(org.requests())

    app = control(org)
    app.add_routes([web.get("/runs", runs), web.get("/requests", requests)])
    return app


async def serve(emulator: Emulator, jobs: int) -> None:
    ready: dict[str, Any] = {"control": await listen(application(Org(emulator, jobs))), "environment": emulator.connections()}
    print(json.dumps(ready), flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, required=True)
    jobs = parser.parse_args().jobs
    emulator = Emulator()
    emulator.requests = RequestLog(kept=10**6)
    with emulator:
        asyncio.run(serve(emulator, jobs))


if __name__ == "__main__":
    main()
