"""Beam YAML as a launch of Google's template for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.beam_yaml import yaml_launch
from airflow_dataflow_ext.api.rest.errors import InvalidInputError


def parameter(**fields: Any) -> dict[str, Any]:
    launch = yaml_launch(**{"job_name": "words", "location": "europe-west1", "pipeline": "pipeline: {}", **fields})
    found: dict[str, Any] = launch.body["launchParameter"]
    return found


def test_the_template_is_the_copy_of_the_jobs_region() -> None:
    assert parameter()["containerSpecGcsPath"] == "gs://dataflow-templates-europe-west1/latest/flex/Yaml_Template"
    assert parameter(template="gs://b/mine")["containerSpecGcsPath"] == "gs://b/mine"


def test_a_pipeline_goes_along_as_text_a_mapping_as_json_and_a_file_by_its_path() -> None:
    assert parameter()["parameters"] == {"yaml_pipeline": "pipeline: {}"}
    assert json.loads(parameter(pipeline={"pipeline": {"type": "chain"}})["parameters"]["yaml_pipeline"]) == {"pipeline": {"type": "chain"}}
    assert parameter(pipeline=None, pipeline_file="gs://b/p.yaml")["parameters"] == {"yaml_pipeline_file": "gs://b/p.yaml"}


def test_jinja_variables_are_one_json_text() -> None:
    assert json.loads(parameter(jinja_variables={"n": 3, "who": "é"})["parameters"]["jinja_variables"]) == {"n": 3, "who": "é"}


@pytest.mark.parametrize(
    ("options", "environment", "parameters"),
    [
        ({"max-workers": "3", "num_workers": 2}, {"maxWorkers": 3, "numWorkers": 2}, {}),
        ({"--disable-public-ips": True}, {"ipConfiguration": "WORKER_IP_PRIVATE"}, {}),
        ({"disable-public-ips": False, "max-workers": None}, {}, {}),
        ({"flexrs-goal": "COST_OPTIMIZED"}, {"flexrsGoal": "FLEXRS_COST_OPTIMIZED"}, {}),
        ({"staging-location": "gs://b/s"}, {"stagingLocation": "gs://b/s", "tempLocation": "gs://b/s"}, {}),
        ({"staging-location": "gs://b/s", "temp-location": "gs://b/t"}, {"stagingLocation": "gs://b/s", "tempLocation": "gs://b/t"}, {}),
        ({"enable-streaming-engine": True}, {"enableStreamingEngine": True}, {}),
        ({"additional-experiments": "a, b"}, {"additionalExperiments": ["a", "b"]}, {}),
        ({"additional-user-labels": "key1=x,cost-center=y"}, {"additionalUserLabels": {"key1": "x", "cost-center": "y"}}, {}),
        ({"additional-user-labels": ["key1=x", "key2=y"]}, {"additionalUserLabels": {"key1": "x", "key2": "y"}}, {}),
        ({"pipeline-options": "streaming=true;temp_location=gs://b/t"}, {}, {"streaming": "true", "temp_location": "gs://b/t"}),
        ({"pipeline_options": {"streaming": True}}, {}, {"streaming": "true"}),
        ({"log-http": True, "verbosity": "debug"}, {}, {}),
    ],
)
def test_flags_of_the_gcloud_command_become_fields_of_the_launch(options: Any, environment: Any, parameters: Any) -> None:
    found = parameter(options=options)
    assert found["environment"] == environment
    assert found["parameters"] == {"yaml_pipeline": "pipeline: {}", **parameters}


def test_a_switch_that_a_template_rendered_to_text_means_what_it_says() -> None:
    switches = ("update", "disable-public-ips", "enable-streaming-engine")
    off, on = (parameter(options=dict.fromkeys(switches, text)) for text in ("False", "True"))
    assert ("update" in off, off["environment"]) == (False, {})
    assert (on["update"], on["environment"]) == (True, {"ipConfiguration": "WORKER_IP_PRIVATE", "enableStreamingEngine": True})
    with pytest.raises(InvalidInputError, match="options\\['update'\\] must be true or false"):
        parameter(options={"update": "perhaps"})


def test_flags_of_the_launch_itself_become_its_fields() -> None:
    options = {"template-file-gcs-location": "gs://b/theirs", "update": True, "transform-name-mappings": "Old/Read=New/Read,a=b"}
    found = parameter(options=options)
    assert found["containerSpecGcsPath"] == "gs://b/theirs"
    assert (found["update"], found["transformNameMappings"]) == (True, {"Old/Read": "New/Read", "a": "b"})
    assert parameter(options=options, template="gs://b/mine")["containerSpecGcsPath"] == "gs://b/mine"
    assert "update" not in parameter(options={"update": False})


def test_the_environment_wins_over_options() -> None:
    assert parameter(options={"max-workers": 3}, environment={"maxWorkers": 5})["environment"] == {"maxWorkers": 5}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"pipeline": None}, "one of yaml_pipeline and yaml_pipeline_file"),
        ({"pipeline_file": "gs://b/p.yaml"}, "one of yaml_pipeline and yaml_pipeline_file"),
        ({"pipeline": None, "pipeline_file": "p.yaml"}, "yaml_pipeline_file must be a gs://"),
        ({"options": {"max-worker": 3}}, r"options\['max-worker'\] is not a flag of gcloud dataflow yaml run; did you mean 'max-workers'"),
        ({"options": {"region": "us-east1"}}, r"options\['region'\] is the argument region here"),
        ({"options": {"zebra": 3}}, "Beam's own options go into 'pipeline-options'"),
        ({"options": {"pipeline-options": {"a": {}}}}, r"options\['pipeline-options'\]\['a'\]"),
    ],
)
def test_wrong_arguments_are_named(fields: Any, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        parameter(**fields)
