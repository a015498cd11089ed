"""A trigger form out of a template's metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.template import TemplateValues, main, template_params
from tests.api.dataflow.test_template_check import GENERATOR, TEMPLATES, TEXT, WORDS, YAML, raw

try:
    from airflow.sdk.exceptions import ParamValidationError
except ImportError:  # Airflow 3.1
    from airflow.exceptions import ParamValidationError  # type: ignore[no-redef, attr-defined]

GENERATED = template_params(TEMPLATES / f"{GENERATOR}.json")


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = GENERATED[name].schema
    return found


def test_a_required_parameter_is_a_required_field() -> None:
    with pytest.raises(ParamValidationError):
        GENERATED["qps"].resolve()
    assert schema("qps")["type"] == "integer"


def test_an_optional_parameter_can_be_left_empty() -> None:
    optional = [name for name in GENERATED if name != "qps"]
    assert all("null" in schema(name)["type"] for name in optional)
    assert GENERATED["topic"].resolve() is None


def test_each_kind_has_its_widget() -> None:
    assert schema("outputType")["enum"] == ["AVRO", "JSON", "PARQUET", None]
    assert GENERATED["outputType"].resolve() == "JSON"
    assert (schema("messagesLimit")["type"], GENERATED["messagesLimit"].resolve()) == (["integer", "null"], 0)
    assert schema("password")["format"] == "password"
    boolean = {"parameters": [{"name": "flag", "label": "F", "paramType": "BOOLEAN", "defaultValue": "true"}]}
    flag = template_params(boolean)["flag"]
    assert (flag.schema["type"], flag.resolve()) == ("boolean", True)
    fraction = {"parameters": [{"name": "share", "paramType": "NUMBER", "defaultValue": "0.5"}]}
    assert (template_params(fraction)["share"].schema["type"], template_params(fraction)["share"].resolve()) == ("number", 0.5)


def test_labels_help_groups_and_conditions_are_shown() -> None:
    assert schema("qps")["title"] == "Required output rate"
    assert GENERATED["kafkaTopic"].description == "Where records are sent.\n\nOnly when sinkType is KAFKA."
    grouped = template_params(TEMPLATES / f"{TEXT}.json", section="More")
    assert [grouped[name].schema["section"] for name in ("inputFilePattern", "outputTable", "javascriptTextTransformGcsPath")] == [
        "Source",
        "Target",
        "More",
    ]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("qps", [1, 100], [0, -1, "many", 1.5]),
        ("outputDirectory", ["gs://b/x", None], ["s3://b/x", "xgs://b", ""]),
        ("sinkType", ["GCS", None], ["XML", 3]),
        ("topic", ["projects/p/topics/t", ""], ["t"]),
        ("windowDuration", ["5m"], ["5 minutes"]),
    ],
)
def test_a_bad_value_is_refused_in_the_form(name: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert GENERATED[name].resolve(value) == value
    for value in bad:
        with pytest.raises(ParamValidationError):
            GENERATED[name].resolve(value)


def test_hidden_parameters_are_not_asked_for() -> None:
    assert list(template_params(TEMPLATES / f"{YAML}.json")) == ["yaml_pipeline_file", "jinja_variables"]


def test_the_dag_can_set_other_defaults() -> None:
    made = template_params(raw(WORDS), defaults={"inputFile": "gs://b/in"})
    assert made["inputFile"].resolve() == "gs://b/in"
    with pytest.raises(InvalidInputError, match="defaults names inptuFile"):
        template_params(raw(WORDS), defaults={"inptuFile": "gs://b/in"})
    with pytest.raises(ParamValidationError):
        template_params(raw(WORDS), defaults={"inputFile": "/in"})["inputFile"].resolve()


def test_what_was_left_empty_is_left_out_of_the_launch() -> None:
    values = TemplateValues(raw(GENERATOR), messagesLimit=7)
    params = {"qps": 5, "topic": None, "bucket": "not the template's", "outputType": "JSON"}
    assert values.resolve({"params": params}) == {"qps": 5, "outputType": "JSON", "messagesLimit": 7}  # type: ignore[typeddict-item]


def test_two_regular_expressions_both_count() -> None:
    made = template_params({"parameters": [{"name": "x", "regexes": ["[a-z]+", ".{3}"]}]})["x"]
    assert made.resolve("abc") == "abc"
    for value in ("abcd", "12 "):
        with pytest.raises(ParamValidationError):
            made.resolve(value)


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff", b'{"image": "x"}'])
def test_a_file_that_holds_no_metadata_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "words.json"
    file.write_bytes(content)
    for use in (template_params, TemplateValues):
        with pytest.raises(InvalidInputError, match=r"words\.json holds no template metadata: "):
            use(file)


@pytest.mark.parametrize("metadata", [None, 5, b"words.json", ["words.json"]])
def test_what_is_neither_metadata_nor_a_path_is_refused(metadata: Any) -> None:
    for use in (template_params, TemplateValues):
        with pytest.raises(InvalidInputError, match=r"^metadata must be a mapping, or the path of a file, not "):
            use(metadata)


@pytest.fixture
def connected(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    for name, value in emulator.connections().items():
        monkeypatch.setenv(name, value)
    return emulator


def test_metadata_is_fetched_into_a_file(connected: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    connected.objects.write("gs://t/x_metadata", json.dumps(raw(WORDS)["metadata"]).encode())
    assert main(["fetch", "gs://t/x"]) == 0
    fetched = json.loads(capsys.readouterr().out)
    assert list(template_params(fetched)) == ["inputFile", "output"]


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize(("path", "first"), [("latest/Word_Count", "inputFile"), ("latest/flex/Yaml_Template", "yaml_pipeline_file")])
def test_the_docs_own_example_is_fetched_from_the_emulator(path: str, first: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", f"gs://dataflow-templates/{path}"]) == 0
    assert next(iter(template_params(json.loads(capsys.readouterr().out)))) == first


def test_a_template_without_metadata_is_an_error_on_the_command_line(connected: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "gs://t/none"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "gs://t/none_metadata" in err
