"""A Beam YAML pipeline as what it is to the service: a launch of Google's Flex template for YAML."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from typing import Any

from airflow_dataflow_ext.api.errors import InvalidInputError
from airflow_dataflow_ext.api.launch import YAML_TEMPLATE, FlexTemplateLaunch, check_gcs_path, check_parameters
from airflow_dataflow_ext.api.method import Json

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
_LISTS = frozenset({"additionalExperiments", "additionalPipelineOptions"})
_NUMBERS = frozenset({"maxWorkers", "numWorkers"})
_PARAMETERS = "pipeline-options"
_OF_THE_COMMAND_ALONE = frozenset(
    {"access-token-file", "account", "billing-project", "configuration", "flags-file", "flatten", "format", "help"}
    | {"impersonate-service-account", "log-http", "project", "quiet", "region", "trace-token", "user-output-enabled", "verbosity"}
)
"""Flags about the gcloud command itself; no command is run here."""


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

    https://beam.apache.org/documentation/sdks/yaml/

    :param location: where the job runs; Google keeps a copy of the template for each region.
    :param pipeline: the pipeline, as YAML text or as the mapping that it stands for.
    :param pipeline_file: its ``gs://`` path instead.
    :param jinja_variables: what Beam fills into the pipeline's own ``{{ }}``.
    :param options: flags of ``gcloud dataflow yaml run``, without their dashes in front.
    :param environment: a FlexTemplateRuntimeEnvironment; it wins over ``options``.
    :param template: ``gs://`` path of another template that runs Beam YAML.
    :raises InvalidInputError: an argument is wrong; the message names it.
    """
    if bool(pipeline) == bool(pipeline_file):
        raise InvalidInputError("exactly one of the pipeline's text and a file with it must be given")
    parameters, fields = _split(options or {})
    if pipeline_file:
        parameters["yaml_pipeline_file"] = check_gcs_path(pipeline_file, "yaml_pipeline_file")
    else:
        parameters["yaml_pipeline"] = pipeline if isinstance(pipeline, str) else json.dumps(pipeline)
    if jinja_variables:
        parameters["jinja_variables"] = json.dumps(dict(jinja_variables))
    parameter: Json = {
        "jobName": job_name,
        "containerSpecGcsPath": template or YAML_TEMPLATE.format(location=location),
        "parameters": parameters,
        "environment": {**fields, **(environment or {})},
    }
    return FlexTemplateLaunch(body={"launchParameter": parameter})


def _split(options: Mapping[str, Any]) -> tuple[dict[str, str], Json]:
    """Pipeline options and environment."""
    parameters: dict[str, str] = {}
    environment: Json = {}
    for given, value in options.items():
        flag = str(given).lstrip("-").replace("_", "-")
        if flag == _PARAMETERS:
            parameters |= check_parameters(_pairs(value), f"options[{given!r}]")
        elif flag in _ENVIRONMENT:
            environment[_ENVIRONMENT[flag]] = _value(_ENVIRONMENT[flag], value)
        elif flag not in _OF_THE_COMMAND_ALONE:
            near = difflib.get_close_matches(flag, [*_ENVIRONMENT, _PARAMETERS], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; Beam's own options go into {_PARAMETERS!r}"
            raise InvalidInputError(f"options[{given!r}] is no flag of gcloud dataflow yaml run{hint}")
    return parameters, environment


def _pairs(value: Any) -> Any:
    """``a=1;b=2``, or with commas, as the mapping that it stands for."""
    if not isinstance(value, str):
        return value
    pairs = (pair.partition("=") for pair in re.split(r"[;,](?=[A-Za-z_]+=)", value) if pair.strip())
    return {name.strip(): text for name, _, text in pairs}


def _value(field: str, value: Any) -> Any:
    if field == "ipConfiguration":
        return "WORKER_IP_PUBLIC" if value is False else "WORKER_IP_PRIVATE"
    if field == "additionalUserLabels":
        return _pairs(value)
    if field in _LISTS and isinstance(value, str):
        return [entry.strip() for entry in value.split(",")]
    if field in _NUMBERS and isinstance(value, str) and value.isdecimal():
        return int(value)
    return True if value is None else value
