"""The measured process: many triggers in one event loop, as in a triggerer, from their start to their events.

``python -m bench.waiting_client ours|stock --port P --control C --jobs N ...`` prints one JSON line with its figures.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from bench.measuring import cpu_seconds
from bench.waiting_control import WARM_UP
from bench.waiting_region import DONE, LOCATION, PROJECT, end_of, job_ids

SAMPLE = 0.05
"""Seconds between two samples of the event loop's lag."""

OVERTIME = 90.0
"""Seconds to wait for events after the end of the last job."""


def percentile(values: list[float], part: float) -> float:
    """The value below which the given share of the values lies; 0 if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def memory_kib(name: str) -> int:
    """The memory of this process in KiB from /proc: ``VmRSS`` is the current value, ``VmHWM`` the highest so far."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name))


def our_trigger(asked: argparse.Namespace) -> Callable[[str], Any]:
    """A function that makes triggers as our operators do."""
    from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
    from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
    from airflow_dataflow_ext.triggers.dataflow import DataflowJobTrigger

    def make(job_id: str) -> Any:
        job = JobRef(place=Place(project_id=PROJECT, location=LOCATION), id=job_id)
        watch = JobWatch(job=job, policy=WaitPolicy(poll_sleep=asked.poll, importance=asked.importance))
        return DataflowJobTrigger(watch=watch.serialize(), stop_on_kill=True, conn_id="google_cloud_default")

    return make


def stock_trigger(asked: argparse.Namespace) -> Callable[[str], Any]:
    """A function that makes triggers as the stock operators do; only their endpoint is changed."""
    from airflow.providers.google.cloud.hooks.dataflow import DataflowHook
    from airflow.providers.google.cloud.triggers.dataflow import TemplateJobStartTrigger
    from google.api_core.client_options import ClientOptions

    DataflowHook.get_client_options = lambda *_, **__: ClientOptions(api_endpoint=f"127.0.0.1:{asked.port}")  # type: ignore[method-assign]

    def make(job_id: str) -> Any:
        return TemplateJobStartTrigger(job_id=job_id, project_id=PROJECT, location=LOCATION, poll_sleep=asked.poll)

    return make


def verdict(payload: Any) -> str:
    """The final state that an event reports; the stock trigger only reports whether the job succeeded."""
    if "job" in payload:
        return str(payload["job"].get("currentState"))
    return DONE if payload.get("status") == "success" else "JOB_STATE_FAILED" if payload.get("status") == "error" else str(payload)


def ask(port: int, path: str, method: str = "GET") -> Any:
    """Send a request to the server's control port."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read())


class Run:
    """One measured run.

    :param make: makes the trigger for a job.
    :param stock: whether each trigger polls its job with its own requests.
    """

    def __init__(self, asked: argparse.Namespace, ids: Sequence[str], make: Callable[[str], Any], *, stock: bool = False) -> None:
        self.asked = asked
        self.ids = ids
        self.make = make
        self.stock = stock
        self.events: list[tuple[str, float, Any]] = []
        self.lags: list[tuple[float, float]] = []

    def is_right(self, job_id: str, payload: Any) -> bool:
        """Whether an event reports the job's end correctly."""
        return verdict(payload) == end_of(job_id)

    async def more(self, begin: float, end: float, finish: float) -> dict[str, Any]:
        """Additional figures of a run that was measured from ``begin`` to ``end``, and whose jobs ended between ``end`` and ``finish``."""
        return {}

    async def control(self, path: str, method: str = "GET") -> Any:
        """Call :func:`ask` in a thread, so that it does not add to the event loop's lag."""
        return await asyncio.to_thread(ask, self.asked.control, path, method)

    async def follow(self, job_id: str) -> None:
        async for event in self.make(job_id).run():
            self.events.append((job_id, time.monotonic(), event.payload))

    async def sample(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(SAMPLE)
            self.lags.append((began, time.monotonic() - began - SAMPLE))

    def lag_ms(self, begin: float, end: float) -> float:
        return round(1000 * percentile([lag for at, lag in self.lags if begin <= at < end], 0.99), 1)

    async def start(self) -> list[asyncio.Task[None]]:
        """Start a trigger for each job, at the rate ``--rate``."""
        tasks, each = [], self.asked.rate / 10
        for start in range(0, len(self.ids), int(each)):
            tasks += [asyncio.create_task(self.follow(job_id)) for job_id in self.ids[start : start + int(each)]]
            await asyncio.sleep(0.1)
        return tasks

    async def measure(self) -> dict[str, Any]:
        asked = self.asked
        await self.control(f"/end?job={WARM_UP}", "POST")
        await self.follow(WARM_UP)
        self.events.clear()
        gc.collect()
        memory = memory_kib("VmRSS")
        sampler = asyncio.create_task(asyncio.sleep(0) if asked.unsampled else self.sample())
        tasks = await self.start()
        await asyncio.sleep(2 * asked.poll)
        gc.collect()  # what starting so many left behind is not part of a round
        before, cpu, begin = await self.control("/stats"), cpu_seconds(), time.monotonic()
        await asyncio.sleep(asked.rounds * asked.poll)
        after, cpu_spent, end = await self.control("/stats"), cpu_seconds() - cpu, time.monotonic()
        peak = memory_kib("VmHWM")
        await self.control(f"/end?over={asked.over}", "POST")
        _, late = await asyncio.wait(tasks, timeout=asked.over + OVERTIME)
        finish = time.monotonic()
        sampler.cancel()
        for task in late:
            task.cancel()
        rounds = (end - begin) / asked.poll
        requests = after["requests"] - before["requests"]
        polls = max(1, requests) if self.stock else asked.jobs * rounds
        return {
            "requests_per_round": round(requests / rounds, 2),
            "cpu_ms_per_poll": round(1000 * cpu_spent / polls, 4),
            "kib_per_job": round((peak - memory) / asked.jobs, 2),
            "lag_p99_ms": self.lag_ms(begin, end),
            "lag_p99_ms_at_the_end": self.lag_ms(end, finish),
            **self.ends(await self.control("/ended")),
            **await self.more(begin, end, finish),
        }

    def ends(self, ended: dict[str, float]) -> dict[str, Any]:
        """Compare the events with the ends of the jobs."""
        count = Counter(job_id for job_id, _, _ in self.events)
        wrong = sum(count[job_id] != 1 for job_id in self.ids)
        wrong += sum(not self.is_right(job_id, payload) for job_id, _, payload in self.events)
        waits = [at - ended[job_id] for job_id, at, _ in self.events if job_id in ended]
        return {"detection_p99_s": round(percentile(waits, 0.99), 2), "events": len(self.events), "wrong": wrong}


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser of the arguments that every measured process takes."""
    made = argparse.ArgumentParser(description=description)
    for name in ("control", "jobs", "rounds"):
        made.add_argument(f"--{name}", type=int, required=True)
    for name in ("poll", "rate", "over"):
        made.add_argument(f"--{name}", type=float, required=True)
    made.add_argument("--unsampled", action="store_true", help="do not sample the event loop's lag, which takes as much CPU as a round")
    return made


def main() -> None:
    words = parser(__doc__)
    words.add_argument("who", choices=("ours", "stock"))
    words.add_argument("--port", type=int, required=True)
    words.add_argument("--importance")
    asked = words.parse_args()
    stock = asked.who == "stock"
    run = Run(asked, job_ids(asked.jobs), (stock_trigger if stock else our_trigger)(asked), stock=stock)
    print(json.dumps(asyncio.run(run.measure())), flush=True)


if __name__ == "__main__":
    main()
