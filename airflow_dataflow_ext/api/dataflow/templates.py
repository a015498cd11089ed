"""What can be launched: frozen values, checked when they are made, that know the request they become."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from airflow_dataflow_ext.api.dataflow import methods as dataflow
from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.names import check_job_name, merge_labels
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.method import Json, Request

YAML_TEMPLATE = "gs://dataflow-templates-{location}/latest/flex/Yaml_Template"
"""https://cloud.google.com/dataflow/docs/guides/templates/provided-templates ; it runs Beam YAML."""


class Launch(Protocol):
    """Something that becomes one Dataflow job."""

    @property
    def job_name(self) -> str:
        """The name that the user gave."""

    @property
    def update(self) -> bool:
        """Whether it replaces a running job of the same name."""

    @property
    def validate_only(self) -> bool:
        """Whether the service only checks it, and starts nothing."""

    @property
    def template(self) -> str | Mapping[str, Any] | None:
        """``gs://`` path of its template, or the container spec itself; None when it has none."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """The template's parameters."""

    def trial(self) -> Launch | None:
        """The same launch, which the service only checks; None where the service has no such check."""

    def request(self, place: Place, name: str, labels: Mapping[str, str]) -> Request:
        """The launch under this name with these labels beside the user's own."""

    def job_in(self, reply: Json) -> Json:
        """The Job in the launch's reply."""


ENVIRONMENT_FIELDS = frozenset(
    {
        "additionalExperiments",
        "additionalPipelineOptions",
        "additionalUserLabels",
        "bypassTempDirValidation",
        "diskSizeGb",
        "enableStreamingEngine",
        "ipConfiguration",
        "kmsKeyName",
        "machineType",
        "maxWorkers",
        "network",
        "numWorkers",
        "serviceAccountEmail",
        "streamingMode",
        "subnetwork",
        "tempLocation",
        "workerRegion",
        "workerZone",
        "zone",
    }
)
"""https://cloud.google.com/dataflow/docs/reference/rest/v1b3/RuntimeEnvironment"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateLaunch:
    """A classic template with its parameters.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/LaunchTemplateParameters

    :param template: ``gs://`` path of the template.
    :param job_name: see :func:`check_job_name`.
    :param parameters: the template's parameters; numbers, booleans and lists become the strings that the API wants.
    :param environment: a RuntimeEnvironment.
    :param update: replace the running streaming job of the same name.
    :param transform_name_mapping: old transform names to new ones, for an update.
    :param validate_only: let the service check the launch, and start nothing.
    :raises InvalidInputError: an argument is wrong; the message names it.
    """

    template: str
    job_name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    update: bool = False
    transform_name_mapping: Mapping[str, str] = field(default_factory=dict)
    validate_only: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "template", check_gcs_path(self.template, "template"))
        object.__setattr__(self, "job_name", check_job_name(self.job_name))
        object.__setattr__(self, "parameters", check_parameters(self.parameters))
        object.__setattr__(self, "environment", check_environment(self.environment))

    def trial(self) -> TemplateLaunch:
        return replace(self, validate_only=True)

    def request(self, place: Place, name: str, labels: Mapping[str, str]) -> Request:
        body: Json = {"jobName": name, "parameters": self.parameters, "environment": _labelled(self.environment, labels, "environment")}
        if self.update:
            body |= {"update": True, "transformNameMapping": dict(self.transform_name_mapping)}
        return dataflow.Template.launch.request(body, **place.path, gcsPath=self.template, validateOnly=self.validate_only or None)

    def job_in(self, reply: Json) -> Json:
        return dict(reply.get("job", {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class FlexTemplateLaunch:
    """A Flex template with its parameters, as the body of the REST call.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.flexTemplates/launch

    :param body: LaunchFlexTemplateRequest; ``launchParameter`` holds ``jobName``, ``parameters``, ``environment`` and
        ``containerSpecGcsPath`` or ``containerSpec``.
    :raises InvalidInputError: an argument is wrong; the message names it.
    """

    body: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not isinstance(self.body, Mapping):
            raise InvalidInputError(f"body must be a mapping, not {type(self.body).__name__}")
        unknown = set(self.body) - {"launchParameter", "launch_parameter", "validateOnly", "validate_only"}
        parameter = self.body.get("launchParameter", self.body.get("launch_parameter"))
        if unknown or not isinstance(parameter, Mapping):
            raise InvalidInputError(
                "body must hold launchParameter (a mapping) and may hold validateOnly; "
                + (f"it also holds {', '.join(sorted(map(str, unknown)))}" if unknown else "launchParameter is missing")
            )
        parameter = {_CAMEL.get(key, key): value for key, value in parameter.items()}
        if ("containerSpecGcsPath" in parameter) == ("containerSpec" in parameter):
            raise InvalidInputError("body.launchParameter must hold one of containerSpecGcsPath and containerSpec")
        if "containerSpecGcsPath" in parameter:
            check_gcs_path(parameter["containerSpecGcsPath"], "body.launchParameter.containerSpecGcsPath")
        parameter |= {
            "jobName": check_job_name(parameter.get("jobName", "")),
            "parameters": check_parameters(parameter.get("parameters"), "body.launchParameter.parameters"),
            "environment": check_environment(parameter.get("environment"), "body.launchParameter.environment"),
        }
        if parameter.get("update") is not None:
            parameter["update"] = check_flag(parameter["update"], "body.launchParameter.update")
        only = self.body.get("validateOnly", self.body.get("validate_only"))
        only = only is not None and check_flag(only, "body.validateOnly")
        object.__setattr__(self, "body", {"launchParameter": parameter, **({"validateOnly": True} if only else {})})

    @property
    def job_name(self) -> str:
        return str(self.body["launchParameter"]["jobName"])

    @property
    def update(self) -> bool:
        return bool(self.body["launchParameter"].get("update"))

    @property
    def validate_only(self) -> bool:
        return bool(self.body.get("validateOnly"))

    @property
    def template(self) -> str | Mapping[str, Any]:
        parameter = self.body["launchParameter"]
        found: str | Mapping[str, Any] = parameter.get("containerSpecGcsPath") or parameter.get("containerSpec", {})
        return found

    @property
    def parameters(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.body["launchParameter"]["parameters"]
        return found

    def trial(self) -> FlexTemplateLaunch:
        return FlexTemplateLaunch(body={**self.body, "validateOnly": True})

    def request(self, place: Place, name: str, labels: Mapping[str, str]) -> Request:
        parameter = self.body["launchParameter"]
        environment = _labelled(parameter["environment"], labels, "body.launchParameter.environment")
        body = {**self.body, "launchParameter": {**parameter, "jobName": name, "environment": environment}}
        return dataflow.FlexTemplate.launch.request(body, **place.path)

    def job_in(self, reply: Json) -> Json:
        return dict(reply.get("job", {}))


_CAMEL = {
    "job_name": "jobName",
    "container_spec_gcs_path": "containerSpecGcsPath",
    "container_spec": "containerSpec",
    "launch_options": "launchOptions",
    "transform_name_mappings": "transformNameMappings",
}


def check_flag(value: Any, argument: str) -> bool:
    """True or false, also as the text that a template renders to.

    :raises InvalidInputError: it is neither.
    """
    flag = {"true": True, "false": False}.get(str(value).lower()) if isinstance(value, bool | str) else None
    if flag is None:
        raise InvalidInputError(f"{argument} must be true or false, not {value!r}")
    return flag


def check_gcs_path(path: Any, argument: str) -> str:
    """A path into Cloud Storage.

    :raises InvalidInputError: it is not ``gs://bucket/object``.
    """
    if not (isinstance(path, str) and path.startswith("gs://") and path[5:].strip("/").count("/")):
        raise InvalidInputError(f"{argument} must be a gs://bucket/object path, not {path!r}")
    return path


def check_parameters(parameters: Any, argument: str = "parameters") -> dict[str, str]:
    """Template parameters as the API takes them: a map of strings.

    Text stays; true and false, numbers and lists of these (with commas) become text. Anything else would mean something
    else to each template, so it is refused.

    :raises InvalidInputError: naming the parameter.
    """
    if parameters is None:
        return {}
    if not isinstance(parameters, Mapping):
        raise InvalidInputError(f"{argument} must be a mapping, not {type(parameters).__name__}")
    for name in parameters:
        if not isinstance(name, str) or not name:
            raise InvalidInputError(f"{argument}: the name {name!r} is not a string")
    return {name: _text(value, f"{argument}[{name!r}]") for name, value in parameters.items()}


def _text(value: Any, argument: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return ",".join(_text(entry, argument) for entry in value)
    raise InvalidInputError(f"{argument} must be a string (or a number, a boolean, a list of these), not {type(value).__name__} {value!r}")


def check_environment(environment: Any, argument: str = "environment") -> dict[str, Any]:
    """A runtime environment; only what would be misread is refused, so that new fields of the service work at once.

    :raises InvalidInputError: it is no mapping, its labels are none, or workerRegion and workerZone are both given.
    """
    if environment is None:
        return {}
    if not isinstance(environment, Mapping) or not all(isinstance(key, str) for key in environment):
        raise InvalidInputError(f"{argument} must be a mapping with string keys, not {environment!r}")
    if environment.get("workerRegion") and environment.get("workerZone"):
        raise InvalidInputError(f"{argument} must not hold both workerRegion and workerZone")
    labels = environment.get("additionalUserLabels", {})
    if not isinstance(labels, Mapping):
        raise InvalidInputError(f"{argument}.additionalUserLabels must be a mapping, not {type(labels).__name__}")
    merge_labels(labels, {}, f"{argument}.additionalUserLabels")
    return dict(environment)


def _labelled(environment: Mapping[str, Any], labels: Mapping[str, str], argument: str) -> Json:
    users = environment.get("additionalUserLabels", {})
    return {**environment, "additionalUserLabels": merge_labels(users, labels, f"{argument}.additionalUserLabels")}
