"""The lower limit of a round over all active jobs: fetches the same list pages with aiohttp, parses them with json, and does nothing else.

``python -m bench.waiting_limit --port P --jobs N --rounds R --poll S`` prints one JSON line with the CPU time of a round.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
from typing import Any

import aiohttp

from airflow_dataflow_ext.api.dataflow.wait import PAGE_SIZE
from bench.measuring import cpu_seconds
from bench.waiting_region import LOCATION, PROJECT


async def fetch(session: aiohttp.ClientSession, url: str) -> int:
    """Fetch and parse all pages, and return the number of jobs on them."""
    token, jobs = "", 0
    while True:
        query = {"filter": "ACTIVE", "pageSize": str(PAGE_SIZE), **({"pageToken": token} if token else {})}
        async with session.get(url, params=query) as reply:
            page: Any = json.loads(await reply.read())
        jobs += len(page["jobs"])
        token = page.get("nextPageToken", "")
        if not token:
            return jobs


async def measure(asked: argparse.Namespace) -> float:
    """CPU seconds for one round."""
    url = f"https://127.0.0.1:{asked.port}/v1b3/projects/{PROJECT}/locations/{LOCATION}/jobs"
    context = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        if await fetch(session, url) != asked.jobs:
            raise SystemExit("the list does not contain all jobs")
        began = cpu_seconds()
        for _ in range(asked.rounds):
            await fetch(session, url)
            await asyncio.sleep(asked.poll)
        return (cpu_seconds() - began) / asked.rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind in {"port": int, "jobs": int, "rounds": int, "poll": float}.items():
        parser.add_argument(f"--{name}", type=kind, required=True)
    print(json.dumps({"cpu_ms_per_round": 1000 * asyncio.run(measure(parser.parse_args()))}), flush=True)


if __name__ == "__main__":
    main()
