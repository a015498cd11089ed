"""The ends of jobs as events: each once, over restarts, for whoever they match, at the price of one list."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.finished_jobs import Ledger
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.times import rfc3339
from airflow_dataflow_ext.emulator import Emulator, Fault
from airflow_dataflow_ext.emulator.google.oauth import PROJECT
from tests.airflow_task import needs_3_3
from tests.asking import Asker
from tests.operators.conftest import connected

__all__ = ["connected"]


class Store:
    """Airflow's asset state store, in memory."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.kept = asyncio.Event()

    async def aget(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    async def aset(self, key: str, value: Any) -> None:
        self.values[key] = value
        self.kept.set()


@pytest.fixture
def end(emulator: Emulator) -> Callable[..., str]:
    """Lets a job of this name run to its end at once; its id."""

    def end(name: str, state: str = "JOB_STATE_DONE", **fields: Any) -> str:
        emulator.scripts.play(name, [(0, "JOB_STATE_RUNNING"), (0, state)])
        return str(Asker(emulator.url, project=PROJECT).launch(name, **fields)["id"])

    return end


async def follow(store: Store, seconds: float, *then: Callable[[], Any], **fields: Any) -> list[dict[str, Any]]:
    """The events of a trigger that runs for so long, with things that happen once it has looked around."""
    from airflow_dataflow_ext.triggers.dataflow_events import DataflowJobEventTrigger

    trigger = DataflowJobEventTrigger(poll_sleep=0.1, **fields)
    again = DataflowJobEventTrigger(**trigger.serialize()[1])
    assert again.serialize() == trigger.serialize()
    assert not any(isinstance(value, dict) for value in trigger.serialize()[1].values()), "which Airflow 3.2 wraps and does not unwrap"
    store.kept = asyncio.Event()
    again.asset_state_store = store  # type: ignore[assignment]
    events: list[dict[str, Any]] = []

    async def gather() -> None:
        async for event in again.run():
            events.append(event.payload)  # noqa: PERF401  (it never ends)

    task = asyncio.create_task(gather())
    await store.kept.wait()  # the first look; what it loads takes seconds
    for happens in then:
        await asyncio.to_thread(happens)
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return events


def test_each_matching_job_that_ends_from_now_on_is_one_event(end: Callable[..., str]) -> None:
    end("count-before")
    happens = [lambda: end("count-1"), lambda: end("other"), lambda: end("count-2", "JOB_STATE_FAILED"), lambda: end("count-3")]
    events = asyncio.run(follow(Store(), 1.5, *happens, name="count-*", states=["JOB_STATE_DONE"]))
    assert [(event["name"], event["currentState"]) for event in events] == [("count-1", "JOB_STATE_DONE"), ("count-3", "JOB_STATE_DONE")]


def test_no_event_is_lost_or_doubled_over_a_restart(end: Callable[..., str]) -> None:
    store = Store()
    first = asyncio.run(follow(store, 1.5, lambda: end("job-1")))
    end("job-2")
    end("job-3")
    second = asyncio.run(follow(store, 1.5, lambda: end("job-4")))
    assert [event["name"] for event in first] == ["job-1"]
    assert [event["name"] for event in second] == ["job-2", "job-3", "job-4"]


def test_what_ended_before_a_trigger_began_is_no_event_also_after_a_restart(emulator: Emulator, end: Callable[..., str]) -> None:
    now = time.time()
    for ago in (budgets.CLOCK_SKEW + budgets.ENDS_OVERLAP / 2, 7200.0):  # not in the first list; the second reaches back further
        record = emulator._control.world.jobs.get(end("old"))
        assert record is not None
        record.ended = now - ago
        record.change(currentStateTime=rfc3339(now - ago))
    store = Store()
    assert asyncio.run(follow(store, 1.0)) == []
    end("new")
    assert [event["name"] for event in asyncio.run(follow(store, 0.5))] == ["new"]


def test_an_end_whose_time_cannot_be_read_is_an_event_and_stops_no_other(emulator: Emulator, end: Callable[..., str]) -> None:
    def odd() -> None:
        record = emulator._control.world.jobs.get(end("odd"))
        assert record is not None
        record.change(currentStateTime="yesterday")

    events = asyncio.run(follow(Store(), 1.5, odd, lambda: end("job-1")))
    assert sorted(event["name"] for event in events) == ["job-1", "odd"]


def test_a_label_is_asked_for_where_it_matters(emulator: Emulator, end: Callable[..., str]) -> None:
    labelled = {"environment": {"additionalUserLabels": {"team": "books"}}}
    happens = [lambda: end("a-job", **labelled), lambda: end("another")]
    events = asyncio.run(follow(Store(), 1.5, *happens, name="a*", labels={"team": "books"}))
    assert [(event["name"], event["labels"]["team"]) for event in events] == [("a-job", "books")]


def test_trouble_with_the_list_ends_nothing(emulator: Emulator, end: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(budgets, "AFTER_TROUBLE", 0.05)
    happens = [
        lambda: emulator.faults.set(Fault(method="jobs.list", status=503, times=2)),
        lambda: emulator.faults.set(Fault(method="jobs.list", status=403, times=2)),
        lambda: end("job-1"),
    ]
    assert [event["name"] for event in asyncio.run(follow(Store(), 2.0, *happens))] == ["job-1"]


@needs_3_3
def test_two_triggers_on_airflows_shared_stream_cost_one_list_a_round(emulator: Emulator, end: Callable[..., str]) -> None:
    from airflow.triggers.shared_stream import SharedStreamManager

    from airflow_dataflow_ext.triggers.dataflow_events import DataflowJobEventTrigger

    async def scene() -> list[tuple[str, str]]:
        manager = SharedStreamManager()
        said: list[tuple[str, str]] = []
        stores = []

        async def consume(number: int, pattern: str) -> None:
            trigger = DataflowJobEventTrigger(name=pattern, poll_sleep=0.2)
            stores.append(Store())
            trigger.asset_state_store = stores[-1]  # type: ignore[assignment]
            stream = manager.subscribe(trigger_id=number, trigger=trigger, key=trigger.shared_stream_key())
            async for event in trigger.filter_shared_stream(stream):
                said.append((pattern, event.payload["name"]))  # noqa: PERF401  (it never ends)

        tasks = [asyncio.create_task(consume(number, pattern)) for number, pattern in enumerate(("a-*", "*-1"))]
        await asyncio.sleep(0)
        await asyncio.gather(*(store.kept.wait() for store in stores))
        for name in ("a-1", "a-2", "b-1"):
            await asyncio.to_thread(end, name)
        emulator.requests.clear()
        await asyncio.sleep(2.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await manager.stop_all()
        return sorted(said)

    assert asyncio.run(scene()) == [("*-1", "a-1"), ("*-1", "b-1"), ("a-*", "a-1"), ("a-*", "a-2")]
    assert 3 <= emulator.requests.counts["jobs.list"] <= 10


def test_triggers_of_one_place_share_a_stream_and_others_do_not() -> None:
    from airflow_dataflow_ext.triggers.dataflow_events import DataflowJobEventTrigger

    key = DataflowJobEventTrigger(name="a*", states=["JOB_STATE_DONE"]).shared_stream_key()
    assert DataflowJobEventTrigger(labels={"team": "b"}).shared_stream_key() == key
    assert DataflowJobEventTrigger(location="europe-west1").shared_stream_key() != key


def test_a_state_in_which_no_job_ends_is_refused() -> None:
    from airflow_dataflow_ext.triggers.dataflow_events import DataflowJobEventTrigger

    with pytest.raises(InvalidInputError, match="no job ends as JOB_STATE_RUNNING"):
        DataflowJobEventTrigger(states=["JOB_STATE_RUNNING"])


def test_one_state_and_labels_that_are_numbers_or_none_are_read() -> None:
    from airflow_dataflow_ext.triggers.dataflow_events import DataflowJobEventTrigger

    assert DataflowJobEventTrigger(states="JOB_STATE_DONE").states == ["JOB_STATE_DONE"]
    labels: Any = {"cost": 7, "team": None}
    assert DataflowJobEventTrigger(labels=labels).labels == {"cost": "7"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"states": "DONE"}, "states.* did you mean 'JOB_STATE_DONE'"),
        ({"name": None}, "name must not be empty"),
        ({"location": "us-east1-b"}, "location must be a region"),
        ({"labels": ["team"]}, "labels must be a mapping"),
    ],
)
def test_what_could_never_match_fails_the_dag_file(fields: Any, said: str) -> None:
    from airflow_dataflow_ext.triggers.dataflow_events import DataflowJobEventTrigger

    with pytest.raises(InvalidInputError, match=said):
        DataflowJobEventTrigger(**fields)


def job(name: str, second: int) -> dict[str, Any]:
    return {"id": name, "currentStateTime": f"2027-01-01T00:{second // 60:02}:{second % 60:02}Z"}


def test_a_ledger_tells_an_end_without_a_time_once_for_as_long_as_it_is_listed() -> None:
    ledger, odd = Ledger(latest=0.0), {"id": "odd", "currentStateTime": None}
    lists = [[odd], [odd, job("a", 0)], [odd, job("a", 0), job("b", 2 * int(budgets.ENDS_OVERLAP))], [odd]]
    assert [[each["id"] for each in ledger.fresh(listed)] for listed in lists] == [["odd"], ["a"], ["b"], []]


def test_a_ledger_tells_each_job_once_also_one_that_shows_late_and_forgets_what_no_list_shows_again() -> None:
    ledger = Ledger(latest=0.0)
    assert [each["id"] for each in ledger.fresh([job("a", 0), job("b", 600)])] == ["a", "b"]
    ledger = Ledger.deserialize(ledger.serialize())
    assert set(ledger.reported) == {"b"}
    late = [job("a", 0), job("c", 600 - int(budgets.ENDS_OVERLAP) + 1), job("b", 600)]
    assert [each["id"] for each in ledger.fresh(late)] == ["c"]
    assert list(ledger.fresh(late)) == []
