"""Why a job failed, from the logs of its workers: with the permission, without it, and when the service is in trouble."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
import requests

from airflow_dataflow_ext.api.cloud_logging.methods import ROOT, LogEntry
from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.worker_logs import MOST_CHARACTERS, MOST_ENTRIES, explorer, log_filter
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.emulator import Emulator, JobMessage, WorkerLog
from airflow_dataflow_ext.emulator.google.oauth import PROJECT
from tests import discovery
from tests.operators.conftest import Log
from tests.operators.launches import instance

SAID = "Workflow failed. Causes: a work item has failed 4 times; look in the logs."
TRACE = 'Traceback (most recent call last):\n  File "count.py", line 3, in process\nValueError: no number: abc'
OLD = 'Traceback (most recent call last):\n  File "count.py", line 3, in process\nValueError: an older one'


@pytest.fixture(autouse=True)
def fails(emulator: Emulator) -> None:
    said = JobMessage(SAID, "JOB_MESSAGE_ERROR")
    logs = [(0.0, WorkerLog("A note.", "INFO")), (0.0, WorkerLog(OLD)), (0.1, WorkerLog(TRACE))]
    emulator.scripts.play("*", [(0.0, "JOB_STATE_RUNNING"), *logs, (0.1, said), (0.1, "JOB_STATE_FAILED")])


@pytest.mark.parametrize("deferrable", [False, True])
def test_the_workers_exception_is_the_reason_and_its_trace_is_in_the_log(emulator: Emulator, shown: Log, deferrable: bool) -> None:
    ended = instance(worker_logs="on_failure", deferrable=deferrable).run()
    assert "ValueError: no number: abc" in str(ended.error)
    logged = [line for line in shown.lines() if line.startswith("Worker: ")]
    assert logged == [f"Worker: {OLD}", f"Worker: {TRACE}"]


def test_by_default_no_log_is_read_and_a_link_leads_there(emulator: Emulator, shown: Log) -> None:
    assert "a work item has failed 4 times" in str(instance().run().error)
    assert "entries.list" not in emulator.requests.counts
    job = emulator.jobs.all()[0]["job"]
    (link,) = [line for line in shown.lines() if "console.cloud.google.com/logs/query" in line]
    assert f'resource.labels.job_id="{job["id"]}"' in unquote(link)


def test_without_permission_the_task_ends_as_it_would_and_the_log_names_the_role(emulator: Emulator, shown: Log) -> None:
    emulator.faults.add("entries.list", status=403)
    assert "a work item has failed 4 times" in str(instance(worker_logs="on_failure").run().error)
    assert any("roles/logging.viewer" in line for line in shown.lines())


def test_trouble_of_the_logs_changes_no_end(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "WORKER_LOGS_WITHIN", 0.05)
    emulator.faults.add("entries.list", status=503, times=None)
    assert "a work item has failed 4 times" in str(instance(worker_logs="on_failure").run().error)


def test_only_so_much_is_read(emulator: Emulator, shown: Log) -> None:
    emulator.scripts.clear()
    logs = [(0.0, WorkerLog(f"{number:02} " + "x" * 1500)) for number in range(30)]
    emulator.scripts.play("*", [(0.0, "JOB_STATE_RUNNING"), *logs, (0.1, "JOB_STATE_FAILED")])
    instance(worker_logs="on_failure").run()
    logged = [line for line in shown.lines() if line.startswith("Worker: ")]
    assert logged[-1].startswith("Worker: 29 ")
    assert len(logged) <= MOST_ENTRIES
    assert sum(map(len, logged)) < MOST_CHARACTERS + 30 * len(logged)


def test_a_wrong_word_fails_the_dag_file() -> None:
    with pytest.raises(ValueError, match="worker_logs must be one of off, on_failure"):
        instance(worker_logs="always")


def test_the_action_is_the_discovery_documents(emulator: Emulator) -> None:
    spec = discovery.method_for("POST", LogEntry.list.path, of="logging.v2")
    assert spec is not None
    assert (spec["request"]["$ref"], spec["response"]["$ref"]) == (LogEntry.list.body, LogEntry.list.reply)
    assert discovery.document("logging.v2")["rootUrl"] == ROOT + "/"
    instance().run()
    job_id = emulator.jobs.all()[0]["job"]["id"]
    body = {"resourceNames": [f"projects/{PROJECT}"], "filter": log_filter(job_id), "pageSize": 1}
    reply = requests.post(f"{emulator.url}/v2/entries:list", json=body, timeout=60).json()
    assert discovery.breaches_of_call("POST", "/v2/entries:list", {}, body, reply, of="logging.v2") == []
    assert [entry["jsonPayload"]["message"] for entry in reply["entries"]] == [OLD]
    rest = requests.post(f"{emulator.url}/v2/entries:list", json={**body, "pageToken": reply["nextPageToken"]}, timeout=60).json()
    assert [entry["jsonPayload"]["message"] for entry in rest["entries"]] == [TRACE]


def test_a_filter_that_the_emulator_does_not_understand_is_refused(emulator: Emulator) -> None:
    body = {"resourceNames": [f"projects/{PROJECT}"], "filter": 'textPayload=~"x"'}
    assert requests.post(f"{emulator.url}/v2/entries:list", json=body, timeout=60).status_code == 400


def test_the_link_has_the_filter_and_the_project() -> None:
    url = explorer(Place(project_id="p", location="l").job("j"))
    assert url.endswith("?project=p")
    assert unquote(url).count(log_filter("j")) == 1
