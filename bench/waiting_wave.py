"""The measured process for CRM Analytics; it uses ``bench.waiting_client``.

``python -m bench.waiting_wave --control C --jobs N ...`` prints one JSON line with its figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.wave.methods import PAGE_SIZE
from airflow_dataflow_ext.api.wave.runs import RunRef
from airflow_dataflow_ext.api.wave.wait import RunWatch
from bench.waiting_client import Run, ask, parser
from bench.waiting_control import ends_badly
from bench.waiting_org import NODES, ROUND

Runs = dict[str, dict[str, Any]]
"""The emulator's runs by label."""


def make_trigger(asked: argparse.Namespace, runs: Runs) -> Callable[[str], Any]:
    """A function that makes triggers as our operators do."""
    from airflow_dataflow_ext.triggers.wave import WaveJobTrigger

    def make(label: str) -> Any:
        run = runs[label]
        ref = RunRef(version="59.0", id=run["id"], source_id=run["source"], since=run["created"] - budgets.CLOCK_SKEW)
        watch = RunWatch(run=ref, poll_sleep=asked.poll)
        return WaveJobTrigger(watch=watch.serialize(), stop_on_kill=True, conn_id="salesforce_default")

    return make


class WaveRun(Run):
    """A measured run that also counts the requests to the org."""

    def __init__(self, asked: argparse.Namespace, runs: Runs) -> None:
        super().__init__(asked, [label for label in runs if label.startswith("bench-")], make_trigger(asked, runs))
        self.runs = runs

    def is_right(self, job_id: str, payload: Any) -> bool:
        """Whether an event has the id, the status and the nodes of the run."""
        job = payload.get("job", {})
        nodes = [node["status"] for node in job.get("nodes", ())]
        right = ("Failure", ["error"]) if ends_badly(job_id) else ("Success", ["success"] * 4)
        return job.get("id") == self.runs[job_id]["id"] and (job["status"], nodes) == right

    async def more(self, begin: float, end: float, finish: float) -> dict[str, Any]:
        return judge(await self.control("/requests"), len(self.ids), begin, end, finish)


def judge(requests: Sequence[tuple[str, float]], jobs: int, begin: float, end: float, finish: float) -> dict[str, Any]:
    """Compare the number of requests with the smallest possible one; requests for nodes are counted separately, as they are no polls.

    :param requests: the kind and time of each request.
    :param jobs: the number of runs; none of them ended between ``begin`` and ``end``, all of them between ``end`` and ``finish``.
    :raises ValueError: there was no complete round between ``begin`` and ``end``.
    """
    rounds = [number for number, (kind, at) in enumerate(requests) if kind == ROUND and begin <= at < end]
    if len(rounds) < 2:
        raise ValueError("no complete round was measured: increase --rounds")
    first, last, count = rounds[0], rounds[-1], len(rounds) - 1
    pause = (requests[last][1] - requests[first][1]) / count
    goal = math.ceil(jobs / PAGE_SIZE)
    ending = [kind for kind, at in requests if end <= at <= finish]
    while_ending = math.ceil((finish - end) / pause)
    return {
        "requests_per_round": round(sum(kind != NODES for kind, _ in requests[first:last]) / count, 2),
        "goal_per_round": goal,
        "round_s": round(pause, 2),
        "requests_while_ending": sum(kind != NODES for kind in ending),
        "rounds_while_ending": while_ending,
        "goal_while_ending": goal * while_ending + jobs,
        "nodes_while_ending": ending.count(NODES),
    }


def main() -> None:
    asked = parser(__doc__).parse_args()
    runs = {run["label"]: run for run in ask(asked.control, "/runs")}
    print(json.dumps(asyncio.run(WaveRun(asked, runs).measure())), flush=True)


if __name__ == "__main__":
    main()
