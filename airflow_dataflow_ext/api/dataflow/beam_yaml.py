"""The launch of a Beam YAML pipeline, which is a launch of Google's Flex template for YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from airflow_dataflow_ext.api.dataflow.bodies import check_gcs_path, check_parameters, read_body, read_field
from airflow_dataflow_ext.api.dataflow.fields import FIELDS
from airflow_dataflow_ext.api.dataflow.templates import YAML_TEMPLATE, FlexTemplateLaunch
from airflow_dataflow_ext.api.rest.arguments import given, needed, only_given
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.texts import near, shown
from airflow_dataflow_ext.api.rest.values import mapping, read

_SCHEMA = "FlexTemplateRuntimeEnvironment"
_ENVIRONMENT = {
    # flag of `gcloud dataflow yaml run` and `flex-template run` -> field of FlexTemplateRuntimeEnvironment
    "additional-experiments": "additionalExperiments",
    "additional-pipeline-options": "additionalPipelineOptions",
    "additional-user-labels": "additionalUserLabels",
    "dataflow-kms-key": "kmsKeyName",
    "disable-public-ips": "ipConfiguration",
    "enable-streaming-engine": "enableStreamingEngine",
    "flexrs-goal": "flexrsGoal",
    "launcher-machine-type": "launcherMachineType",
    "max-workers": "maxWorkers",
    "network": "network",
    "num-workers": "numWorkers",
    "service-account-email": "serviceAccountEmail",
    "staging-location": "stagingLocation",
    "subnetwork": "subnetwork",
    "temp-location": "tempLocation",
    "worker-machine-type": "machineType",
    "worker-region": "workerRegion",
    "worker-zone": "workerZone",
}
_LAUNCH = {
    # flag -> field of LaunchFlexTemplateParameter
    "template-file-gcs-location": "containerSpecGcsPath",
    "transform-name-mappings": "transformNameMappings",
    "update": "update",
}
_PARAMETERS = "pipeline-options"
_FLAGS = frozenset({*_ENVIRONMENT, *_LAUNCH, _PARAMETERS})
_MAPS = frozenset({"additional-user-labels", "transform-name-mappings", _PARAMETERS})
_LISTS = frozenset({"additional-experiments", "additional-pipeline-options"})
_SWITCHES = frozenset({"disable-public-ips", "enable-streaming-engine", "update"})
_ARGUMENTS = {
    # flag -> the operator's argument for the same
    "impersonate-service-account": "impersonation_chain",
    "jinja-variables": "jinja_variables",
    "project": "project_id",
    "region": "region",
    "yaml-pipeline": "yaml_pipeline",
    "yaml-pipeline-file": "yaml_pipeline_file",
}
_OF_THE_COMMAND_ALONE = frozenset(
    {"access-token-file", "account", "billing-project", "configuration", "flags-file", "flatten", "format", "help"}
    | {"log-http", "quiet", "trace-token", "user-output-enabled", "verbosity"}
)
"""Flags about the gcloud command itself, which mean nothing here."""
_NO_MAPPING = re.compile(r"\w+:/[^\n]*|[^:{]*")
"""A path, or a text without what every mapping in YAML has."""


def yaml_launch(
    *,
    job_name: str,
    location: str,
    pipeline: str | Mapping[str, Any] | None = None,
    pipeline_file: str | None = None,
    jinja_variables: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    environment: Mapping[str, Any] | None = None,
    template: str | None = None,
) -> FlexTemplateLaunch:
    """The launch of a Beam YAML pipeline.

    https://beam.apache.org/documentation/sdks/yaml/ and, for ``options``,
    https://cloud.google.com/sdk/gcloud/reference/dataflow/yaml/run

    :param location: where the job runs; Google has a copy of the template for each region.
    :param pipeline: the pipeline, as YAML text or as a mapping.
    :param pipeline_file: instead, ``gs://`` path of the pipeline.
    :param jinja_variables: values that Beam fills into the pipeline's own ``{{ }}``.
    :param options: flags of ``gcloud dataflow yaml run`` without their dashes; one that is None or False is ignored.
    :param environment: a FlexTemplateRuntimeEnvironment, which overrides ``options``.
    :param template: ``gs://`` path of another template that runs Beam YAML; it overrides ``options``.
    :raises InvalidInputError: an argument is wrong; the message names it.
    """
    only_given(yaml_pipeline=pipeline or None, yaml_pipeline_file=pipeline_file)
    parameters, fields, others = _split(mapping(options, "options"))
    if given(pipeline_file):
        parameters["yaml_pipeline_file"] = check_gcs_path(pipeline_file, "yaml_pipeline_file")
    else:
        parameters["yaml_pipeline"] = _text(pipeline)
    if variables := mapping(jinja_variables, "jinja_variables"):
        parameters["jinja_variables"] = _json(variables, "jinja_variables")
    parameter: Json = {
        "jobName": needed(job_name, "job_name"),
        "containerSpecGcsPath": YAML_TEMPLATE.format(location=location),
        **others,
        **({"containerSpecGcsPath": check_gcs_path(template, "template")} if given(template) else {}),
        "parameters": parameters,
        "environment": {**fields, **read_body(_SCHEMA, environment, "environment")},
    }
    return FlexTemplateLaunch(body={"launchParameter": parameter})


def _text(pipeline: Any) -> str:
    """The pipeline as YAML. A text is that already, unless a template has rendered it from a mapping: Python's ``None``, and its line
    breaks in quotes, mean something else in YAML."""
    if isinstance(pipeline, str):
        if _NO_MAPPING.fullmatch(pipeline.strip()):
            raise InvalidInputError(
                f"yaml_pipeline must be a pipeline, not {shown(pipeline)}; a file's path is given as yaml_pipeline_file"
            )
        if not pipeline.lstrip().startswith("{'"):
            return pipeline
    try:
        return _json(mapping(pipeline, "yaml_pipeline"), "yaml_pipeline")
    except InvalidInputError:
        if isinstance(pipeline, str):
            return pipeline
        raise


def _json(value: Any, at: str) -> str:
    return json.dumps(read("any", value, at, FIELDS))


def _split(options: Mapping[str, Any]) -> tuple[dict[str, str], Json, Json]:
    """Pipeline options, environment, and other fields of the launch, from the flags."""
    parameters: dict[str, str] = {}
    environment: Json = {}
    others: Json = {}
    for name, value in options.items():
        flag, at = name.lstrip("-").replace("_", "-"), f"options[{shown(name)}]"
        if flag in _OF_THE_COMMAND_ALONE:
            continue
        _check(flag, name)
        if flag in _SWITCHES:
            value = read("boolean", value, at, FIELDS)
        if value is None or value is False:
            continue
        if flag == _PARAMETERS:
            parameters |= check_parameters(_value(flag, value), at)
        elif flag in _LAUNCH:
            others[_LAUNCH[flag]] = read_field("LaunchFlexTemplateParameter", _LAUNCH[flag], _value(flag, value), at)
        else:
            environment[_ENVIRONMENT[flag]] = read_field(_SCHEMA, _ENVIRONMENT[flag], _value(flag, value), at)
    if "stagingLocation" in environment:
        environment.setdefault("tempLocation", environment["stagingLocation"])
    return parameters, environment, others


def _check(flag: str, given: Any) -> None:
    if flag in _ARGUMENTS:
        raise InvalidInputError(f"options[{shown(given)}] is the argument {_ARGUMENTS[flag]} here")
    if flag not in _FLAGS:
        meant = near(flag, _FLAGS)
        hint = f"; did you mean {meant!r}?" if meant else f"; Beam's own options go into {_PARAMETERS!r}"
        raise InvalidInputError(f"options[{shown(given)}] is not a flag of gcloud dataflow yaml run{hint}")


def _value(flag: str, value: Any) -> Any:
    """A flag's value as the API expects it."""
    if flag == "disable-public-ips":
        return "WORKER_IP_PRIVATE"
    if flag == "flexrs-goal":
        return f"FLEXRS_{str(value).upper().replace('-', '_').removeprefix('FLEXRS_')}"
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        return value  # JSON text, or a mapping or a list that a template rendered as text
    if flag in _MAPS:
        return _pairs(value)
    if flag in _LISTS and isinstance(value, str):
        return [entry.strip() for entry in value.split(",")]
    return value


def _pairs(value: Any) -> Any:
    """The mapping for ``a=1,b=2``, separated by commas or semicolons, or for a list of such texts."""
    if isinstance(value, list | tuple):
        value = ",".join(map(str, value))
    if not isinstance(value, str):
        return value
    pairs = (pair.partition("=") for pair in re.split(r"[;,](?=[^;,=]+=)", value) if pair.strip())
    return {name.strip(): text for name, _, text in pairs}
