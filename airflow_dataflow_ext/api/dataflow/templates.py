"""The launches of templates: immutable values that are checked when they are made, and that make their request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Protocol, get_args

from msgspec import Struct, field
from msgspec.structs import force_setattr, replace

from airflow_dataflow_ext.api.dataflow import methods as dataflow
from airflow_dataflow_ext.api.dataflow.bodies import (
    LABELS,
    check_gcs_path,
    check_parameters,
    labelled,
    read_body,
    read_environment,
    read_field,
)
from airflow_dataflow_ext.api.dataflow.fields import FIELDS
from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.method import Json, Request, part
from airflow_dataflow_ext.api.rest.texts import shortened, shown
from airflow_dataflow_ext.api.rest.values import camel, flag, mapping, read

YAML_TEMPLATE = "gs://dataflow-templates-{location}/latest/flex/Yaml_Template"
"""The template that runs Beam YAML: https://cloud.google.com/dataflow/docs/guides/templates/provided-templates"""


TemplateType = Literal["LEGACY", "FLEX"]
"""The service's names of the two types of templates; LEGACY is classic."""

Validate = Literal["metadata", "service", "off"]
"""How a launch is checked: against the template's metadata, by the service (``validateOnly``), or not at all."""

LONGEST_PATH = 300
"""Greatest length of a template's path in a message, in characters."""

_GOOGLES = re.compile(r"gs://dataflow-templates[^/]*/[^/]+/(flex/)?[^/]+")
_OPERATORS: Mapping[TemplateType, tuple[str, str]] = {
    # type -> its common name, and what launches it
    "LEGACY": ("classic", "DataflowTemplatedJobStartOperator (hook: launch_template)"),
    "FLEX": ("Flex", "DataflowStartFlexTemplateOperator (hook: launch_flex_template)"),
}


def check_type(path: str, found: str | None, wanted: TemplateType) -> None:
    """Check that a template is of the type that a launch expects.

    :param found: its type, if it is known.
    :raises InvalidInputError: it is of the other type; the message names what launches that type.
    """
    for kind, (name, operator) in _OPERATORS.items():
        if found == kind != wanted:
            raise InvalidInputError(f"{shortened(path, LONGEST_PATH)} is a {name} template, which is launched with {operator}")


def check_validate(value: Any) -> Validate:
    """
    :raises InvalidInputError: there is no such way to check.
    """
    if value not in get_args(Validate):
        raise InvalidInputError(f"validate must be one of {', '.join(get_args(Validate))}, not {shown(value)}")
    return value  # type: ignore[no-any-return]


def type_by_path(path: str) -> TemplateType | None:
    """The type of one of Google's templates, which its path tells; None for any other template."""
    googles = _GOOGLES.fullmatch(path)
    return None if googles is None else "FLEX" if googles[1] else "LEGACY"


class Launch(Protocol):
    """A launch, which becomes one Dataflow job."""

    @property
    def template_type(self) -> TemplateType | None:
        """The type of template that it launches; None for a job without a template."""

    @property
    def job_name(self) -> str:
        """The job name as the user gave it."""

    @property
    def environment(self) -> Mapping[str, Any]:
        """The environment, which says where and how the workers run, with the user's labels."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels as the user gave them."""

    @property
    def update(self) -> bool:
        """Whether it replaces a running job of the same name."""

    @property
    def validate_only(self) -> bool:
        """Whether the service only checks it, and starts nothing."""

    @property
    def template(self) -> str | Mapping[str, Any] | None:
        """``gs://`` path of its template, or the container spec itself; None if it has none."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """The template's parameters."""

    def trial(self) -> Launch | None:
        """The same launch as a check only; None if the service has no such check."""

    def request(self, place: Place, name: str, labels: Mapping[str, str]) -> Request:
        """The request for the launch, with this job name and these labels in addition to the user's."""

    def job_in(self, reply: Json) -> Json:
        """The Job in the launch's reply."""


ENVIRONMENT_FIELDS = frozenset(FIELDS["RuntimeEnvironment"])
"""https://cloud.google.com/dataflow/docs/reference/rest/v1b3/RuntimeEnvironment"""


class TemplateLaunch(Struct, frozen=True, kw_only=True):
    """A classic template with its parameters.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/LaunchTemplateParameters

    :param template: ``gs://`` path of the template.
    :param job_name: any text; the launcher makes the job name from it.
    :param parameters: the template's parameters; numbers, booleans, times and lists become strings, as the API expects.
    :param environment: a RuntimeEnvironment; text is read as the type of its field.
    :param update: replace the running streaming job of the same name.
    :param transform_name_mapping: for an update: old names of transforms, mapped to new ones.
    :param validate_only: let the service only check the launch.
    :raises InvalidInputError: an argument is wrong; the message names it.
    """

    template_type: ClassVar[TemplateType] = "LEGACY"
    template: str
    job_name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    update: bool = False
    transform_name_mapping: Mapping[str, str] = field(default_factory=dict)
    validate_only: bool = False

    def __post_init__(self) -> None:
        path = check_gcs_path(self.template, "template")
        check_type(path, type_by_path(path), self.template_type)
        mapped = read("{string}", self.transform_name_mapping, "transform_name_mapping", FIELDS)
        values: Json = {
            "template": path,
            "parameters": check_parameters(self.parameters),
            "environment": read_environment("RuntimeEnvironment", self.environment),
            "update": flag(self.update, "update"),
            "transform_name_mapping": mapped or {},
            "validate_only": flag(self.validate_only, "validate_only"),
        }
        for name, value in values.items():
            force_setattr(self, name, value)

    @property
    def labels(self) -> Mapping[str, str]:
        return labels_in(self.environment)

    def trial(self) -> TemplateLaunch:
        return replace(self, validate_only=True)

    def request(self, place: Place, name: str, labels: Mapping[str, str]) -> Request:
        body: Json = {"jobName": name, "parameters": self.parameters, "environment": labelled(self.environment, labels)}
        if self.update:
            body |= {"update": True, "transformNameMapping": dict(self.transform_name_mapping)}
        return dataflow.Template.launch.request(body, **place.path, gcsPath=self.template, validateOnly=self.validate_only or None)

    def job_in(self, reply: Json) -> Json:
        return part(reply, "job")


class FlexTemplateLaunch(Struct, frozen=True, kw_only=True):
    """A Flex template with its parameters, as the body of the REST call.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.flexTemplates/launch

    :param body: a LaunchFlexTemplateRequest; ``launchParameter`` holds ``jobName``, ``parameters``, ``environment`` and
        ``containerSpecGcsPath`` or ``containerSpec``. Text is read as the type of its field, including JSON text for a mapping.
    :raises InvalidInputError: an argument is wrong; the message names it.
    """

    template_type: ClassVar[TemplateType] = "FLEX"
    body: Mapping[str, Any]

    def __post_init__(self) -> None:
        given = {camel(key): value for key, value in mapping(self.body, "body").items()}
        unknown = set(given) - set(FIELDS["LaunchFlexTemplateRequest"])
        if unknown or "launchParameter" not in given:
            raise InvalidInputError(
                "body must hold launchParameter (a mapping) and may hold validateOnly; "
                + (f"it also holds {', '.join(map(shown, sorted(unknown)))}" if unknown else "launchParameter is missing")
            )
        parameter = _flex_parameter(given["launchParameter"], "body.launchParameter")
        only = read_field("LaunchFlexTemplateRequest", "validateOnly", given.get("validateOnly"), "body.validateOnly")
        force_setattr(self, "body", {"launchParameter": parameter, **({"validateOnly": True} if only else {})})

    @property
    def job_name(self) -> str:
        return str(self.body["launchParameter"]["jobName"])

    @property
    def environment(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.body["launchParameter"]["environment"]
        return found

    @property
    def labels(self) -> Mapping[str, str]:
        return labels_in(self.environment)

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
        environment = labelled(parameter["environment"], labels)
        body = {**self.body, "launchParameter": {**parameter, "jobName": name, "environment": environment}}
        return dataflow.FlexTemplate.launch.request(body, **place.path)

    def job_in(self, reply: Json) -> Json:
        return part(reply, "job")


def _flex_parameter(given: Any, at: str) -> Json:
    """A LaunchFlexTemplateParameter."""
    parts = {camel(key): value for key, value in mapping(given, at).items()}
    parameters = check_parameters(parts.pop("parameters", None), f"{at}.parameters")
    environment = read_environment("FlexTemplateRuntimeEnvironment", parts.pop("environment", None), f"{at}.environment")
    parameter = read_body("LaunchFlexTemplateParameter", parts, at)
    if ("containerSpecGcsPath" in parameter) == ("containerSpec" in parameter):
        raise InvalidInputError(f"{at} must hold one of containerSpecGcsPath and containerSpec")
    if not parameter.get("jobName"):
        raise InvalidInputError(f"{at}.jobName is missing: the job must have a name")
    if "containerSpecGcsPath" in parameter:
        path = check_gcs_path(parameter["containerSpecGcsPath"], f"{at}.containerSpecGcsPath")
        check_type(path, type_by_path(path), "FLEX")
    return {**parameter, "parameters": parameters, "environment": environment}


def labels_in(environment: Mapping[str, Any]) -> Mapping[str, str]:
    """The user's labels in an environment."""
    found: Mapping[str, str] = environment.get(LABELS, {})
    return found
