"""Tests of the two drivers: the same conversation has the same end, whatever happens on the wire."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.launcher import DataflowLauncher
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.templates import TemplateLaunch
from airflow_dataflow_ext.api.dataflow.usage import resources
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import launch_once
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.rest import budgets, errors
from airflow_dataflow_ext.api.rest.ask import ask, items, pages
from airflow_dataflow_ext.api.rest.method import NoReply, Reply, Request
from airflow_dataflow_ext.api.rest.steps import Now, Recall, Record, Renew, Say, Sleep
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.task.compat import AirflowTaskTimeout
from airflow_dataflow_ext.transport.aio import AsyncTransport
from airflow_dataflow_ext.transport.effects import RECORD, MemoryStore, effects_of
from tests.asking import LOCATION, PROJECT, Asker
from tests.transport.conftest import SyncDriver

PLACE = {"projectId": PROJECT, "location": LOCATION}
SOON = {"Retry-After": "0"}
FAULTS = [
    *(pytest.param({"status": status, "headers": SOON}, id=str(status)) for status in (429, 500, 502, 503, 504)),
    pytest.param({"status": 403, "reason": "rateLimitExceeded", "headers": SOON}, id="403 rate limit"),
    pytest.param({"reset": True}, id="reset"),
    pytest.param({"lost": True}, id="lost"),
    pytest.param({"delay": 0.6}, id="timeout"),
    pytest.param({"cut": "length"}, id="cut short"),
    pytest.param({"cut": "json"}, id="truncated JSON"),
    pytest.param({"expired": True}, id="401"),
]
SILENT = [fault for fault in FAULTS if fault.id in ("reset", "lost", "timeout", "cut short")]


@pytest.fixture
def job(emulator: Emulator) -> dict[str, Any]:
    """A job that ends at once."""
    emulator.scripts.play("wc*", [(0, "JOB_STATE_DONE")])
    return Asker(emulator.url).launch("wc")


@pytest.fixture
def get(job: dict[str, Any]) -> Request:
    return Job.get.request(**PLACE, jobId=job["id"])


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_hiccup_is_survived(driver: SyncDriver, emulator: Emulator, get: Request, fault: dict[str, Any]) -> None:
    emulator.faults.add("jobs.get", **fault)
    driver.timeout = 0.3
    assert driver.run(ask(get))["currentState"] == "JOB_STATE_DONE"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_wait_outlasts_each_hiccup(driver: SyncDriver, emulator: Emulator, job: dict[str, Any], fault: dict[str, Any]) -> None:
    for method in ("jobs.get", "jobs.messages.list"):
        emulator.faults.add(method, **fault)
    driver.timeout = 0.3
    watch = JobWatch(job=JobRef(place=Place(project_id=PROJECT, location=LOCATION), id=job["id"]), policy=WaitPolicy(poll_sleep=1.0))
    assert driver.run(wait_for_job(watch)).result()["id"] == job["id"]


@pytest.mark.parametrize("fault", SILENT)
def test_silence_is_a_value_and_says_why(driver: SyncDriver, emulator: Emulator, get: Request, fault: dict[str, Any]) -> None:
    driver.tokens.headers()
    emulator.faults.add("jobs.get", **fault, times=None)  # aiohttp itself asks once more when a connection breaks before the answer
    driver.timeout = 0.3
    answer = driver.send(get)
    assert isinstance(answer, NoReply)
    assert "Error" in answer.reason or "Timeout" in answer.reason
    assert 0 < answer.took < 2


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.id not in ("timeout",)])
def test_a_launch_starts_one_job_whatever_becomes_of_its_answer(
    driver: SyncDriver, emulator: Emulator, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "LOOKUP_PAUSES", (0.0,))
    emulator.scripts.play("once*", [(0, "JOB_STATE_RUNNING")])
    emulator.faults.add("templates.launch", **fault)
    place = Place(project_id=PROJECT, location=LOCATION)
    service = DataflowLauncher(launch=TemplateLaunch(template="gs://b/t", job_name="once"), place=place)
    identity = LaunchIdentity(dag_id="d", run_id="r", task_id="t")
    launched = driver.run(launch_once(service, identity, clear_key=0))
    assert [entry["job"]["id"] for entry in emulator.jobs.all()] == [launched.job["id"]]


def test_a_permission_error_is_one_at_once(driver: SyncDriver, emulator: Emulator, get: Request) -> None:
    emulator.faults.add("jobs.get", status=403, message="Not yours.")
    with pytest.raises(errors.PermissionDeniedError, match=r"Not yours\. Check the roles"):
        driver.run(ask(get))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_closed_port_of_this_machine_is_named_and_nothing_was_sent(
    driver_of: Callable[..., SyncDriver], driver: SyncDriver, get: Request, host: str
) -> None:
    answer = driver_of(f"http://{host}:9", driver.tokens).send(get)
    assert isinstance(answer, NoReply)
    assert (answer.sent, answer.nobody) == (False, True)
    assert answer.reason.endswith(":9, to which the root URL leads; does the emulator run there?")


@pytest.mark.parametrize("fault", SILENT)
def test_a_request_that_was_on_its_way_counts_as_sent(driver: SyncDriver, emulator: Emulator, get: Request, fault: dict[str, Any]) -> None:
    driver.tokens.headers()
    emulator.faults.add("jobs.get", **fault, times=None)
    driver.timeout = 0.3
    answer = driver.send(get)
    assert isinstance(answer, NoReply)
    assert (answer.sent, answer.nobody) == (True, False)


def test_a_redirect_is_not_followed(driver: SyncDriver, emulator: Emulator, get: Request) -> None:
    emulator.faults.add("jobs.get", status=302, headers={"Location": f"{emulator.url}/elsewhere"})
    answer = driver.send(get)
    assert isinstance(answer, Reply)
    assert (answer.status, emulator.requests.counts.get("")) == (302, None)


def test_a_reply_has_status_headers_body_and_time(driver: SyncDriver, emulator: Emulator, get: Request) -> None:
    answer = driver.send(get)
    assert isinstance(answer, Reply)
    assert (answer.status, answer.headers["content-type"].split(";")[0]) == (200, "application/json")
    assert answer.json()["name"] == "wc"
    assert answer.took > 0
    assert all(name == name.lower() for name in answer.headers)


def test_a_request_goes_out_as_it_is(driver: SyncDriver, emulator: Emulator) -> None:
    request = Job.list.request(projectId="example.com:p", location=LOCATION, name="a b&c=%2F+ü")
    driver.send(request)
    entry = emulator.requests.of("jobs.list")[-1]
    assert entry.query == {"name": "a b&c=%2F+ü"}
    assert entry.path == f"/v1b3/projects/example.com:p/locations/{LOCATION}/jobs"


def test_pages_are_followed_over_the_wire(driver: SyncDriver, emulator: Emulator) -> None:
    asker = Asker(emulator.url)
    wanted = {asker.launch(f"job-{number}")["id"] for number in range(5)}
    bodies = driver.run(pages(Job.list.request(**PLACE, pageSize=2)))
    assert ({job["id"] for job in items(bodies, "jobs")}, len(bodies)) == (wanted, 3)


def test_the_steps_of_a_conversation_are_performed(driver: SyncDriver, caplog: pytest.LogCaptureFixture) -> None:
    def conversation() -> Any:
        before = yield Now()
        yield Sleep(0.05)
        yield Say("100 % said", logging.WARNING)
        yield Record({"a": 1})
        yield Renew()
        return (yield Recall()), (yield Now()) - before

    recalled, seconds = driver.run(conversation())
    assert recalled == {"a": 1}
    assert 0.05 <= seconds < 2
    assert ("100 % said", logging.WARNING) in [(record.getMessage(), record.levelno) for record in caplog.records]


def broken(step: Any) -> Any:
    """Effects that fail."""
    raise LookupError("the log is full")


def test_an_error_of_a_step_reaches_the_conversation_which_may_go_on(driver: SyncDriver) -> None:
    def conversation() -> Any:
        try:
            yield Say("hello")
        except LookupError as error:
            yield Sleep(0)
            return f"it heard: {error}"

    driver.effects = broken
    assert driver.run(conversation()) == "it heard: the log is full"


def test_an_error_of_a_step_that_nobody_hears_comes_out_and_the_conversation_is_closed(driver: SyncDriver) -> None:
    closed: list[str] = []

    def conversation() -> Any:
        try:
            yield Say("hello")
        finally:
            closed.append("closed")

    driver.effects = broken
    with pytest.raises(LookupError, match="the log is full"):
        driver.run(conversation())
    assert closed == ["closed"]


@pytest.mark.parametrize("end", [KeyboardInterrupt, AirflowTaskTimeout])
def test_a_task_that_is_ended_from_outside_closes_its_conversation(driver: SyncDriver, end: type[BaseException]) -> None:
    closed: list[str] = []

    def ended(step: Any) -> Any:
        raise end

    def conversation() -> Any:
        try:
            yield Say("hello")
        except Exception:
            closed.append("heard")
        finally:
            closed.append("closed")

    driver.effects = ended
    held = conversation()
    with pytest.raises(end):
        driver.run(held)
    assert closed == ["closed"]


def test_a_cancelled_wait_closes_its_conversation(emulator: Emulator, driver: SyncDriver) -> None:
    closed: list[str] = []

    def conversation() -> Any:
        try:
            yield Sleep(60)
        finally:
            closed.append("closed")

    async def cancelled() -> None:
        async with aiohttp.ClientSession() as session:
            transport = AsyncTransport(emulator.url, driver.tokens, timeout=5.0, session=session)
            held = conversation()
            waiting = asyncio.ensure_future(transport.run(held, driver.effects))
            await asyncio.sleep(0.05)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert closed == ["closed"]

    asyncio.run(cancelled())


@pytest.mark.usefixtures("impatient")
def test_trouble_with_the_token_while_metrics_are_read_fails_no_task(
    driver: SyncDriver, emulator: Emulator, job: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> dict[str, str]:
        raise errors.NotAuthenticatedError("the key is gone")

    monkeypatch.setattr(driver.tokens, "headers", refuse)
    at = JobRef(place=Place(project_id=PROJECT, location=LOCATION), id=job["id"])
    assert driver.run(resources(at, {})) == {}


def test_an_error_of_the_conversation_comes_out(driver: SyncDriver) -> None:
    def conversation() -> Any:
        yield Now()
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        driver.run(conversation())


def test_without_a_store_a_record_is_a_mistake_of_the_caller() -> None:
    perform = effects_of(logging.getLogger(__name__))
    with pytest.raises(TypeError, match="nobody here performs Record"):
        perform(Record({}))


def test_the_record_has_its_own_key_in_the_store() -> None:
    store = MemoryStore()
    effects_of(logging.getLogger(__name__), store)(Record({"a": 1}))
    assert store.get(RECORD) == store.get("launch") == {"a": 1}
    assert store.get("other") is None
