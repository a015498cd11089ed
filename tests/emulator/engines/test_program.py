"""Which program a template means, and what it is given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_dataflow_ext.emulator.engines.beam_program import program_of
from airflow_dataflow_ext.emulator.engines.images import ImagesError, read_images
from airflow_dataflow_ext.emulator.engines.contract import RefusedError, Work
from tests.emulator.engines.trial import PIPELINES, work_of


@pytest.mark.parametrize(
    "work", [work_of("classic", "x", template="gs://b/GCS_Text_to_BigQuery"), work_of("create", "x")], ids=["classic template", "job graph"]
)
def test_what_has_no_program_is_refused(work: Work) -> None:
    with pytest.raises(RefusedError, match="no program for") as refused:
        program_of(work, {})
    assert (refused.value.status, refused.value.code) == (501, "UNIMPLEMENTED")


def test_a_container_spec_that_is_not_there_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"gs://b/gone\.json") as refused:
        program_of(work_of("flex", "x", template="gs://b/gone.json"), {})
    assert (refused.value.status, refused.value.code) == (404, "NOT_FOUND")


def test_a_classic_template_can_be_mapped_by_its_path() -> None:
    work = work_of("classic", "mine", template="gs://b/templates/mine", parameters={"day": "2026-01-01"})
    program = program_of(work, {"gs://b/templates/mine": "/pipelines/mine.py"})
    assert program.target == "/pipelines/mine.py"
    assert program.arguments[0] == "--day=2026-01-01"


def test_a_program_gets_the_options_that_the_launcher_would_give() -> None:
    environment = {"tempLocation": "gs://t/x", "additionalPipelineOptions": ["a=1", "--b=2"], "additionalExperiments": ["e"]}
    work = work_of("flex", "options", spec={"image": "i"}, parameters={"input": "gs://in"}, environment=environment)
    assert program_of(work, {"i": "/p.py"}).arguments == (
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
    [("{", "Cannot read"), ("[]", "one JSON object"), ('{"i": 1}', "one JSON object"), ('{"i": "gone.py"}', "which is not a file")],
)
def test_a_broken_image_mapping_is_a_clear_error(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "images.json").write_text(content)
    with pytest.raises(ImagesError, match=complaint):
        read_images(tmp_path / "images.json")


def test_the_example_spec_names_an_image_that_is_mapped() -> None:
    spec = json.loads((PIPELINES / "wordcount.json").read_text())
    assert Path(read_images(PIPELINES / "images.json")[spec["image"]]).name == "wordcount.py"
