"""Which program a template means, and what it is given."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.engines.beam_program import program_of
from airflow_dataflow_ext.emulator.engines.contract import RefusedError, Work
from airflow_dataflow_ext.emulator.engines.images import Image, ImagesError, images_of, read_images
from tests.emulator.engines.trial import PIPELINES, work_of


def test_a_classic_template_that_has_no_program_is_refused() -> None:
    with pytest.raises(RefusedError, match="no program for") as refused:
        program_of(work_of("classic", "x", template="gs://b/GCS_Text_to_BigQuery"), {})
    assert (refused.value.status, refused.value.code) == (501, "UNIMPLEMENTED")


def test_a_container_spec_that_is_not_there_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"gs://b/gone\.json") as refused:
        program_of(work_of("flex", "x", template="gs://b/gone.json"), {})
    assert (refused.value.status, refused.value.code) == (404, "NOT_FOUND")


def test_a_classic_template_can_be_mapped_by_its_path() -> None:
    work = work_of("classic", "mine", template="gs://b/templates/mine", parameters={"day": "2026-01-01"})
    program = program_of(work, {"gs://b/templates/mine": Image("/pipelines/mine.py")})
    assert program.target == "/pipelines/mine.py"
    assert program.arguments[0] == "--day=2026-01-01"


def test_a_program_gets_the_options_that_the_launcher_would_give() -> None:
    environment = {"tempLocation": "gs://t/x", "additionalPipelineOptions": ["a=1", "--b=2"], "additionalExperiments": ["e"]}
    work = work_of("flex", "options", spec={"image": "i"}, parameters={"input": "gs://in"}, environment=environment)
    assert program_of(work, {"i": Image("/p.py")}).arguments == (
        "--input=gs://in",
        "--project=my-project",
        "--region=europe-west1",
        "--job_name=try-it",
        "--temp_location=gs://t/x",
        "--experiments=e",
        "--a=1",
        "--b=2",
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "Cannot read"),
        ("[1]", "one JSON object"),
        ('{"i": 1}', "one JSON object"),
        ('{"i": {"programme": "p.py"}}', "the entry of i is"),
        ('{"i": "gone.py"}', "which is not a file"),
    ],
)
def test_a_broken_image_mapping_is_a_clear_error(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "images.json").write_text(content)
    with pytest.raises(ImagesError, match=complaint):
        read_images(tmp_path / "images.json")


@pytest.mark.parametrize("given", [["i"], 5, {"i": 5}, {"i": {"program": "p.py"}}])
def test_images_of_another_kind_are_a_clear_error(given: Any) -> None:
    with pytest.raises(ImagesError, match=r"mapping of images|The image i maps to"):
        Emulator(engine="beam", images=given)


def test_the_images_of_an_emulator_may_be_paths_or_the_path_of_their_file(tmp_path: Path) -> None:
    (tmp_path / "p.py").touch()
    (tmp_path / "images.json").write_text('{"i": "p.py"}')
    image = Image(str(tmp_path / "p.py"))
    for given in (
        tmp_path / "images.json",
        str(tmp_path / "images.json"),
        {"i": tmp_path / "p.py"},
        {"i": str(tmp_path / "p.py")},
        {"i": image},
    ):
        assert images_of(given) == {"i": image}


def test_the_example_spec_names_an_image_that_is_mapped() -> None:
    spec = json.loads((PIPELINES / "wordcount.json").read_text())
    assert Path(read_images(PIPELINES / "images.json")[spec["image"]].program or "").name == "wordcount.py"


@pytest.mark.parametrize(
    "content",
    [
        '{"i": {"program": "p.py", "python": "env/bin/python"}}',
        '[{"image": "i", "program": "p.py", "python": "env/bin/python"}]',
    ],
)
def test_an_image_is_a_program_and_a_python_whose_link_is_not_followed(tmp_path: Path, content: str) -> None:
    (tmp_path / "p.py").touch()
    (tmp_path / "env/bin").mkdir(parents=True)
    (tmp_path / "env/bin/python").symlink_to(sys.executable)
    (tmp_path / "images.json").write_text(content)
    assert read_images(tmp_path / "images.json") == {"i": Image(str(tmp_path / "p.py"), str(tmp_path / "env/bin/python"))}


def test_a_submitted_pipeline_runs_with_its_own_options_and_the_python_of_its_image() -> None:
    program = program_of(submitted("Apache Beam Python 3.11 SDK", pipelineUrl="gs://s/pipeline.pb", runner="DataflowRunner"), IMAGES)
    assert (program.pipeline, program.python, program.why) == ("gs://s/pipeline.pb", "/env/bin/python", "")
    assert program.options == {"runner": "DataflowRunner", "job_name": "try-it"}


@pytest.mark.parametrize("sdk", ["Apache Beam SDK for Java", "Apache Beam SDK for Go"])
def test_a_pipeline_of_another_sdk_is_a_job_that_says_why_it_cannot_run_and_what_helps(sdk: str) -> None:
    why = program_of(submitted(sdk, pipelineUrl="gs://s/pipeline.pb"), {}).why
    assert why.startswith(f"The job was submitted by {sdk}, but the emulator runs only pipelines of the Python SDK.")
    assert "Prism" in why


@pytest.mark.parametrize(("language", "name"), [("JAVA", "Java"), ("GO", "Go")])
def test_a_flex_template_of_another_sdk_is_a_job_that_says_what_runs_it(language: str, name: str) -> None:
    work = work_of("flex", "x", spec={"image": "java:1", "sdkInfo": {"language": language}})
    why = program_of(work, {}).why
    assert why.startswith(f"The image java:1 holds a pipeline of the {name} SDK, but the emulator runs only pipelines of the Python SDK.")
    assert "Prism" in why
    assert "Map it" not in why
    assert program_of(work, {"java:1": Image("/p.py")}).target == "/p.py"


def test_an_unmapped_image_of_python_is_a_job_that_says_how_to_map_it() -> None:
    assert "Map it" in program_of(work_of("flex", "x", spec={"image": "i:1", "sdkInfo": {"language": "PYTHON"}}), {}).why


def test_a_bare_job_graph_is_a_job_that_says_what_is_missing() -> None:
    assert "has no staged pipeline" in program_of(work_of("create", "x"), {}).why


def test_the_parameters_of_a_classic_template_are_options_of_its_staged_pipeline() -> None:
    spec = submitted("Apache Beam Python 3.11 SDK", pipelineUrl="gs://s/pipeline.pb", least="1").spec
    work = work_of("classic", "t", template="gs://s/t", spec=spec, parameters={"least": "5"}, environment={"tempLocation": "gs://t/x"})
    assert program_of(work, {}).options == {"least": "5", "job_name": "try-it", "temp_location": "gs://t/x"}


IMAGES = {"python3.11:sdk": Image(python="/env/bin/python")}


def submitted(sdk: str, **options: str) -> Work:
    pools = [{"workerHarnessContainerImage": "python3.11:sdk"}]
    environment = {"userAgent": {"name": sdk}, "workerPools": pools, "sdkPipelineOptions": {"options": options}}
    return work_of("create", "x", spec={"environment": environment})
