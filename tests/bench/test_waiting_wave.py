"""The waiting program for CRM Analytics counts what an org was asked, and tells a right event from a wrong one."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

import pytest

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.emulator import Emulator
from bench.waiting_control import WARM_UP
from bench.waiting_org import NODES, PAGE, READ, ROUND, Org
from bench.waiting_wave import WaveRun, judge

BEGIN, END, FINISH = 100.0, 120.0, 130.0


def rounds(*starts: float, requests: tuple[str, ...] = (ROUND, PAGE)) -> list[tuple[str, float]]:
    """Rounds of so many requests, a hundredth of a second apart."""
    return [(kind, start + number / 100) for start in starts for number, kind in enumerate(requests)]


QUIET = rounds(98.0, 103.0, 108.0, 113.0, 118.0)
ENDING = rounds(121.0, 126.0, requests=(ROUND, PAGE, *[READ, NODES] * 150))
PERFECT = {
    "requests_per_round": 2.0,
    "goal_per_round": 2,
    "round_s": 5.0,
    "requests_while_ending": 304,
    "rounds_while_ending": 2,
    "goal_while_ending": 304,
    "nodes_while_ending": 300,
}


@pytest.mark.parametrize(
    ("requests", "changed"),
    [
        ([*QUIET, *ENDING], {}),
        ([(READ, 90.0), *QUIET, *ENDING, (READ, 131.0)], {}),
        ([(PAGE, 100.0), *QUIET[2:], *ENDING], {}),
        (rounds(101.0, 106.0, 111.0, requests=(ROUND, PAGE, READ)) + ENDING, {"requests_per_round": 3.0}),
        (rounds(101.0, 103.5, 106.0) + ENDING, {"round_s": 2.5, "rounds_while_ending": 4, "goal_while_ending": 308}),
        ([*QUIET, *ENDING, (READ, 129.9)], {"requests_while_ending": 305}),
        ([*QUIET, *ENDING, (NODES, 129.9)], {"nodes_while_ending": 301}),
    ],
)
def test_requests_are_counted_in_whole_rounds_and_while_the_runs_end(requests: list[Any], changed: dict[str, Any]) -> None:
    assert judge(requests, 300, BEGIN, END, FINISH) == PERFECT | changed


def test_a_time_without_a_whole_round_is_not_judged() -> None:
    with pytest.raises(ValueError, match="--rounds"):
        judge(rounds(98.0, 103.0, 123.0), 300, BEGIN, END, FINISH)


@pytest.fixture
def org(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Org:
    for name, value in emulator.connections().items():
        monkeypatch.setenv(name, value)
    return Org(emulator, 8)


@pytest.fixture
def run(org: Org) -> WaveRun:
    return WaveRun(argparse.Namespace(poll=60.0), {run["label"]: run for run in org.emulator.wave.all_runs()})


def test_all_runs_are_waited_for_in_one_list_and_each_end_is_said_right(org: Org, run: WaveRun) -> None:
    async def all_of_them() -> None:
        await asyncio.gather(*(run.follow(label) for label in run.ids))

    assert run.ids == org.ids
    for label in org.ids:
        org.end(label)
    asyncio.run(all_of_them())
    said = run.ends(org.ended)
    assert (said["events"], said["wrong"]) == (8, 0)
    kinds = [kind for kind, _ in org.requests()]
    assert (kinds.count(ROUND), kinds.count(PAGE), kinds.count(READ), kinds.count(NODES)) == (1, 0, 8, 8)


def test_the_warm_up_is_none_of_the_runs_and_in_no_list(org: Org, run: WaveRun) -> None:
    org.end(WARM_UP)
    asyncio.run(run.follow(WARM_UP))
    ((_, _, payload),) = run.events
    assert run.is_right(WARM_UP, payload)
    assert WARM_UP not in run.ids
    assert run.runs[WARM_UP]["created"] < min(run.runs[label]["created"] for label in run.ids) - budgets.CLOCK_SKEW


@pytest.mark.parametrize("mistake", ["missing", "doubled", "another run", "another status", "no nodes"])
def test_an_event_that_is_missing_doubled_or_wrong_is_counted(run: WaveRun, mistake: str) -> None:
    nodes = [{"status": "success"}] * 4
    right = {label: {"id": run.runs[label]["id"], "status": "Success", "nodes": nodes} for label in run.ids}
    right["bench-000007"] |= {"status": "Failure", "nodes": [{"status": "error"}]}
    run.events = [(label, 1.0, {"job": job}) for label, job in right.items()]
    assert run.ends({})["wrong"] == 0
    label, at, event = run.events.pop()
    changed = {"another run": {"id": "03C"}, "another status": {"status": "Success"}, "no nodes": {"nodes": []}}.get(mistake, {})
    run.events += {"missing": 0, "doubled": 2}.get(mistake, 1) * [(label, at, {"job": event["job"] | changed})]
    assert run.ends({})["wrong"] == 1
