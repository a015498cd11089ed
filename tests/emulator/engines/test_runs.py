"""Templates that run to their ends, in real processes, reading and writing a real storage emulator."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_dataflow_ext.emulator.google.gcs import GcsServer
from tests.emulator.engines.trial import DEADLINE, TEXT, WORDCOUNT_IMAGE, Recorder, Started, flex, words, work_of

JOBS = {
    "flex": flex(WORDCOUNT_IMAGE, input="gs://in/topics.txt", output="gs://out/flex", min_count="2"),
    "classic": work_of(
        "classic",
        "classic",
        template="gs://dataflow-templates/latest/Word_Count",
        parameters={"inputFile": "gs://in/topics.txt", "output": "gs://out/classic"},
    ),
    "yaml": work_of(
        "flex",
        "yaml",
        template="gs://dataflow-templates-europe-west1/latest/flex/Yaml_Template",
        parameters={"yaml_pipeline_file": "gs://in/long.yaml", "jinja_variables": '{"least": 5}'},
    ),
    "unbuilt": work_of(
        "flex",
        "unbuilt",
        template="gs://dataflow-templates-europe-west1/latest/flex/Yaml_Template",
        parameters={"yaml_pipeline": "pipeline: {type: chain, transforms: [{type: NoSuchTransform}]}"},
    ),
    "failing": flex("failing"),
    "no pipeline": flex("no-pipeline"),
    "crashing": flex("crashing"),
    "unmapped": flex("eu.gcr.io/us/unheard-of:3"),
}


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where programs put temporary files unless they hear otherwise."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def finished(engine: Started, temporary: Path) -> dict[str, Recorder]:
    """All of ``JOBS``, run to their ends by an engine that has two places."""

    async def run() -> dict[str, Recorder]:
        async with engine(max_running=2) as beam:
            reports = {name: Recorder() for name in JOBS}
            for name, work in JOBS.items():
                beam.start(work, reports[name])
            for report in reports.values():
                await report.until(report.ended)
            return reports

    return asyncio.run(run())


def test_a_flex_template_counts_words_exactly(finished: dict[str, Recorder], storage: GcsServer) -> None:
    expected = {word: count for word, count in Counter(re.findall(r"[a-z']+", TEXT.lower())).items() if count >= 2}
    assert words(storage, "gs://out/flex") == expected
    assert finished["flex"].path == ["QUEUED", "PENDING", "RUNNING", "DONE"]


def test_the_classic_word_count_runs_beams_own_example(finished: dict[str, Recorder], storage: GcsServer) -> None:
    assert words(storage, "gs://out/classic") == Counter(re.findall(r"[\w\']+", TEXT))
    assert finished["classic"].path == ["PENDING", "PENDING", "RUNNING", "DONE"]


def test_a_yaml_pipeline_is_read_from_the_bucket_and_filled_in(finished: dict[str, Recorder], storage: GcsServer) -> None:
    assert finished["yaml"].path[-1] == "DONE"
    (path,) = storage.objects.list("gs://out/long")
    assert storage.objects.read(path) == b"bartholomew\ndemetrius\n"


def test_metrics_are_the_runs_own(finished: dict[str, Recorder]) -> None:
    report, lines = finished["flex"], TEXT.splitlines()
    counts = [len(re.findall(r"[a-z']+", line.lower())) for line in lines]
    assert report.metric(output_user_name="Words-out0", name="ElementCount", origin="dataflow/v1b3") == sum(counts)
    assert report.metric(original_name="Words-out0-MeanByteCount") > 1
    assert report.metric(name="empty_lines", origin="user", namespace="wordcount") == sum(not line.strip() for line in lines)
    spread = {"count": len(counts), "sum": sum(counts), "min": 0, "max": max(counts), "mean": pytest.approx(sum(counts) / len(counts))}
    assert report.metric(name="words_per_line") == spread
    assert 0.5 < report.metric(original_name="Service-cpu_num_seconds") < DEADLINE


def test_a_user_metric_names_a_step_of_the_description(finished: dict[str, Recorder]) -> None:
    report = finished["flex"]
    step = next(m["name"]["context"]["step"] for m in report.metric_list if m["name"]["name"] == "empty_lines")
    names = {part["id"]: part["name"] for part in report.fields["pipelineDescription"]["originalPipelineTransform"]}
    assert names[step] == "Words"


def test_the_launcher_says_what_the_pipeline_is(finished: dict[str, Recorder]) -> None:
    fields = finished["flex"].fields
    assert fields["type"] == "JOB_TYPE_BATCH"
    assert re.fullmatch(r"2\.\d+\.\d+", fields["jobMetadata"]["sdkVersion"]["version"])


def test_messages_and_stages_follow_the_run(finished: dict[str, Recorder]) -> None:
    report = finished["flex"]
    operations = [text for text in report.texts("BASIC") if "operation" in text]
    assert sum("Words" in text and text.startswith("Executing") for text in operations) == 1
    assert sum("Words" in text and text.startswith("Finished") for text in operations) == 1
    assert "Adding workflow start and stop steps." in report.texts("DEBUG")
    assert report.events == ["Worker pool started.", "Worker pool stopped."]
    assert report.stage_list
    assert all(stage["state"] == "EXECUTION_STATE_SUCCEEDED" and stage["startTime"] <= stage["endTime"] for stage in report.stage_list)


def test_a_failing_pipeline_tells_its_own_error(finished: dict[str, Recorder]) -> None:
    report = finished["failing"]
    trace, cause = report.texts("ERROR")
    assert report.path == ["QUEUED", "PENDING", "RUNNING", "FAILED"]
    (log,) = report.worker_logs
    assert "LookupError: no order many" in log
    assert trace.count("return int(text)") == 1
    assert trace.count("ValueError: invalid literal for int() with base 10: 'many'") == 1
    assert trace.count('raise LookupError(f"no order {text}") from error') == 1
    assert trace.endswith("LookupError: no order many [while running 'Parse']")
    assert "apache_beam" not in trace
    assert "Parse failed., LookupError: no order many [while running 'Parse']" in cause
    assert report.stage_list[-1]["state"] == "EXECUTION_STATE_FAILED"


def test_a_program_that_fails_before_its_pipeline_fails_in_the_launcher(finished: dict[str, Recorder]) -> None:
    report = finished["no pipeline"]
    assert report.path == ["QUEUED", "FAILED"]
    assert report.texts("ERROR")[-1] == (
        "Error occurred in the launcher container: Template launch failed: LookupError: no such table: orders"
    )


def test_no_run_leaves_a_temporary_file_behind(finished: dict[str, Recorder], temporary: Path, log_dir: Path) -> None:
    assert finished["unbuilt"].path[-1] == "FAILED"  # Beam makes a folder for a pipeline, and removes it when that has run
    assert list(temporary.iterdir()) == []
    assert list(log_dir.glob("*.home")) == []


def test_a_process_that_falls_leaves_its_last_output(finished: dict[str, Recorder]) -> None:
    report = finished["crashing"]
    (error,) = report.texts("ERROR")
    assert report.path[-1] == "FAILED"
    assert "was ended by SIGABRT" in error
    assert "about to fall" in error


def test_an_unmapped_image_fails_the_job_and_says_how_to_map_it(finished: dict[str, Recorder]) -> None:
    report = finished["unmapped"]
    assert report.path == ["QUEUED", "FAILED"]
    (error,) = report.texts("ERROR")
    assert '{"eu.gcr.io/us/unheard-of:3": "path/to/pipeline.py"}' in error
    assert "--images" in error


def test_no_more_pipelines_run_at_a_time_than_allowed(finished: dict[str, Recorder]) -> None:
    steps = []
    for report in finished.values():
        steps += [(when, 1) for when, _, text in report.messages if "its output is in" in text]
        steps += [(report.states[-1][0], -1)] if len(report.messages) > 1 else []
    running, most = 0, 0
    for _, step in sorted(steps):
        running += step
        most = max(most, running)
    assert most == 2
