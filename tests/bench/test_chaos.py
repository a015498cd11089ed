"""The chaos program counts what it should, and its proxy does to a call what its watcher says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from airflow_dataflow_ext.api.dataflow import Template
from airflow_dataflow_ext.emulator import Emulator
from bench.chaos import became, judge
from bench.chaos_kills import AFTER, BEFORE, BETWEEN, POLLING, Kill, make_plan
from bench.chaos_proxy import Call, Proxy, Watcher
from bench.chaos_stack import Task
from demo.stack import free_port
from tests.asking import Asker


def job(number: int, id: str, state: str = "JOB_STATE_DONE", created: str = "2026-01-01T00:00:10Z") -> dict[str, Any]:
    return {"name": f"chaos-{number:03}-0a1b", "id": id, "currentState": state, "createTime": created}


def task(number: int, job_id: str, state: str = "success") -> Task:
    return Task(number=number, state=state, tries=1, job_id=job_id)


@pytest.mark.parametrize(
    ("tasks", "jobs", "counted"),
    [
        ([task(0, "a"), task(1, "b")], [job(0, "a"), job(1, "b")], (2, 2, 0, 0)),
        ([task(0, "a")], [job(0, "a"), job(0, "b")], (2, 1, 1, 1)),
        ([task(0, "a")], [job(0, "a"), job(0, "b", "JOB_STATE_CANCELLED")], (2, 1, 1, 1)),
        ([task(0, "a")], [job(0, "a", "JOB_STATE_RUNNING")], (1, 1, 0, 1)),
        ([task(0, "", "failed")], [job(0, "a")], (1, 0, 0, 1)),
        ([task(0, "a"), task(1, "b", "failed")], [job(0, "a")], (1, 1, 0, 0)),
    ],
)
def test_duplicates_and_orphans_are_counted(tasks: list[Task], jobs: list[Any], counted: tuple[int, ...]) -> None:
    assert tuple(judge(tasks, jobs).values()) == counted


@pytest.mark.parametrize(
    ("tasks", "jobs", "end"),
    [
        ([task(3, "a")], [job(3, "a", created="2026-01-01T00:00:09Z")], "job kept"),
        ([task(3, "a")], [job(3, "a", created="2026-01-01T00:00:11Z")], "launched later"),
        ([task(3, "a")], [job(3, "a"), job(3, "b")], "second job"),
        ([task(3, "a", "failed")], [job(3, "a")], "task failed"),
    ],
)
def test_a_kill_is_told_by_what_became_of_its_launch(tasks: list[Task], jobs: list[Any], end: str) -> None:
    at = 1767225610.0  # 2026-01-01T00:00:10Z
    assert became(Kill(point=BEFORE, whom="task", number=3, at=at), tasks, jobs) == end


def test_a_seed_chooses_the_same_kills_again_and_all_points_are_chosen() -> None:
    polled = {number: number < 100 for number in range(200)}
    plan = make_plan(7, polled)
    assert plan == make_plan(7, polled) != make_plan(8, polled)
    assert set().union(*plan.values()) == {BEFORE, BETWEEN, AFTER, POLLING}
    assert not any(POLLING in plan[number] for number in range(100, 200))


class Dropper(Watcher):
    """Drops calls of one kind at one point, and remembers what it saw."""

    def __init__(self) -> None:
        self.drop = ("", "")
        self.seen: list[tuple[str, str, str]] = []

    async def arrives(self, call: Call) -> bool:
        self.seen.append(("arrives", call.kind, call.job))
        return self.drop == ("arrives", call.kind)

    async def answers(self, call: Call, answer: bytes) -> bool:
        self.seen.append(("answers", call.kind, call.job))
        return self.drop == ("answers", call.kind)

    async def answered(self, call: Call) -> None:
        self.seen.append(("answered", call.kind, call.job))


@pytest.fixture
def dropper() -> Dropper:
    return Dropper()


@pytest.fixture
def ask_through(emulator: Emulator, dropper: Dropper) -> Iterator[Asker]:
    port = free_port()
    with Proxy(port, lambda: emulator.url, dropper):
        yield Asker(f"http://127.0.0.1:{port}")


def test_the_proxy_shows_calls_and_passes_them_on(ask_through: Asker, dropper: Dropper, emulator: Emulator) -> None:
    launched = ask_through.launch("chaos-017-0a1b")
    assert ask_through.job(launched)["name"] == "chaos-017-0a1b"
    assert [seen for seen in dropper.seen if seen[0] == "answered"] == [
        ("answered", "launch", "chaos-017-0a1b"),
        ("answered", "poll", launched["id"]),
    ]
    assert emulator.requests.counts == {Template.launch.id: 1, "jobs.get": 1}


@pytest.mark.parametrize(("point", "jobs"), [("arrives", 0), ("answers", 1)])
def test_the_proxy_drops_a_launch_before_or_after_its_effect(
    ask_through: Asker, dropper: Dropper, emulator: Emulator, point: str, jobs: int
) -> None:
    dropper.drop = (point, "launch")
    with pytest.raises(requests.ConnectionError):
        ask_through.launch("chaos-017-0a1b")
    assert len(emulator.jobs) == jobs


def test_an_answer_that_the_emulator_loses_is_lost_to_the_client_too(ask_through: Asker, emulator: Emulator) -> None:
    emulator.faults.add("templates.launch", lost=True)
    with pytest.raises(requests.ConnectionError):
        ask_through.launch("chaos-017-0a1b")
    assert len(emulator.jobs) == 1
