"""What outlives an emulator that has a data directory."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from airflow_dataflow_ext.api.cloud_logging.methods import LogEntry
from airflow_dataflow_ext.api.dataflow.methods import Job, Message, Snapshot
from airflow_dataflow_ext.api.dataflow.worker_logs import log_filter
from airflow_dataflow_ext.emulator import Emulator, WorkerLog
from airflow_dataflow_ext.emulator.dataflow.store import STOPPED
from tests.asking import Asker

SCRIPT = [(0.0, "JOB_STATE_RUNNING")]


def test_a_finished_job_outlives_the_emulator_with_its_messages_metrics_and_stages(tmp_path: Path) -> None:
    with Emulator(data=tmp_path) as emulator:
        ask = Asker(emulator.url)
        emulator.scripts.play("quick", [(0.0, "JOB_STATE_RUNNING"), (0.0, WorkerLog("Out of memory.")), (0.1, "JOB_STATE_DONE")])
        job = ask.launch("quick")
        emulator.jobs.set_state(job["id"], "JOB_STATE_DONE")
        before = everything(ask, job["id"])
    with Emulator(data=tmp_path) as emulator:
        assert everything(Asker(emulator.url), job["id"]) == before


def test_a_job_that_ran_has_failed_after_a_restart_and_says_why(tmp_path: Path) -> None:
    with Emulator(data=tmp_path) as emulator:
        emulator.scripts.play("*", SCRIPT)
        job = Asker(emulator.url).launch("nightly")
    with Emulator(data=tmp_path) as emulator:
        ask = Asker(emulator.url)
        assert ask.state(job) == "JOB_STATE_FAILED"
        assert ask(Message.list, jobId=job["id"])["jobMessages"][-1]["messageText"] == STOPPED
        assert ask.launch("nightly")["id"] != job["id"]  # its name is free again


def test_a_failed_job_is_not_failed_again_by_a_second_restart(tmp_path: Path) -> None:
    with Emulator(data=tmp_path) as emulator:
        emulator.scripts.play("*", SCRIPT)
        job = Asker(emulator.url).launch("nightly")
    messages = []
    for _ in range(2):
        with Emulator(data=tmp_path) as emulator:
            messages.append(Asker(emulator.url)(Message.list, jobId=job["id"])["jobMessages"])
    assert messages[0] == messages[1]


def test_a_snapshot_outlives_the_emulator_and_one_that_was_not_ready_has_failed(tmp_path: Path) -> None:
    with Emulator(data=tmp_path) as emulator:
        ask = Asker(emulator.url)
        emulator.scripts.play("*", SCRIPT, type="JOB_TYPE_STREAMING")
        emulator.settings.snapshot_seconds = 0.0
        job = ask.launch("stream")
        ready = ask(Job.snapshot, {"ttl": "600s"}, jobId=job["id"])["id"]
        emulator.settings.snapshot_seconds = 600.0
        begun = ask(Job.snapshot, {"ttl": "600s"}, jobId=job["id"])["id"]
    with Emulator(data=tmp_path) as emulator:
        ask = Asker(emulator.url)
        states = {name: ask(Snapshot.get, snapshotId=name)["state"] for name in (ready, begun)}
    assert states == {ready: "READY", begun: "FAILED"}


def test_a_job_that_is_wiped_does_not_come_back(tmp_path: Path) -> None:
    with Emulator(data=tmp_path) as emulator:
        Asker(emulator.url).launch("nightly")
    with Emulator(data=tmp_path) as emulator:
        emulator.wipe()
    with Emulator(data=tmp_path) as emulator:
        assert len(emulator.jobs) == 0


def test_an_emulator_that_is_killed_loses_no_job(tmp_path: Path) -> None:
    source = f"""
import time
from airflow_dataflow_ext.emulator import Emulator
from tests.asking import Asker

emulator = Emulator(data={str(tmp_path)!r}).start()
print(Asker(emulator.url).launch("nightly")["id"], flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", source], cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        job_id = process.stdout.readline().strip()
        deadline = time.monotonic() + 30
        while not saved(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
    with Emulator(data=tmp_path) as emulator:
        assert Asker(emulator.url).state({"id": job_id}) == "JOB_STATE_FAILED"


def everything(ask: Asker, job_id: str) -> list[object]:
    metrics = ask(Job.get_metrics, jobId=job_id).get("metrics")
    messages = ask(Message.list, jobId=job_id)
    logs = ask(LogEntry.list, {"resourceNames": ["projects/a-project"], "filter": log_filter(job_id)}).get("entries")
    assert logs
    return [ask.job({"id": job_id}), metrics, messages, logs, ask(Job.get_execution_details, jobId=job_id)]


def saved(data: Path) -> int:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(data / "dataflow.sqlite")) as connection:
        return int(connection.execute("SELECT count(*) FROM jobs").fetchone()[0])
