"""A task with a limit: the job that uses more is stopped, and the task fails for good, wherever it waits."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.emulator import Emulator, Metrics
from airflow_dataflow_ext.emulator.engines.timeline import service_metric
from tests.operators.launches import instance
from tests.operators.test_what_people_read import BOTH


def used(vcpu_hours: float) -> Metrics:
    return Metrics([service_metric("TotalVcpuTime", "Service-cpu_num_seconds", 3600 * vcpu_hours)])


SPENDS: Any = [(0, "JOB_STATE_RUNNING"), (0.1, used(1)), (0.4, used(3)), (60, "JOB_STATE_DONE")]
CANCELS: Any = ((0.1, "JOB_STATE_CANCELLED"),)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five minutes are a tenth of a second."""
    monkeypatch.setattr(budgets, "USAGE_EVERY", 0.1)


@BOTH
@pytest.mark.parametrize("limit", [{"max_vcpu_hours": 2}, {"max_cost": 1.5, "prices": {"vcpu_hours": 0.7}}], ids=["vcpu", "cost"])
def test_the_job_is_cancelled_and_the_task_fails_with_the_figures(emulator: Emulator, deferrable: bool, limit: dict[str, Any]) -> None:
    from airflow_dataflow_ext.exceptions import UsageLimitError
    from airflow_dataflow_ext.task.compat import AirflowFailException

    emulator.scripts.play("*", SPENDS, on_cancel=CANCELS)
    task = instance(deferrable=deferrable, retries=3, **limit)
    ended = task.run()
    assert isinstance(ended.error, UsageLimitError)
    assert isinstance(ended.error, AirflowFailException)  # a retry would spend it again
    assert ended.state == "failed"
    assert (ended.error.state, ended.error.job_id) == ("JOB_STATE_CANCELLED", task.xcoms["job_id"])
    assert f"{'it used 3' if 'max_vcpu_hours' in limit else 'it cost about 2.1'}" in str(ended.error).splitlines()[0]


@BOTH
def test_a_job_within_its_limit_ends_as_ever(emulator: Emulator, deferrable: bool) -> None:
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0.1, used(1)), (0.6, "JOB_STATE_DONE")])
    assert instance(deferrable=deferrable, max_vcpu_hours=2).run().state == "success"


@BOTH
def test_a_streaming_job_with_a_limit_is_waited_for_and_drained(emulator: Emulator, deferrable: bool) -> None:
    emulator.scripts.play("*", SPENDS, type="JOB_TYPE_STREAMING", on_drain=((0.1, "JOB_STATE_DRAINED"),))
    ended = instance(deferrable=deferrable, max_vcpu_hours=2, drain_pipeline=True).run()
    assert "ended as JOB_STATE_DRAINED: it used 3 vCPU h, and max_vcpu_hours is 2." in str(ended.error)


def test_a_limit_needs_a_task_that_waits() -> None:
    with pytest.raises(InvalidInputError, match="leave out wait_until_finished=False"):
        instance(max_vcpu_hours=2, wait_until_finished=False)
