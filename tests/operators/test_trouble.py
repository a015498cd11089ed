"""A hiccup is never an ending, and a refusal is a clear one."""

from __future__ import annotations

import time
from typing import Any

import pytest

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.emulator import Emulator, JobMessage
from tests.operators.launches import instance

HICCUPS: dict[str, dict[str, Any]] = {
    "429": {"status": 429},
    "500": {"status": 500},
    "502": {"status": 502},
    "503": {"status": 503, "headers": {"Retry-After": "0"}},
    "504": {"status": 504},
    "rate limit": {"status": 403, "reason": "rateLimitExceeded"},
    "reset": {"reset": True},
    "lost answer": {"lost": True},
    "cut short": {"cut": "length"},
    "truncated JSON": {"cut": "json"},
    "expired token": {"expired": True},
}
CALLS = ("templates.launch", "jobs.get", "jobs.messages.list")


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("hiccup", HICCUPS)
def test_one_hiccup_at_each_call_ends_no_task_and_starts_no_second_job(emulator: Emulator, hiccup: str, deferrable: bool) -> None:
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0.4, "JOB_STATE_DONE")])
    for call in CALLS:
        emulator.faults.add(call, **HICCUPS[hiccup])
    assert instance(deferrable=deferrable).run().state == "success"
    assert len(emulator.jobs) == 1


@pytest.mark.parametrize("deferrable", [False, True])
def test_an_answer_that_does_not_come_in_time_is_a_hiccup(emulator: Emulator, deferrable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_dataflow_ext.hooks.google import DataflowConnection

    monkeypatch.setattr(DataflowConnection.__init__, "__kwdefaults__", {"timeout": 0.5, "retry_for": 60.0})
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (3, "JOB_STATE_DONE")])
    for call in CALLS:
        emulator.faults.add(call, delay=1.5)
    assert instance(deferrable=deferrable).run().state == "success"
    assert len(emulator.jobs) == 1


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_watch_over_the_list_survives_hiccups_too(emulator: Emulator, deferrable: bool) -> None:
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0.4, "JOB_STATE_DONE")])
    emulator.faults.add("oauth.token", status=503)
    assert instance(deferrable=deferrable).run().state == "success"


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("call", ["templates.launch", "jobs.get"])
def test_a_missing_permission_ends_the_task_at_once_and_says_so(emulator: Emulator, call: str, deferrable: bool) -> None:
    emulator.faults.add(call, status=403, code="PERMISSION_DENIED", reason="forbidden", message="no dataflow.jobs for you", times=None)
    ended = instance(deferrable=deferrable).run()
    assert ended.state == "failed"
    assert "403 PERMISSION_DENIED" in str(ended.error)
    assert "no dataflow.jobs for you" in str(ended.error)
    assert emulator.requests.counts[call] == 1


def test_a_launch_that_the_server_cannot_do_ends_the_task_for_good_at_once(emulator: Emulator) -> None:
    emulator.faults.add("templates.launch", status=501, code="UNIMPLEMENTED", message="no program for the template", times=None)
    ended = instance().run()
    assert ended.state == "failed"
    assert type(ended.error).__name__ == "AirflowFailException"
    assert "no program for the template" in str(ended.error)
    assert emulator.requests.counts["templates.launch"] == 1


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_launch_where_nothing_listens_ends_in_seconds_and_asks_for_the_emulator(
    emulator: Emulator, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(budgets, "FIRST_PAUSE", 1.0)
    for name, value in emulator.connections().items():
        monkeypatch.setenv(name, value.replace(emulator.url, "http://127.0.0.1:9"))
    ended = instance(deferrable=deferrable).run()
    assert ended.state == "failed"
    said = "was not sent: nothing listens at 127.0.0.1:9, to which connection 'google_cloud_default' leads; does the emulator run there?"
    assert str(ended.error).endswith(said)
    assert sum(slept) <= 2 * budgets.NOBODY_FOR  # the template's metadata, and the launch


@pytest.mark.parametrize("deferrable", [False, True])
def test_each_message_is_logged_once_also_the_last(emulator: Emulator, deferrable: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_dataflow_ext.api.dataflow import messages

    said: list[str] = []
    say = messages._said
    monkeypatch.setattr(messages, "_said", lambda message: said.append(message["messageText"]) or say(message))
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0.1, JobMessage("Hello")), (0.4, JobMessage("Bye")), (0.4, "JOB_STATE_DONE")])
    assert instance(deferrable=deferrable).run().state == "success"
    assert [said.count(text) for text in ("Hello", "Bye")] == [1, 1]


@pytest.mark.parametrize("deferrable", [False, True])
def test_messages_that_may_not_be_read_do_not_end_the_task(emulator: Emulator, deferrable: bool) -> None:
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0.2, "JOB_STATE_DONE")])
    emulator.faults.add("jobs.messages.list", status=403, code="PERMISSION_DENIED", times=None)
    assert instance(deferrable=deferrable).run().state == "success"


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_failed_job_says_why(emulator: Emulator, deferrable: bool) -> None:
    from airflow_dataflow_ext.emulator.engines.timeline import JobMessage

    oom = JobMessage("Workflow failed. Causes: the worker ran out of memory.", "JOB_MESSAGE_ERROR")
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0.1, "JOB_STATE_FAILED"), (0.12, oom)])
    task = instance(deferrable=deferrable)
    ended = task.run()
    assert "ended as JOB_STATE_FAILED: Workflow failed. Causes: the worker ran out of memory." in str(ended.error)
    assert task.xcoms["job_id"] in str(ended.error)
