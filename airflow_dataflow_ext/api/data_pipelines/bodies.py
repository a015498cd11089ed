"""Converts a user's mapping to a Pipeline, by the types of its fields; the launch in it is read like one of Dataflow's own.

Source of the types: the schemas of the discovery document, https://datapipelines.googleapis.com/$discovery/rest?version=v1 ; a test
compares every row with the copy that google-api-python-client ships.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_dataflow_ext.api.dataflow.bodies import LABELS, check_gcs_path, check_kinds_of_place, check_parameters
from airflow_dataflow_ext.api.dataflow.fields import FIELDS as DATAFLOW
from airflow_dataflow_ext.api.dataflow.job import check_location
from airflow_dataflow_ext.api.dataflow.names import check_labels, merge_labels
from airflow_dataflow_ext.api.dataflow.templates import LONGEST_PATH, TemplateType, type_by_path
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.texts import shortened
from airflow_dataflow_ext.api.rest.values import Fields, read

FIELDS: Fields = {
    "Pipeline": {
        "displayName": "string",
        "name": "string",
        "pipelineSources": "{string}",
        "scheduleInfo": "ScheduleSpec",
        "schedulerServiceAccountEmail": "string",
        "state": "STATE_UNSPECIFIED|STATE_RESUMING|STATE_ACTIVE|STATE_STOPPING|STATE_ARCHIVED|STATE_PAUSED",
        "type": "PIPELINE_TYPE_UNSPECIFIED|PIPELINE_TYPE_BATCH|PIPELINE_TYPE_STREAMING",
        "workload": "Workload",
    },
    "ScheduleSpec": {"schedule": "string", "timeZone": "string"},
    "Workload": {"dataflowFlexTemplateRequest": "LaunchFlexTemplateRequest", "dataflowLaunchTemplateRequest": "LaunchTemplateRequest"},
    "LaunchFlexTemplateRequest": {
        "launchParameter": "LaunchFlexTemplateParameter",
        "location": "string",
        "projectId": "string",
        "validateOnly": "boolean",
    },
    "LaunchFlexTemplateParameter": {
        "containerSpecGcsPath": "string",
        "environment": "FlexTemplateRuntimeEnvironment",
        "jobName": "string",
        "launchOptions": "{string}",
        "parameters": "any",  # a mapping of texts, which lists may stand for
        "transformNameMappings": "{string}",
        "update": "boolean",
    },
    "LaunchTemplateRequest": {
        "gcsPath": "string",
        "launchParameters": "LaunchTemplateParameters",
        "location": "string",
        "projectId": "string",
        "validateOnly": "boolean",
    },
    "LaunchTemplateParameters": {
        "environment": "RuntimeEnvironment",
        "jobName": "string",
        "parameters": "any",  # as above
        "transformNameMapping": "{string}",
        "update": "boolean",
    },
    **{name: DATAFLOW[name] for name in ("FlexTemplateRuntimeEnvironment", "RuntimeEnvironment")},
}
"""See :data:`airflow_dataflow_ext.api.rest.values.Fields`."""

_LAUNCHES: Mapping[TemplateType, tuple[str, str, str]] = {
    # type of the template -> the field of the workload that launches it, the field of its parameters, and its common name
    "FLEX": ("dataflowFlexTemplateRequest", "launchParameter", "Flex"),
    "LEGACY": ("dataflowLaunchTemplateRequest", "launchParameters", "classic"),
}


def read_pipeline(value: Any, at: str = "body") -> Json:
    """A user's mapping, which may be JSON text, as a Pipeline without values that are None.

    :param at: name of the argument, for the error message.
    :raises InvalidInputError: a value does not fit its field; the message names the field.
    """
    pipeline: Json = read("Pipeline", value, at, FIELDS) or {}
    for kind, (request, parameter, _) in _LAUNCHES.items():
        if launch := pipeline.get("workload", {}).get(request):
            where = f"{at}.workload.{request}"
            parameters = launch.get(parameter, {})
            _check_path(kind, launch.get("gcsPath") or parameters.get("containerSpecGcsPath"), where)
            if "location" in launch:
                check_location(launch["location"], f"{where}.location")
            _read_parameters(parameters, f"{where}.{parameter}")
    return pipeline


def _read_parameters(launch: Json, at: str) -> None:
    """Read the parameters, labels and other parts of a launch that have rules beyond their types."""
    if "parameters" in launch:
        launch["parameters"] = check_parameters(launch["parameters"], f"{at}.parameters")
    environment = launch.get("environment", {})
    check_kinds_of_place(environment, f"{at}.environment")
    if LABELS in environment:
        environment[LABELS] = merge_labels(check_labels(environment[LABELS], f"{at}.environment.{LABELS}"), {})


def _check_path(kind: TemplateType, given_path: str | None, at: str) -> None:
    path = check_gcs_path(given_path, f"{at}: the template's path")
    found = type_by_path(path)
    if found not in (None, kind):
        request, _, name = _LAUNCHES[found]
        raise InvalidInputError(f"{at}: {shortened(path, LONGEST_PATH)} is a {name} template, which a pipeline launches with {request}")
