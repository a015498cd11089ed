"""The trigger for CRM Analytics: it survives a round trip, and shares its looks with all others of its org."""

from __future__ import annotations

import asyncio
from math import ceil
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import pytest

from airflow_dataflow_ext.api.wave.runs import RunRef
from airflow_dataflow_ext.api.wave.wait import RunWatch
from airflow_dataflow_ext.emulator import Emulator

if TYPE_CHECKING:
    from airflow_dataflow_ext.triggers.wave import WaveJobTrigger


@pytest.fixture(autouse=True)
def connected(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in emulator.connections().items():
        monkeypatch.setenv(name, value)


def trigger(run: RunRef, *, poll_sleep: float = 0.5, **fields: Any) -> WaveJobTrigger:
    from airflow_dataflow_ext.triggers.wave import WaveJobTrigger

    watch = RunWatch(run=run, poll_sleep=poll_sleep)
    return WaveJobTrigger(watch=watch.serialize(), conn_id="salesforce_default", **fields)


def runs(emulator: Emulator, count: int) -> list[RunRef]:
    """So many runs of as many dataflows, each as its launch knows it."""
    found = []
    for number in range(count):
        flow = emulator.wave.add_dataflow(f"Flow {number}")
        reference = {**emulator.wave.dataflows[flow]}
        job = emulator.clock.on_loop(lambda reference=reference: emulator.wave.runs.start(reference, job_type="user", prefix="03C"))
        found.append(RunRef(version="59.0", id=job.id, source_id=flow, since=emulator.clock.now() - 600))
    return found


def test_an_end_whose_time_cannot_be_read_is_an_event_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ended() -> Any:
        return {"phase": "succeeded", "job": {"id": "03C", "status": "Success", "endDate": "yesterday"}}

    one = trigger(RunRef(version="59.0", id="03C"))
    monkeypatch.setattr(one, "event", ended)
    assert events_of([one])[0]["phase"] == "succeeded"


def test_a_trigger_survives_a_round_trip() -> None:
    run = RunRef(version="59.0", id="030EM00000000012AA", source_id="02KEM00000000012AA", since=5.5, others=("03C", "0eP"), sync=True)
    first = trigger(run, stop_on_kill=True)
    path, fields = first.serialize()
    again = resolve_name(path)(**fields)
    assert (type(again), again.watch, again.stop_on_kill) == (type(first), first.watch, True)
    assert again.serialize() == (path, fields)


def events_of(triggers: list[WaveJobTrigger]) -> list[Any]:
    async def first(one: WaveJobTrigger) -> Any:
        async for event in one.run():
            return event.payload
        raise AssertionError("no event")

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*(first(one) for one in triggers))

    return asyncio.run(all_of_them())


def test_many_waiting_runs_cost_a_list_a_round_and_a_read_for_each_end(emulator: Emulator) -> None:
    jobs, seconds = 230, 4.0
    emulator.wave.scripts.play("*", wait=0.2, seconds=seconds, nodes=())
    waiting = [trigger(run, poll_sleep=1.0) for run in runs(emulator, jobs)]
    emulator.requests.clear()
    events = events_of(waiting)
    assert {event["job"]["status"] for event in events} == {"Success"}
    counts = emulator.requests.counts
    rounds = 2 + ceil(seconds + 2)
    assert counts["oauth.salesforce.soap"] == 1
    assert counts["wave.jobs.list"] <= rounds * ceil(jobs / 200)
    assert counts["wave.jobs.get"] <= 2 * jobs, "each run is read when its end shows, and hardly before"
    assert counts["wave.jobs.nodes.list"] == jobs


def test_newest_runs_that_are_not_there_yet_share_the_list(emulator: Emulator) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=0)
    now = emulator.clock.now()
    flows = [emulator.wave.add_dataflow(f"Flow {number}") for number in range(20)]
    waiting = [trigger(RunRef(version="59.0", source_id=flow, since=now, newest=True), poll_sleep=0.4) for flow in flows]

    def begin() -> None:
        for flow in flows:
            emulator.wave.runs.start(dict(emulator.wave.dataflows[flow]), job_type="user", prefix="03C")

    emulator.clock.on_loop(lambda: emulator.clock.after(2.0, begin))
    events = events_of(waiting)
    assert [event["job"]["source"]["id"] for event in events] == flows
    assert emulator.requests.counts["wave.jobs.list"] < 20 * 3, "a round costs one list, and each end one more"
    assert emulator.requests.counts.get("wave.jobs.get", 0) == 0


@pytest.mark.parametrize(("state", "stopped"), [("failed", True), ("deferred", False)])
def test_a_killed_task_stops_its_run_and_a_moved_trigger_does_not(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, state: str, stopped: bool
) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=60)
    killed = trigger(runs(emulator, 1)[0], stop_on_kill=True)

    async def by_user(_: Any) -> bool:
        return state != "deferred"

    monkeypatch.setattr(type(killed), "killed_by_user", by_user)
    asyncio.run(killed.on_kill())
    assert emulator.wave.all_runs()[0]["status"] == ("Cancelled" if stopped else "Running")


def test_a_run_that_is_not_ours_is_not_stopped_by_a_kill(emulator: Emulator) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=60)
    asyncio.run(trigger(runs(emulator, 1)[0]).on_kill())
    assert emulator.wave.all_runs()[0]["status"] == "Running"
