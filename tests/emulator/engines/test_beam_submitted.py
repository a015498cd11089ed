"""Pipelines that Beam's DataflowRunner submits or stages, from the author's program to the job's end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.methods import Debug, Job, Message
from airflow_dataflow_ext.emulator import Emulator
from tests.airflow_task import TaskInstance
from tests.asking import Asker
from tests.emulator.engines.submitted import (
    COUNTED,
    DEADLINE,
    FAILING,
    SLOW,
    STREAM,
    TEMPLATE,
    WINDOWS,
    Author,
    errors_of,
    finish,
    in_state,
    until,
)
from tests.emulator.engines.trial import words

Json = dict[str, Any]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(engine="beam") as running:
        running.objects.write("gs://staging/here", b"")
        running.objects.write("gs://streams/here", b"")
        running.objects.write("gs://books/lear.txt", b"to be or not to be\nto be\n")
        running.objects.write("gs://books/letter.txt", b"yours sincerely yours\n")
        yield running


@pytest.fixture(scope="module")
def ended(author: Author, emulator: Emulator) -> dict[str, tuple[int, str, str]]:
    """Two programs that wait for their jobs, side by side."""
    wheel = author.package()
    counted = author.submit(COUNTED, "--output=gs://staging/counted", f"--extra_package={wheel}", "--job_name=counted")
    failing = author.submit(FAILING, "--job_name=failing", "--save_main_session", '--sdk_harness_log_level_overrides={"chatty": "WARNING"}')
    return {"counted": finish(counted), "failing": finish(failing)}


def test_a_program_waits_for_its_job_and_reads_its_metrics(ended: dict[str, tuple[int, str, str]], emulator: Emulator) -> None:
    status, output, errors = ended["counted"]
    assert status == 0, errors
    seen = json.loads(output)
    assert seen["state"] == "DONE"
    assert seen["counters"] == {"lines": ["Words", 3]}
    assert seen["distributions"] == {"in_a_line": [3, 6, 3]}


def test_functions_find_the_session_and_the_package_that_are_staged_with_them(ended: Any, emulator: Emulator) -> None:
    assert words(emulator, "gs://staging/counted") == {"A!": 1, "B!": 2, "C!": 3}


def test_what_a_requirements_file_names_is_staged_with_the_pipeline_and_installed_from_there(
    author: Author, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {"NO_INDEX": "1", "CONFIG_FILE": os.devnull, "FIND_LINKS": ""}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    requirements, found_by_the_author = tmp_path / "needed.txt", str(author.package().parent)
    requirements.write_text("# nothing else\nshouting==1.0\n")
    options = [f"--requirements_file={requirements}", f"--requirements_cache={tmp_path / 'cache'}", "--job_name=required"]
    program = author.submit(COUNTED, "--output=gs://staging/required", *options, PIP_FIND_LINKS=found_by_the_author)
    status, _, errors = finish(program)
    assert status == 0, errors
    assert words(emulator, "gs://staging/required") == {"A!": 1, "B!": 2, "C!": 3}


def test_a_package_is_built_from_its_setup_file_and_installed_without_a_registry(
    author: Author, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"NO_INDEX": "1", "CONFIG_FILE": os.devnull, "FIND_LINKS": ""}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    setup = author.package().with_name("setup.py")
    about = {"name": "shouting", "version": "1", "py_modules": ["shouting"], "package_dir": {"": "packages"}}
    setup.write_text(f"import setuptools\nsetuptools.setup(**{about})\n")
    status, _, errors = finish(author.submit(COUNTED, "--output=gs://staging/set-up", f"--setup_file={setup}", "--job_name=set-up"))
    assert status == 0, errors
    assert words(emulator, "gs://staging/set-up") == {"A!": 1, "B!": 2, "C!": 3}


def test_sets_and_gauges_are_metrics_too(ended: Any, emulator: Emulator, ask: Asker) -> None:
    (job,) = emulator.jobs.by_name("counted")
    metrics = ask(Job.get_metrics, jobId=job["id"])["metrics"]
    found = {metric["name"]["name"]: metric for metric in metrics if metric["name"]["origin"] == "user"}
    assert found["seen"]["set"] == ["a", "b", "c"]
    assert found["last"]["gauge"] == {"value": 1}


def test_a_pipeline_that_raises_fails_the_job_and_the_program_with_its_own_words(ended: Any, emulator: Emulator, ask: Asker) -> None:
    (job,) = emulator.jobs.by_name("failing")
    status, _, errors = ended["failing"]
    reason = "ValueError: invalid literal for int() with base 10: 'many'"
    assert job["currentState"] == "JOB_STATE_FAILED"
    assert any("Workflow failed. Causes:" in text and reason in text for text in errors_of(ask, job["id"]))
    assert any("in parse" in text for text in errors_of(ask, job["id"]))
    assert status == 1
    assert "DataflowRuntimeException: Dataflow pipeline failed. State: FAILED" in errors
    assert reason in errors


def test_workers_log_from_info_on_unless_an_option_says_otherwise(ended: Any, emulator: Emulator, ask: Asker) -> None:
    (job,) = emulator.jobs.by_name("failing")
    messages = ask(Message.list, jobId=job["id"], minimumImportance="JOB_MESSAGE_DETAILED")["jobMessages"]
    log = next(message["messageText"].rpartition(" ")[2] for message in messages if "its output is in" in message["messageText"])
    text = Path(log.rstrip(".")).read_text("utf-8")
    assert "INFO:root:parsing many\n" in text
    assert "a detail" not in text


@pytest.fixture(scope="module")
def staged(ended: Any, emulator: Emulator) -> bytes:
    """The pipeline of the first program as it was staged."""
    path = next(path for path in emulator.objects.list("gs://staging/temp/counted") if path.endswith("/pipeline.pb"))
    return emulator.objects.read(path) or b""


HERE = f"python{sys.version_info.major}.{sys.version_info.minor}".encode()


@pytest.mark.parametrize(
    ("sdk", "words"),
    [
        (b"python3.99", ["submitted with Python 3.99", "the emulator runs pipelines with Python 3.", "--images"]),
        (b"java000021", ["runs in the Beam SDK for Java", "Use a transform that is written in Python"]),
    ],
)
def test_a_pipeline_for_another_worker_fails_at_its_start_and_says_what_helps(
    staged: bytes, emulator: Emulator, ask: Asker, sdk: bytes, words: list[str]
) -> None:
    assert len(sdk) == len(HERE)  # so that the pipeline stays one
    emulator.objects.write("gs://staging/foreign.pb", staged.replace(HERE + b"_sdk", sdk + b"_sdk"))
    options = {"pipelineUrl": "gs://staging/foreign.pb"}
    job = ask(Job.create, {"name": f"foreign-{sdk[:4].decode()}", "environment": {"sdkPipelineOptions": {"options": options}}})
    until(lambda: ask.state(job) == "JOB_STATE_FAILED")
    (error,) = errors_of(ask, job["id"])
    assert error.startswith("Workflow failed. Causes: The ")
    assert all(word in error for word in words), error


def test_a_job_of_the_java_sdk_fails_at_its_start_and_says_what_helps(ask: Asker) -> None:
    environment = {"userAgent": {"name": "Apache Beam SDK for Java", "version": "2.77.0"}}
    job = ask(Job.create, {"name": "java", "type": "JOB_TYPE_BATCH", "environment": environment, "steps": [{"kind": "ParallelRead"}]})
    until(lambda: ask.state(job) == "JOB_STATE_FAILED")
    (error,) = errors_of(ask, job["id"])
    assert error.startswith("Workflow failed. Causes: The job was submitted by Apache Beam SDK for Java")
    assert "Prism" in error


def test_a_pipeline_that_was_changed_after_its_submission_does_not_run(staged: bytes, emulator: Emulator, ask: Asker) -> None:
    emulator.objects.write("gs://staging/changed.pb", staged)
    options = {"pipelineUrl": "gs://staging/changed.pb", "pipelineProtoHash": "0" * 64}
    job = ask(Job.create, {"name": "changed", "environment": {"sdkPipelineOptions": {"options": options}}})
    until(lambda: ask.state(job) == "JOB_STATE_FAILED")
    assert "is not the one that was submitted" in errors_of(ask, job["id"])[0]


def test_a_program_cancels_its_job_and_until_then_its_stacks_can_be_seen(author: Author, ask: Asker) -> None:
    program = author.submit(SLOW, "--job_name=slow")
    assert program.stdout is not None
    job_id = program.stdout.readline().strip()

    def stacks() -> Any:
        sdks = ask(Debug.get_worker_stacktraces, {}, jobId=job_id).get("sdks", [])
        return [stack for sdk in sdks for stack in sdk["stacks"] if "in crawl" in stack["stackContent"]]

    assert until(stacks)[0]["threadName"]
    status, output, errors = finish(program, "\n")
    assert (status, output and json.loads(output)["state"]) == (0, "CANCELLED"), errors
    assert ask(Debug.get_worker_stacktraces, {}, jobId=job_id) == {}


@pytest.fixture(scope="module")
def template(author: Author) -> str:
    status, _, errors = finish(author.submit(TEMPLATE, "--template_location=gs://staging/templates/frequent"))
    assert status == 0, errors
    return "gs://staging/templates/frequent"


def launch(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, template: str, **parameters: Any) -> Any:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator

    for name, value in emulator.connections().items():
        monkeypatch.setenv(name, value)
    with DAG("books"):
        task = DataflowTemplatedJobStartOperator(
            task_id="frequent", template=template, parameters=parameters, project_id="my-project", location="us-central1", poll_sleep=0.2
        )
    return TaskInstance(task).run()


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"input": "gs://books/lear.txt", "output": "gs://staging/a", "least": 3}, {"to": 3, "be": 3}),
        ({"input": "gs://books/letter.txt", "output": "gs://staging/b"}, {"yours": 2, "sincerely": 1}),
    ],
)
def test_a_staged_template_does_what_its_launch_says(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, template: str, parameters: Json, expected: Json
) -> None:
    ended = launch(emulator, monkeypatch, template, **parameters)
    assert ended.state == "success", ended.error
    assert words(emulator, parameters["output"]) == expected


def test_the_pipelines_error_is_the_tasks_error(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, template: str) -> None:
    ended = launch(emulator, monkeypatch, template, input="gs://books/lear.txt", output="gs://staging/c", least="a few")
    assert ended.state == "failed"
    assert "ValueError: invalid literal for int() with base 10: 'a few'" in str(ended.error)


def test_a_stream_runs_is_replaced_by_its_author_and_ends_when_it_is_drained(author: Author, emulator: Emulator, ask: Asker) -> None:
    first = finish(author.submit(STREAM, "--word=tick", "--job_name=clock"))
    assert first[0] == 0, first[2]
    old = first[1].strip()
    until(lambda: in_state(ask, old, "RUNNING"))
    assert ask.job({"id": old})["type"] == "JOB_TYPE_STREAMING"  # Beam has found that out by itself
    watermark = until(lambda: watermarks(ask, old))
    until(lambda: watermarks(ask, old) > watermark)

    second = finish(author.submit(STREAM, "--word=tock", "--job_name=clock", "--update"))
    assert second[0] == 0, second[2]
    new = second[1].strip()
    until(lambda: in_state(ask, new, "RUNNING"))
    until(lambda: in_state(ask, old, "UPDATED"))
    assert ask.job({"id": new})["replaceJobId"] == old

    until(lambda: words(emulator, "gs://streams/tock"))  # a window's file, while it runs
    ask.update({"id": new}, {"requestedState": "JOB_STATE_DRAINED"})
    until(lambda: in_state(ask, new, "DRAINED"))
    assert set(words(emulator, "gs://streams/tock")) == {"tock"}


def test_windows_close_once_and_timers_ring_while_a_stream_runs(author: Author, emulator: Emulator, ask: Asker) -> None:
    status, output, errors = finish(author.submit(WINDOWS, "--job_name=windows"))
    assert status == 0, errors
    job_id = output.strip()

    def kept() -> dict[int, int]:
        paths = emulator.objects.list("gs://streams/windows/")
        return {int(path.rpartition("/")[2]): int(emulator.objects.read(path) or b"0") for path in paths}

    def rung(name: str) -> int:
        metrics = ask(Job.get_metrics, jobId=job_id).get("metrics", [])
        return max((m["scalar"] for m in metrics if m["name"]["origin"] == "user" and m["name"]["name"] == name), default=0)

    until(lambda: in_state(ask, job_id, "RUNNING"))
    until(lambda: len(kept()) >= 4 and rung("end") >= 2 and rung("soon") >= 2)
    until(lambda: rung("seen") >= 2)  # a side input that never ends
    assert in_state(ask, job_id, "RUNNING")
    closed = kept()
    assert all(count == 10 for count in [closed[start] for start in sorted(closed)][1:])  # a tick each 0.2 seconds; the first is cut
    ask.update({"id": job_id}, {"requestedState": "JOB_STATE_DRAINED"})
    until(lambda: in_state(ask, job_id, "DRAINED"))
    assert closed.items() <= kept().items()  # none has closed twice
    metrics = ask(Job.get_metrics, jobId=job_id)["metrics"]
    read = next(m["scalar"] for m in metrics if m["name"]["context"].get("original_name") == "Tick-out0-ElementCount")
    assert sum(kept().values()) == read


def watermarks(ask: Asker, job_id: str) -> float:
    """The furthest data watermark of a stage that reads, or 0; its freshness is there, too."""
    metrics = ask(Job.get_metrics, jobId=job_id).get("metrics", [])
    marks = [m["scalar"] for m in metrics if m["name"]["name"].endswith("-windmill-data-watermark") and m["scalar"] > 0]
    fresh = [m["scalar"] for m in metrics if m["name"]["name"] == "DataFreshness"]
    assert len(fresh) == len(marks)
    assert all(0 <= seconds < DEADLINE for seconds in fresh)
    return max(marks, default=0)
