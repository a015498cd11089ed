"""Tests of what can be launched: what is refused, what becomes of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.templates import ENVIRONMENT_FIELDS, FlexTemplateLaunch, TemplateLaunch
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from tests import discovery

GOOD: dict[str, Any] = {"template": "gs://b/t", "job_name": "wc"}
SPEC = "gs://b/spec.json"
LABELS = {"airflow-launch": "x"}


PLACE = Place(project_id="p", location="l")


def flex(**parameter: Any) -> FlexTemplateLaunch:
    return FlexTemplateLaunch(body={"launchParameter": {"jobName": "wc", "containerSpecGcsPath": SPEC, **parameter}})


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"template": "b/t"}, "template"),
        ({"template": "gs://b"}, "template"),
        ({"template": "gs://b/"}, "template"),
        ({"template": None}, "template"),
        ({"template": "gs://dataflow-templates-us-central1/latest/flex/Kafka_to_BigQuery"}, "DataflowStartFlexTemplateOperator"),
        ({"update": "perhaps"}, "update must be true or false"),
        ({"transform_name_mapping": {"a": {}}}, "transform_name_mapping['a']"),
        ({"parameters": "a=b"}, "parameters"),
        ({"parameters": {1: "x"}}, "parameters: the name 1"),
        ({"parameters": {"": "x"}}, "parameters: the name ''"),
        ({"parameters": {"a": ["a,b", "c"]}}, "parameters['a']: the entry 'a,b' of the list holds a comma"),
        ({"environment": {"maxWorkers": "many"}}, "environment.maxWorkers must be a whole number (int32), not 'many'"),
        ({"environment": {"maxWorker": 3}}, "environment.maxWorker is not a field of a RuntimeEnvironment; did you mean 'maxWorkers'?"),
        ({"environment": {"ipConfiguration": "PRIVATE"}}, "did you mean 'WORKER_IP_PRIVATE'?"),
        ({"parameters": {"a": {"b": 1}}}, "parameters['a']"),
        ({"parameters": {"a": [1, None]}}, "parameters['a']"),
        ({"parameters": {"a": float("nan")}}, "parameters['a']"),
        ({"parameters": {"a": b"x"}}, "parameters['a']"),
        ({"environment": "big"}, "environment"),
        ({"environment": {1: 2}}, "environment"),
        ({"environment": {"workerRegion": "a", "workerZone": "b"}}, "environment must not hold both workerRegion and workerZone"),
        ({"environment": {"additionalUserLabels": ["a"]}}, "environment.additionalUserLabels"),
        ({"environment": {"additionalUserLabels": {"A": "b"}}}, "environment.additionalUserLabels"),
        ({"environment": {"additionalUserLabels": {"airflow-launch": "b"}}}, "environment.additionalUserLabels"),
    ],
)
def test_a_wrong_argument_is_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        TemplateLaunch(**{**GOOD, **wrong})
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (None, "launchParameter is missing"),
        ("launch.json", "body must be a mapping; this text is neither JSON nor Python for one: 'launch.json'"),
        ("[1]", "body must be a mapping, not list '[1]'"),
        ({}, "launchParameter is missing"),
        ({"launchParameter": []}, "body.launchParameter must be a mapping"),
        (
            {"launchParameter": {"jobName": "wc", "containerSpecGcsPath": "gs://dataflow-templates/latest/Word_Count"}},
            "DataflowTemplatedJobStartOperator",
        ),
        ({"launchParameter": {}, "jobName": "x"}, "it also holds 'jobName'"),
        ({"launchParameter": {"jobName": "wc"}}, "one of containerSpecGcsPath and containerSpec"),
        (
            {"launchParameter": {"jobName": "wc", "containerSpecGcsPath": SPEC, "containerSpec": {}}},
            "one of containerSpecGcsPath and containerSpec",
        ),
        ({"launchParameter": {"jobName": "wc", "containerSpecGcsPath": "spec.json"}}, "body.launchParameter.containerSpecGcsPath"),
        ({"launchParameter": {"containerSpecGcsPath": SPEC}}, "body.launchParameter.jobName is missing"),
        (
            {"launchParameter": {"jobName": "wc", "containerSpecGcsPath": SPEC, "parameters": {"a": {}}}},
            "body.launchParameter.parameters['a']",
        ),
        ({"launchParameter": {"jobName": "wc", "containerSpecGcsPath": SPEC, "environment": 1}}, "body.launchParameter.environment"),
        ({"launchParameter": {"jobName": "wc", "containerSpecGcsPath": SPEC, "update": 1}}, "body.launchParameter.update must be true or"),
        ({"launchParameter": {"jobName": "wc", "containerSpecGcsPath": SPEC}, "validateOnly": "no"}, "body.validateOnly must be true or"),
    ],
)
def test_a_wrong_body_is_named(body: Any, named: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        FlexTemplateLaunch(body=body)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), ("", ""), (True, "true"), (7, "7"), (0.5, "0.5"), (1e21, "1e+21"), ([1, "a", False], "1,a,false"), ((), ""), ("é", "é")],
)
def test_parameters_become_the_strings_that_the_api_wants(value: Any, text: str) -> None:
    assert TemplateLaunch(**GOOD, parameters={"a": value}).parameters == {"a": text}
    assert flex(parameters={"a": value}).body["launchParameter"]["parameters"] == {"a": text}


def test_a_classic_launch_is_its_request() -> None:
    launch = TemplateLaunch(**GOOD, parameters={"n": 1}, environment={"maxWorkers": 2, "additionalUserLabels": {"team": "a"}})
    request = launch.request(PLACE, "wc-1", LABELS)
    assert str(request) == "POST v1b3/projects/p/locations/l/templates:launch?gcsPath=gs%3A%2F%2Fb%2Ft"
    environment = {"maxWorkers": 2, "additionalUserLabels": {"team": "a", "airflow-launch": "x"}}
    assert request.body == {"jobName": "wc-1", "parameters": {"n": "1"}, "environment": environment}


def test_an_update_names_the_transforms() -> None:
    launch = TemplateLaunch(**GOOD, update=True, transform_name_mapping={"old": "new"}, validate_only=True)
    request = launch.request(PLACE, "wc", {})
    assert request.body is not None
    assert (request.body["update"], request.body["transformNameMapping"]) == (True, {"old": "new"})
    assert dict(request.query)["validateOnly"] == "true"


def test_a_flex_launch_is_its_request() -> None:
    request = flex(parameters={"n": 1}, environment={"additionalUserLabels": {"team": "a"}}).request(PLACE, "wc-1", LABELS)
    assert str(request) == "POST v1b3/projects/p/locations/l/flexTemplates:launch"
    environment = {"additionalUserLabels": {"team": "a", "airflow-launch": "x"}}
    parameter = {"jobName": "wc-1", "containerSpecGcsPath": SPEC, "parameters": {"n": "1"}, "environment": environment}
    assert request.body == {"launchParameter": parameter}


def test_a_body_in_the_clients_spelling_is_the_same_body() -> None:
    snake = {"launch_parameter": {"job_name": "wc", "container_spec_gcs_path": SPEC, "parameters": {}}, "validate_only": True}
    launch = FlexTemplateLaunch(body=snake)
    assert (launch.job_name, launch.validate_only, launch.update) == ("wc", True, False)
    assert launch.body == FlexTemplateLaunch(body={"launchParameter": flex().body["launchParameter"], "validateOnly": True}).body


@pytest.mark.parametrize(("text", "meant"), [("False", False), ("false", False), ("True", True), ("TRUE", True)])
def test_a_flag_that_a_template_rendered_to_text_means_what_it_says(text: str, meant: bool) -> None:
    launch = FlexTemplateLaunch(body={"launchParameter": {**flex().body["launchParameter"], "update": text}, "validateOnly": text})
    assert (launch.update, launch.validate_only) == (meant, meant)
    sent = launch.request(PLACE, "wc", {}).body or {}
    assert (sent["launchParameter"]["update"], sent.get("validateOnly", False)) == (meant, meant)


def test_what_the_user_passed_in_is_left_as_it_was() -> None:
    environment = {"additionalUserLabels": {"team": "a"}}
    TemplateLaunch(**GOOD, environment=environment).request(PLACE, "wc", LABELS)
    flex(environment=environment).request(PLACE, "wc", LABELS)
    assert environment == {"additionalUserLabels": {"team": "a"}}


@pytest.mark.parametrize("launch", [TemplateLaunch(**GOOD), flex()])
def test_the_job_stands_in_the_reply(launch: TemplateLaunch | FlexTemplateLaunch) -> None:
    assert launch.job_in({"job": {"id": "j"}}) == {"id": "j"}
    assert launch.job_in({}) == {}


@pytest.mark.parametrize(
    "launch", [TemplateLaunch(**GOOD, update=True, environment={"maxWorkers": 1}), flex(update=True, launchOptions={"a": "b"})]
)
def test_requests_are_as_the_discovery_document_says(launch: TemplateLaunch | FlexTemplateLaunch) -> None:
    request = launch.request(PLACE, "wc", LABELS)
    assert discovery.breaches_of_call(request.method.verb, request.path, dict(request.query), request.body, {}) == []


def test_the_environment_fields_are_the_discovery_documents() -> None:
    assert set(discovery.document()["schemas"]["RuntimeEnvironment"]["properties"]) == ENVIRONMENT_FIELDS
