"""How jobs end before their time, and that no process outlives its job."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.methods import Message
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.dataflow.store import STOPPED
from airflow_dataflow_ext.emulator.engines.contract import RefusedError
from airflow_dataflow_ext.emulator.engines.images import Image
from airflow_dataflow_ext.emulator.google.gcs import GcsServer
from tests.asking import Asker
from tests.emulator.engines.trial import DEADLINE, WORDCOUNT_IMAGE, Recorder, Started, flex, killed_at_last, words, work_of


def test_metrics_come_while_a_bundle_runs_and_cancel_ends_every_process(engine: Started, log_dir: Path) -> None:
    async def run() -> tuple[Recorder, int]:
        async with engine() as beam:
            report = Recorder()
            beam.start(flex("slow"), report)
            await report.until(lambda: any(m["name"]["name"] == "steps" for m in report.metric_list))
            while_running = report.metric(name="steps")
            beam.stop("slow", drain=False)
            await report.until(report.ended)
            beam.stop("slow", drain=False)  # a job that has ended is left alone
            return report, while_running

    report, while_running = asyncio.run(run())
    helper = int(re.findall(r"helper (\d+)", (log_dir / "slow.log").read_text())[0])
    assert 0 < while_running < 3000
    assert report.path == ["QUEUED", "PENDING", "RUNNING", "CANCELLED"]
    assert not alive(helper)


def test_a_job_is_cancelled_before_its_process_begins(engine: Started, log_dir: Path) -> None:
    async def run() -> Recorder:
        async with engine(max_running=1) as beam:
            first, second = Recorder(), Recorder()
            beam.start(flex("crashing"), first)
            beam.start(work_of("flex", "waiting", spec={"image": "slow"}), second)
            await second.until(lambda: bool(second.states))
            beam.stop("waiting", drain=False)
            await second.until(second.ended)
            await first.until(first.ended)
            return second

    assert asyncio.run(run()).path == ["QUEUED", "CANCELLED"]
    assert not (log_dir / "waiting.log").exists()


def test_a_drained_stream_finishes_what_it_has_read_and_keeps_no_job_waiting(engine: Started, storage: GcsServer) -> None:
    async def run() -> Recorder:
        async with engine(max_running=1) as beam:
            report, other = Recorder(), Recorder()
            beam.start(flex("streaming"), report)
            await report.until(lambda: "RUNNING" in report.path)
            beam.start(work_of("flex", "beside", spec={"image": "no-pipeline"}), other)
            await other.until(other.ended)
            await report.until(lambda: any(text.startswith("Executing") and "Sum" in text for text in report.texts("BASIC")))
            await asyncio.sleep(1.0)
            beam.stop("streaming", drain=True)
            await report.until(report.ended)
            return report

    report = asyncio.run(run())
    assert report.fields["type"] == "JOB_TYPE_STREAMING"
    assert report.path == ["QUEUED", "PENDING", "RUNNING", "DRAINED"]
    read = report.metric(output_user_name="PeriodicImpulse/GenSequence-out0", name="ElementCount")
    assert words(storage, "gs://out/ticks") == {"ticks": read}
    assert read >= 4


def test_streams_are_replaced_at_the_same_time_while_batches_fill_all_places(images: dict[str, str | Image]) -> None:
    with Emulator(engine="beam", images=images) as emulator:
        ask = Asker(emulator.url)
        for name in ("slow", "streaming"):
            emulator.objects.write(f"gs://b/{name}.json", json.dumps({"image": name, "sdkInfo": {"language": "PYTHON"}}).encode())
        emulator.objects.make_bucket("out")

        def launch(template: str, *names: str, **fields: Any) -> list[Any]:
            jobs = [ask.launch_flex(name, template=f"gs://b/{template}.json", **fields) for name in names]
            patience = time.monotonic() + DEADLINE
            while (states := [ask.state(job) for job in jobs]) != ["JOB_STATE_RUNNING"] * len(jobs):
                assert time.monotonic() < patience, states
                time.sleep(0.1)
            return jobs

        old = launch("streaming", "one", "other")
        batches = launch("slow", "first", "second")
        launch("streaming", "one", "other", update=True)
        assert [ask.state(job) for job in old] == ["JOB_STATE_UPDATED"] * 2
        assert [ask.state(job) for job in batches] == ["JOB_STATE_RUNNING"] * 2


def test_closing_the_engine_ends_its_processes(engine: Started, log_dir: Path) -> None:
    async def run() -> Recorder:
        async with engine() as beam:
            report = Recorder()
            beam.start(work_of("flex", "closed", spec={"image": "slow"}), report)
            await asyncio.to_thread(helper_of, log_dir / "closed.log")
            return report

    report = asyncio.run(run())
    assert not alive(helper_of(log_dir / "closed.log"))
    assert not report.ended()


def test_closing_the_engine_ends_a_cancelled_process_that_takes_its_time(engine: Started, log_dir: Path) -> None:
    async def run() -> None:
        async with engine(grace=DEADLINE) as beam:
            beam.start(flex("stubborn"), Recorder())
            await asyncio.to_thread(helper_of, log_dir / "stubborn.log")
            beam.stop("stubborn", drain=False)
            await asyncio.sleep(0.2)

    asyncio.run(run())
    assert not alive(helper_of(log_dir / "stubborn.log"))
    assert not (log_dir / "stubborn.home").exists()


@pytest.mark.parametrize("program", ["slow", "stubborn"])
def test_a_pipeline_ends_when_the_emulator_is_killed(images: dict[str, str | Image], log_dir: Path, program: str) -> None:
    with killed_at_last(str(images[program]), log_dir, f"orphan-{program}"):
        helper = helper_of(log_dir / f"orphan-{program}.log")
    patience = time.monotonic() + DEADLINE
    while alive(helper) and time.monotonic() < patience:
        time.sleep(0.05)
    assert not alive(helper)


def test_what_a_killed_emulator_has_left_of_a_pipeline_is_deleted_at_the_next_start(engine: Started, log_dir: Path) -> None:
    left = log_dir / "killed.home" / "environment"
    left.mkdir(parents=True)

    async def run() -> None:
        async with engine():
            pass

    asyncio.run(run())
    assert not left.parent.exists()


def test_without_beam_the_launch_is_refused_and_says_what_to_install(engine: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    async def launch() -> None:
        async with engine() as beam:
            beam.start(flex(WORDCOUNT_IMAGE), Recorder())

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "apache_beam" else find(name, *rest))
    with pytest.raises(RefusedError, match=r"airflow-dataflow-ext\[emulator\]") as refused:
        asyncio.run(launch())
    assert refused.value.code == "FAILED_PRECONDITION"


def test_a_python_that_is_not_there_fails_the_job(engine: Started) -> None:
    async def run() -> Recorder:
        async with engine(python="/no/such/python") as beam:
            report = Recorder()
            beam.start(flex(WORDCOUNT_IMAGE), report)
            await report.until(report.ended)
            return report

    report = asyncio.run(run())
    assert report.path == ["QUEUED", "FAILED"]
    assert "/no/such/python" in report.texts("ERROR")[-1]


def test_a_pipeline_that_runs_while_the_emulator_is_restarted_has_failed_and_its_process_is_gone(
    images: dict[str, str | Image], tmp_path: Path
) -> None:
    spec = json.dumps({"image": "slow", "sdkInfo": {"language": "PYTHON"}}).encode()
    with Emulator(engine="beam", images=images, data=tmp_path) as emulator:
        emulator.objects.write("gs://b/slow.json", spec)
        job = Asker(emulator.url).launch_flex("slow", template="gs://b/slow.json")
        helper = helper_of(tmp_path / "logs" / f"{job['id']}.log")
        while (ran := Asker(emulator.url).job(job)).get("currentState") != "JOB_STATE_RUNNING":
            time.sleep(0.1)
    assert not alive(helper)
    with Emulator(engine="beam", images=images, data=tmp_path) as emulator:
        failed = Asker(emulator.url).job(job)
        messages = Asker(emulator.url)(Message.list, jobId=job["id"], minimumImportance="JOB_MESSAGE_ERROR")["jobMessages"]
        assert (failed["currentState"], failed["pipelineDescription"]) == ("JOB_STATE_FAILED", ran["pipelineDescription"])
        assert [message["messageText"] for message in messages] == [STOPPED]
        assert emulator.objects.read("gs://b/slow.json") == spec


def helper_of(log: Path) -> int:
    """The process that the slow pipeline started; its log says which."""
    patience = time.monotonic() + DEADLINE
    while time.monotonic() < patience:
        if log.exists() and (found := re.findall(r"helper (\d+)\n", log.read_text())):
            return int(found[0])
        time.sleep(0.05)
    raise AssertionError(f"{log} names no process")


def alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False
