"""An alert tells which job failed and why, through any channel."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import BaseNotifier

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.exceptions import JobFailedError, NoCapacityError
from airflow_dataflow_ext.notifications import JobFailedNotifier
from tests.operators.launches import instance
from tests.operators.test_what_people_read import BOOM, BOTH, FAILS

TI = SimpleNamespace(dag_id="books", task_id="count", run_id="r", try_number=2, map_index=-1, log_url="http://airflow/log")
ERROR = JobFailedError("Why.", job_id="j-1", name="words", state="JOB_STATE_FAILED", reason="Boom.", link="http://console/j-1")


class Chat(BaseNotifier):
    """A channel with a template of its own."""

    template_fields = ("text", "title")

    def __init__(self, text: str, title: str = "") -> None:
        super().__init__()
        self.text = text
        self.title = title

    def notify(self, context: Any) -> None:
        sent.append((self.title, self.text))


sent: list[tuple[str, str]] = []


@pytest.fixture(autouse=True)
def nothing_sent() -> None:
    sent.clear()


def said(error: Exception | None, **fields: Any) -> list[str]:
    """The lines that a function which sends for itself is given."""
    texts: list[str] = []
    JobFailedNotifier(texts.append, **fields)({"ti": TI, "exception": error})
    return texts[0].splitlines()


def test_an_alert_says_task_reason_job_and_where_to_look() -> None:
    assert said(ERROR) == [
        "Task books.count failed in run r, try 2.",
        "Boom.",
        "Job words (j-1) ended as JOB_STATE_FAILED.",
        "http://console/j-1",
        "Log: http://airflow/log",
    ]


def test_another_failure_is_said_by_its_own_text() -> None:
    assert said(ValueError("No such file.")) == ["Task books.count failed in run r, try 2.", "No such file.", "Log: http://airflow/log"]


def test_a_failure_without_an_exception_is_said_all_the_same() -> None:
    assert said(None) == ["Task books.count failed in run r, try 2.", "Log: http://airflow/log"]


def test_where_there_is_no_job_the_alert_names_none() -> None:
    error = NoCapacityError("Full.", reason="The quota is used up.")
    assert said(error) == ["Task books.count failed in run r, try 2.", "The quota is used up.", "Log: http://airflow/log"]


async def later(text: str) -> None:
    raise AssertionError(text)


@pytest.mark.parametrize(
    ("send", "why"),
    [
        (later, "send must be a function that is not async"),
        (Chat("Fixed."), "send must be a function that receives the text, not a notifier"),
        ("print", "send must be a function, not 'print'"),
    ],
)
def test_what_could_never_send_an_alert_fails_the_dag_file(send: Any, why: str) -> None:
    with pytest.raises(InvalidInputError, match=why):
        JobFailedNotifier(send)


def test_a_text_is_as_long_as_the_channel_takes() -> None:
    assert len("\n".join(said(ERROR, longest=30))) == 30


def test_a_notifier_of_a_provider_sends_the_text_and_renders_its_own_fields() -> None:
    context = {"ti": TI, "exception": ERROR}
    JobFailedNotifier(lambda text: Chat(text, title="{{ ti.task_id }} failed"))(context)
    ((title, text),) = sent
    assert (title, "Boom." in text) == ("count failed", True)


@pytest.mark.parametrize("reason", ["{{ ti.nowhere.to.be.found }}", "{% include 'x' %}", "{# gone #} here"])
def test_what_a_job_says_is_never_taken_for_a_template(reason: str) -> None:
    error = JobFailedError("Why.", reason=reason, name="words", job_id="j-1", state="JOB_STATE_FAILED")
    JobFailedNotifier(Chat)({"ti": TI, "exception": error})
    assert reason.replace("{{", "{ {").replace("{%", "{ %").replace("{#", "{ #") in sent[0][1]


@BOTH
def test_a_failed_task_alerts_with_the_reason(emulator: Emulator, deferrable: bool) -> None:
    emulator.scripts.play("*", FAILS)
    ended = instance(deferrable=deferrable).run()
    JobFailedNotifier(Chat)({"ti": TI, "exception": ended.error})
    assert BOOM in sent[0][1]


def test_a_failed_job_keeps_its_facts_on_the_way_to_another_process() -> None:
    import pickle

    again = pickle.loads(pickle.dumps(ERROR))
    assert (str(again), vars(again)) == (str(ERROR), vars(ERROR))
