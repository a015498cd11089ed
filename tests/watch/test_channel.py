"""Tests of the Channel: opened once, shared by all who come, closed with the last; against the emulator where there is a wire."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from google.auth.credentials import AnonymousCredentials

from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.emulator import Emulator, JobMessage
from airflow_dataflow_ext.transport.aio import AsyncTransport
from airflow_dataflow_ext.transport.tokens import GoogleTokens
from airflow_dataflow_ext.watch.channel import Channel
from tests.asking import LOCATION, PROJECT, Asker

LOG = logging.getLogger(__name__)


class Hook:
    """What a Channel needs of a hook; counts what it is used for."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.made = self.opened = self.closed = 0

    def make(self) -> Hook:
        self.made += 1
        return self

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncTransport]:
        self.opened += 1
        async with aiohttp.ClientSession() as session:
            yield AsyncTransport(self.root, GoogleTokens(AnonymousCredentials()), timeout=5.0, session=session)
        self.closed += 1


@pytest.fixture
def hook(emulator: Emulator) -> Hook:
    return Hook(emulator.url)


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run it; a task that is left behind fails the test."""

    async def alone() -> Any:
        found = await main
        await asyncio.sleep(0)
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task() and not task.cancelling()] == []
        return found

    return asyncio.run(alone())


async def wait(make: Callable[[], Any], job: dict[str, Any], poll_sleep: float = 0.1) -> Outcome:
    """A wait as a trigger has it."""
    watch = JobWatch(job=JobRef(place=Place(project_id=PROJECT, location=LOCATION), id=job["id"]), policy=WaitPolicy(poll_sleep=poll_sleep))
    async with Channel.to("connection", make) as channel:
        return await channel.run(wait_for_job(watch), LOG)


def jobs(emulator: Emulator, count: int, *steps: tuple[float, Any]) -> list[dict[str, Any]]:
    emulator.scripts.play("wc*", steps)
    return [Asker(emulator.url).launch(f"wc-{number}") for number in range(count)]


def test_all_who_wait_share_one_connection_and_few_questions(emulator: Emulator, hook: Hook) -> None:
    launched = jobs(emulator, 30, (0, "JOB_STATE_RUNNING"), (2, "JOB_STATE_DONE"))

    async def all_of_them() -> list[Outcome]:
        return await asyncio.gather(*(wait(hook.make, job, poll_sleep=0.5) for job in launched))

    outcomes = run(all_of_them())
    assert [outcome.result()["id"] for outcome in outcomes] == [job["id"] for job in launched]
    assert (hook.made, hook.opened, hook.closed) == (1, 1, 1)
    assert emulator.requests.counts["jobs.list"] + emulator.requests.counts.get("jobs.get", 0) <= 30 + 10


def test_messages_of_each_job_come_to_its_own_log(emulator: Emulator, hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    launched = jobs(emulator, 2, (0, "JOB_STATE_RUNNING"), (0, JobMessage("It runs.")), (0.5, "JOB_STATE_DONE"))
    caplog.set_level(logging.INFO)

    async def both() -> None:
        await asyncio.gather(*(wait(hook.make, job) for job in launched))

    run(both())
    assert sum(text.endswith("It runs.") for text in caplog.messages) == 2


def test_the_channel_stays_open_for_the_last_and_opens_anew_for_the_next(emulator: Emulator, hook: Hook) -> None:
    first, second = jobs(emulator, 2, (0, "JOB_STATE_DONE"))
    emulator.scripts.play("long", [(0, "JOB_STATE_RUNNING")])
    long = Asker(emulator.url).launch("long")

    async def run_all() -> None:
        lasting = asyncio.create_task(wait(hook.make, long))
        await wait(hook.make, first)
        assert (hook.opened, hook.closed) == (1, 0)
        emulator.jobs.set_state(long["id"], "JOB_STATE_DONE")
        await lasting
        assert (hook.opened, hook.closed) == (1, 1)
        await wait(hook.make, second)

    run(run_all())
    assert (hook.made, hook.opened, hook.closed) == (2, 2, 2)


def test_a_failing_hook_is_said_to_everybody_and_tried_again(emulator: Emulator, hook: Hook) -> None:
    (job,) = jobs(emulator, 1, (0, "JOB_STATE_DONE"))
    tries: list[int] = []

    def fail() -> Any:
        tries.append(1)
        raise LookupError("no such connection")

    async def run_all() -> list[Any]:
        refused = await asyncio.gather(*(wait(fail, job) for _ in range(5)), return_exceptions=True)
        return [*refused, await wait(hook.make, job)]

    *refused, outcome = run(run_all())
    assert [str(error) for error in refused] == ["no such connection"] * 5
    assert (len(tries), outcome.phase) == (1, Phase.SUCCEEDED)


def test_one_who_gives_up_leaves_the_others(emulator: Emulator, hook: Hook) -> None:
    launched = jobs(emulator, 3, (0, "JOB_STATE_RUNNING"), (1.5, "JOB_STATE_DONE"))

    async def run_all() -> list[Any]:
        waits = [asyncio.create_task(wait(hook.make, job)) for job in launched]
        await asyncio.sleep(0.7)
        waits[0].cancel()
        return await asyncio.gather(*waits, return_exceptions=True)

    gone, *outcomes = run(run_all())
    assert isinstance(gone, asyncio.CancelledError)
    assert [outcome.phase for outcome in outcomes] == [Phase.SUCCEEDED] * 2


def test_one_who_gives_up_while_it_opens_disturbs_nobody(emulator: Emulator, hook: Hook) -> None:
    (job,) = jobs(emulator, 1, (0, "JOB_STATE_DONE"))

    async def run_all() -> Outcome:
        waits = [asyncio.create_task(wait(hook.make, job)) for _ in range(2)]
        await asyncio.sleep(0)
        waits[0].cancel()
        return await waits[1]

    assert run(run_all()).phase is Phase.SUCCEEDED
    assert (hook.opened, hook.closed) == (1, 1)


def test_two_connections_have_a_channel_each(emulator: Emulator, hook: Hook) -> None:
    async def open_both() -> None:
        async with Channel.to("a", hook.make) as first, Channel.to("b", hook.make) as second, Channel.to("a", hook.make) as third:
            assert first is third
            assert first is not second

    run(open_both())
    assert (hook.opened, hook.closed) == (2, 2)
