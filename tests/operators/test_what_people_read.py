"""What a person reads when a task fails: the reason first, in one line, and nothing that buries it."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator, JobMessage
from tests.airflow_task import Ended, TaskInstance
from tests.operators.launches import PARAMETERS, TEMPLATE, instance

BOTH = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "triggerer"])
TRACE = "Error message from worker: Traceback (most recent call last):\n" + '  File "a.py", line 1, in b\n' * 40
BOOM = "ZeroDivisionError: division by zero [while running 'Divide']"
FAILS: Any = [
    (0, "JOB_STATE_RUNNING"),
    (0.1, JobMessage(f"{TRACE}{BOOM}\n", "JOB_MESSAGE_ERROR")),
    (0.1, JobMessage("Workflow failed. Causes: S01:Read failed.", "JOB_MESSAGE_ERROR")),
    (0.2, "JOB_STATE_FAILED"),
]


def printed(ended: Ended) -> list[str]:
    """The exception as Airflow's log shows it, line by line."""
    assert ended.error is not None
    return "".join(traceback.format_exception(ended.error)).splitlines()


def failed(emulator: Emulator, steps: Any = FAILS, **fields: Any) -> tuple[TaskInstance, Any]:
    """A task whose job has failed, and its exception."""
    emulator.scripts.play("*", steps)
    task = instance(**fields)
    ended = task.run()
    assert ended.state == "failed"
    return task, ended.error


@BOTH
def test_an_alert_of_three_hundred_characters_holds_the_reason(emulator: Emulator, deferrable: bool) -> None:
    _, error = failed(emulator, deferrable=deferrable)
    first, second = str(error).splitlines()
    assert BOOM in str(error)[:300]
    assert first.endswith(f"ended as JOB_STATE_FAILED: {BOOM}.")
    assert second.startswith(f"{emulator.url}/dataflow/jobs/us-central1/")


@BOTH
def test_a_long_job_name_does_not_push_the_reason_out_of_an_alert(emulator: Emulator, deferrable: bool) -> None:
    _, error = failed(emulator, deferrable=deferrable, job_name="n" * 900)
    assert BOOM in str(error)[:300]


@BOTH
def test_a_failure_callback_is_given_the_facts_of_the_job(emulator: Emulator, deferrable: bool) -> None:
    from airflow_dataflow_ext.exceptions import JobFailedError

    task, error = failed(emulator, deferrable=deferrable, job_name="words")
    assert isinstance(error, JobFailedError)
    assert (error.job_id, error.state, error.reason) == (task.xcoms["job_id"], "JOB_STATE_FAILED", BOOM)
    assert error.name.startswith("words-")
    assert error.link == task.xcoms["dataflow_job_link"]


@BOTH
def test_the_trace_of_a_worker_stands_in_no_exception(emulator: Emulator, deferrable: bool) -> None:
    emulator.scripts.play("*", FAILS)
    lines = printed(instance(deferrable=deferrable).run())
    assert sum("File" in line and "a.py" in line for line in lines) == 0
    assert sum(BOOM in line for line in lines) == 1


@BOTH
def test_a_wrong_argument_is_read_in_one_look(emulator: Emulator, deferrable: bool) -> None:
    ended = instance(template="not a path", deferrable=deferrable).run()
    lines = printed(ended)
    assert type(ended.error).__name__ == "AirflowFailException"
    assert [line for line in lines if "direct cause" in line or "During handling" in line] == []
    assert len([line for line in lines if "airflow_dataflow_ext" in line]) <= 2
    assert "not a path" in lines[-1]


@BOTH
@pytest.mark.parametrize(("status", "end"), [(400, "AirflowFailException"), (404, "AirflowFailException"), (403, "AirflowException")])
def test_what_no_retry_can_mend_is_not_retried(emulator: Emulator, deferrable: bool, status: int, end: str) -> None:
    emulator.faults.add("templates.launch", status=status, times=1)
    assert type(instance(deferrable=deferrable).run().error).__name__ == end


@BOTH
def test_a_refusal_that_lasts_is_not_retried_after_a_deferral_either(emulator: Emulator, deferrable: bool) -> None:
    from airflow_dataflow_ext.api.rest.errors import InvalidRequestError, JobError
    from airflow_dataflow_ext.task.errors import airflow_error, check_event, error_event

    refusal = InvalidRequestError("No.", lasting=deferrable)
    with pytest.raises(JobError) as caught:
        check_event(error_event(refusal))
    assert type(airflow_error(caught.value)).__name__ == ("AirflowFailException" if deferrable else "AirflowException")


@BOTH
def test_people_see_no_xcom_of_the_package_s_own_affairs(emulator: Emulator, deferrable: bool) -> None:
    task = instance(deferrable=deferrable)
    task.run()
    assert set(task.xcoms) == {"return_value", "job_id", "dataflow_job_link"}


@BOTH
def test_the_link_is_never_looked_for_where_nobody_has_shown_one(emulator: Emulator, deferrable: bool, unasked: list[str]) -> None:
    instance(template="not a path", deferrable=deferrable).run()
    instance(deferrable=deferrable).run()
    assert unasked == []


@BOTH
def test_a_subclass_may_define_its_links_as_a_property(emulator: Emulator, deferrable: bool) -> None:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator

    class Linked(DataflowTemplatedJobStartOperator):
        @property
        def operator_extra_links(self) -> Any:
            return DataflowTemplatedJobStartOperator.operator_extra_links

    fields: Any = {"template": TEMPLATE, "parameters": PARAMETERS, "poll_sleep": 0.05, "deferrable": deferrable}
    task = TaskInstance(Linked(task_id="count", dag=DAG("books"), **fields))
    assert task.run().state == "success"
    assert task.xcoms["dataflow_job_link"] == f"{emulator.url}/dataflow/jobs/us-central1/{task.xcoms['job_id']}?project=emulated-project"


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of XComs that were asked for and are not there; Airflow logs each at level error."""
    missing: list[str] = []
    read = TaskInstance._answer

    def answer(self: TaskInstance, request: Any) -> Any:
        reply = read(self, request)
        parts = request.url.path.strip("/").split("/")
        if request.method == "GET" and parts[0] == "xcoms" and parts[-1] not in self.xcoms:
            missing.append(parts[-1])
        return reply

    monkeypatch.setattr(TaskInstance, "_answer", answer)
    return missing
