"""Parameters against the metadata of four of Google's templates: what fits, and the exact words for what does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.template_check import check_launch, check_parameters_of, idle
from airflow_dataflow_ext.api.dataflow.template_metadata import TemplateInfo
from airflow_dataflow_ext.api.dataflow.templates import FlexTemplateLaunch, TemplateLaunch, check_parameters
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from tests.talk import RESET, Talk, refused

PLACE = Place(project_id="p", location="l")
TEMPLATES = Path(__file__).parents[2] / "templates"
WORDS, TEXT, GENERATOR, YAML = "Word_Count", "GCS_Text_to_BigQuery", "Streaming_Data_Generator", "Yaml_Template"
GS = r"^gs:\/\/[^\n\r]+$"

WORD_COUNT = {"inputFile": "gs://b/in*", "output": "gs://b/out"}
LOAD = {
    "inputFilePattern": "gs://b/in*",
    "JSONPath": "gs://b/schema.json",
    "outputTable": "p:d.t",
    "bigQueryLoadingTemporaryDirectory": "gs://b/temp",
}


def raw(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((TEMPLATES / f"{name}.json").read_text())
    return found


@pytest.mark.parametrize(
    ("name", "given"),
    [
        (WORDS, WORD_COUNT),
        (TEXT, LOAD),
        (TEXT, {**LOAD, "javascriptTextTransformFunctionName": "to_row", "javascriptTextTransformGcsPath": "gs://b/udf.js"}),
        (GENERATOR, {"qps": 100}),
        (WORDS, {**WORD_COUNT, "inputFile": "gs://b/in*,gs://c//in"}),
        (GENERATOR, {"qps": 1, "topic": "projects/p/topics/t", "messagesLimit": 0, "outputType": "AVRO", "avroSchemaLocation": "gs://b/s"}),
        (GENERATOR, {"qps": 1, "topic": ""}),
        (GENERATOR, {"qps": 1, "sinkType": "BIGQUERY", "outputTableSpec": "p.d.t", "writeDisposition": "WRITE_EMPTY"}),
        (GENERATOR, {"qps": 1, "sinkType": "GCS", "windowDuration": "5m", "numShards": 3}),
        (YAML, {"yaml_pipeline": "pipeline: {}", "jinja_variables": "{}", "streaming": True}),
    ],
)
def test_parameters_that_fit_are_let_through(name: str, given: dict[str, Any]) -> None:
    check_parameters_of(TemplateInfo.read(raw(name)), check_parameters(given))


@pytest.mark.parametrize(
    ("name", "given", "faults"),
    [
        (WORDS, {"output": "gs://b/out"}, ["inputFile: required, and not given (Input file(s) in Cloud Storage)"]),
        (
            WORDS,
            {"inputFile": "s3://b/in", "outptu": "gs://b/out"},
            [
                f"inputFile: 's3://b/in' does not match {GS}",
                "output: required, and not given (Output Cloud Storage file prefix)",
                "outptu: the template has no such parameter; did you mean output?",
            ],
        ),
        (WORDS, {**WORD_COUNT, "shards": 3}, ["shards: the template has no such parameter; the parameters are inputFile, output"]),
        (WORDS, {**WORD_COUNT, "output": ""}, [f"output: '' does not match {GS}"]),
        (TEXT, {**LOAD, "outputTable": "rows"}, [r"outputTable: 'rows' does not match .+[\.:].+\..+"]),
        (TEXT, {**LOAD, "jsonPath": "gs://b/s"}, ["jsonPath: the template has no such parameter; did you mean JSONPath?"]),
        (
            TEXT,
            {**LOAD, "javascriptTextTransformFunctionName": "a-b"},
            ["javascriptTextTransformFunctionName: 'a-b' does not match [a-zA-Z0-9_]+"],
        ),
        (GENERATOR, {}, ["qps: required, and not given (Required output rate)"]),
        (WORDS, {**WORD_COUNT, "inputFile": "gs:///in*"}, ["inputFile: 'gs:///in*' names no bucket after gs://"]),
        (WORDS, {**WORD_COUNT, "output": "gs://gs://b//out"}, ["output: 'gs://gs://b//out' names no bucket after gs://"]),
        (GENERATOR, {"qps": "many"}, ["qps: 'many' is not a number"]),
        (GENERATOR, {"qps": 0}, ["qps: '0' does not match ^[1-9][0-9]*$"]),
        (GENERATOR, {"qps": 1, "outputType": "XML"}, ["outputType: 'XML' is none of AVRO, JSON, PARQUET"]),
        (GENERATOR, {"qps": 1, "messagesLimit": True}, ["messagesLimit: 'true' is not a number"]),
        (GENERATOR, {"qps": 1, "windowDuration": "1 day"}, ["windowDuration: '1 day' does not match ^[1-9][0-9]*[s|m|h]$"]),
        (YAML, {"yaml_pipeline_file": "/home/me/p.yaml"}, [f"yaml_pipeline_file: '/home/me/p.yaml' does not match {GS}"]),
    ],
)
def test_every_breach_is_said_in_one_message(name: str, given: dict[str, Any], faults: list[str]) -> None:
    info = TemplateInfo.read(raw(name))
    with pytest.raises(InvalidInputError) as caught:
        check_parameters_of(info, check_parameters(given), "gs://t/x")
    count = "1 parameter does" if len(faults) == 1 else f"{len(faults)} parameters do"
    assert str(caught.value).split("\n- ") == [f"{count} not fit the template {info.name} (gs://t/x):", *faults]


def declared(**facts: Any) -> TemplateInfo:
    sink = {"name": "sink", "isOptional": True, "defaultValue": "GCS"}
    return TemplateInfo.read({"name": "T", "parameters": [sink, {"name": "table", "label": "", **facts}]})


@pytest.mark.parametrize(
    ("triggers", "given", "fault"),
    [
        (["BIGQUERY", "BOTH"], {"sink": "BOTH"}, "table: required when sink is BIGQUERY or BOTH, and not given"),
        (["BIGQUERY"], {"sink": "GCS"}, ""),
        (["BIGQUERY"], {}, ""),
        ([], {"sink": "anything"}, "table: required when sink is given, and not given"),
        ([], {"sink": ""}, ""),
    ],
)
def test_a_conditional_parameter_is_required_by_its_parents_value(triggers: list[str], given: dict[str, str], fault: str) -> None:
    info = declared(parentName="sink", parentTriggerValues=triggers)
    if not fault:
        return check_parameters_of(info, given)
    with pytest.raises(InvalidInputError, match=f"- {fault}$"):
        check_parameters_of(info, given)


@pytest.mark.parametrize(("value", "fits"), [("true", True), ("false", True), ("True", False), ("yes", False), ("", True)])
def test_a_boolean_is_true_or_false(value: str, fits: bool) -> None:
    info = declared(paramType="BOOLEAN", isOptional=True)
    if fits:
        return check_parameters_of(info, {"table": value})
    with pytest.raises(InvalidInputError, match=f"table: '{value}' is neither true nor false"):
        check_parameters_of(info, {"table": value})


def test_a_regular_expression_that_python_cannot_read_is_left_to_the_service() -> None:
    check_parameters_of(declared(regexes=[r"\p{Lower}+(?<x>a)"]), {"table": "whatever"})


def test_a_parameter_without_effect_is_named_with_its_condition() -> None:
    info = TemplateInfo.read(raw(GENERATOR))
    given = {"qps": "1", "kafkaTopic": "t", "windowDuration": "1m", "sinkType": "GCS"}
    assert list(idle(info, given)) == [("kafkaTopic", "sinkType is KAFKA")]
    assert list(idle(info, {"qps": "1", "avroSchemaLocation": "gs://b/s"})) == [("avroSchemaLocation", "outputType is AVRO or PARQUET")]


@pytest.mark.parametrize(
    "value", [None, [], {"image": "x"}, {"parameters": "abc"}, {"parameters": [{"label": "nameless"}]}, {"metadata": 3}]
)
def test_what_is_no_metadata_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInputError):
        TemplateInfo.read(value)


LAUNCH = TemplateLaunch(template="gs://t/x", job_name="j", parameters={"inputFile": "gs://b/in"})


def test_a_launch_is_checked_against_what_the_service_reads_of_the_template() -> None:
    talk = Talk(raw(WORDS))
    with pytest.raises(InvalidInputError, match="output: required"):
        talk(check_launch(LAUNCH, "metadata", PLACE))
    assert talk.asked[0].target == "v1b3/projects/p/locations/l/templates:get?gcsPath=gs%3A%2F%2Ft%2Fx&view=METADATA_ONLY"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"status": {"code": 3, "message": "cannot open gs://t/x_metadata"}}, "cannot open gs://t/x_metadata"),
        ({}, "the service gave none"),
        ({"metadata": {"parameters": [{}]}}, "the service gave none"),
        (refused(403, "no resourcemanager.projects.get"), "no resourcemanager.projects.get"),
        (refused(404, "no such template"), "no such template"),
    ],
)
def test_a_template_that_cannot_be_read_is_launched_unchecked_with_a_word_in_the_log(answer: Any, why: str) -> None:
    talk = Talk(answer)
    talk(check_launch(LAUNCH, "metadata", PLACE))
    assert len(talk.said) == 1
    assert talk.said[0].startswith("No metadata of the template, so its parameters are neither checked nor read for lineage: ")
    assert why in talk.said[0] or "no name" in talk.said[0]


def test_trouble_with_the_metadata_holds_up_a_launch_for_seconds_only() -> None:
    talk = Talk(lambda request: RESET)
    talk(check_launch(LAUNCH, "metadata", PLACE))
    assert sum(talk.slept) <= 20
    assert "neither checked" in talk.said[-1]


def test_a_container_spec_in_the_launch_is_its_own_metadata() -> None:
    spec = {**raw(WORDS), "image": "i"}
    launch = FlexTemplateLaunch(body={"launchParameter": {"jobName": "j", "containerSpec": spec}})
    with pytest.raises(InvalidInputError, match="2 parameters do not fit the template Word Count:"):
        Talk()(check_launch(launch, "metadata", PLACE))


@pytest.mark.parametrize(
    "launch", [LAUNCH, FlexTemplateLaunch(body={"launchParameter": {"jobName": "j", "containerSpecGcsPath": "gs://t/x"}})]
)
def test_the_service_can_be_asked_to_check_a_launch(launch: Any) -> None:
    talk = Talk(refused(400, "The template parameters are invalid."))
    with pytest.raises(InvalidInputError, match="The template parameters are invalid"):
        talk(check_launch(launch, "service", PLACE))
    request = talk.asked[0]
    assert ("validateOnly", "true") in request.query or request.body["validateOnly"] is True  # type: ignore[index]


def test_off_asks_nobody() -> None:
    Talk()(check_launch(LAUNCH, "off", PLACE))
