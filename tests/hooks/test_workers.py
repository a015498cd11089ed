"""The verbs that workers and debuggers use, against the emulator."""

from __future__ import annotations

import time

import pytest

from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.engines.timeline import Stages


@pytest.fixture
def job(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a job with a stage that runs."""
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    for name, value in emulator.connections().items():
        monkeypatch.setenv(name, value)
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0, Stages([{"stageId": "F1", "state": "EXECUTION_STATE_RUNNING"}]))])
    return str(DataflowHook().launch_template("gs://t/x", "words")["id"])


def test_a_worker_leases_work_and_reports_on_it(job: str) -> None:
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    hook = DataflowHook()
    leased = hook.lease_work_items(job, "w1", lease_duration="60s")
    assert [item["mapTask"]["stageName"] for item in leased] == ["F1"]
    assert hook.lease_work_items(job, "w2") == []
    status = {"workItemId": leased[0]["id"], "reportIndex": leased[0]["initialReportIndex"], "completed": True}
    assert hook.report_work_items(job, "w2", [status])[0]["completeWorkStatus"]["code"] == 5
    assert hook.report_work_items(job, "w1", [status])[0]["nextReportIndex"] == "2"


def test_each_worker_message_has_its_answer(job: str) -> None:
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    healthy = {"time": stamp, "workerHealthReport": {"vmIsHealthy": True}}
    assert DataflowHook().worker_messages([healthy]) == [{"workerHealthReportResponse": {"reportInterval": "60s"}}]


def test_debug_calls_of_a_job(job: str) -> None:
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    hook = DataflowHook()
    assert hook.debug_config(job, worker_id="w1", component_id="profiler") == "{}"
    assert hook.send_debug_capture(job, "x", worker_id="w1", component_id="profiler") == {}
    assert hook.worker_stacktraces(job, worker_id="w1") == []
