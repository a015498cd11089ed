"""Templates: their files in Cloud Storage, their metadata, and the check of parameters against it.

Source: https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.templates/get
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from airflow_dataflow_ext.api.dataflow.methods import Template as Methods
from airflow_dataflow_ext.emulator.dataflow.jobs import Json
from airflow_dataflow_ext.emulator.dataflow.provided import OPTIONS, is_classic, is_flex, published
from airflow_dataflow_ext.emulator.dataflow.schema import read_body
from airflow_dataflow_ext.emulator.dataflow.values import camel
from airflow_dataflow_ext.emulator.dataflow.world import Call, World, answers
from airflow_dataflow_ext.emulator.google.objects import Objects
from airflow_dataflow_ext.emulator.http.errors import ApiError, invalid, short
from airflow_dataflow_ext.emulator.http.payload import read_json

FLEX = "FLEX"
LEGACY = "LEGACY"
_NOT_IN_THE_SCHEMA = ("mainClass", "category", "internalName", "userAgentPrefix", "documentationLink")
_MOST_VIOLATIONS = 20
_RUNTIME_FIELDS = ("name", "label", "helpText", "isOptional", "regexes", "paramType")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFile:
    """A template in Cloud Storage.

    :param content: the container spec or the job graph; empty if the object does not exist.
    :param metadata: its TemplateMetadata; if there is none, every parameter is accepted.
    """

    path: str
    content: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] | None = None

    @property
    def is_flex(self) -> bool:
        return "image" in self.content

    @property
    def language(self) -> str:
        return str(self.content.get("sdkInfo", {}).get("language", ""))


def open_flex(objects: Objects, path: str) -> TemplateFile:
    """The container spec at a path; if there is no object, the engine decides whether it knows the path.

    :raises ApiError: 400 if the object is not a container spec.
    """
    _check_path(path, "containerSpecGcsPath")
    found = _load(objects, path)
    if found is None and is_classic(path):
        raise invalid(f"Unable to parse the container spec {path}: it is a classic template, which templates.launch starts")
    return flex_of(found, path) if found is not None else TemplateFile(path=path)


def flex_of(spec: Any, path: str = "") -> TemplateFile:
    """A container spec from a call or a file; its names may be in snake case.

    :raises ApiError: 400 if it is not a container spec.
    """
    try:
        content = read_body("ContainerSpec", _without_extras(spec))
    except ApiError as error:
        raise invalid(f"Unable to parse the container spec {path or 'in the request'}: {error}") from error
    if "image" not in content:
        raise invalid(f"The container spec {path or 'in the request'} names no image")
    return TemplateFile(path=path, content=content, metadata=content.get("metadata"))


def open_classic(objects: Objects, path: str) -> TemplateFile:
    """The job graph at a path, with the metadata beside it.

    :raises ApiError: 400 if it is a Flex template's container spec, or not a JSON object.
    """
    _check_path(path, "gcsPath")
    graph = _load(objects, path) or {}
    if not isinstance(graph, Mapping) or "image" in graph or is_flex(path):
        raise invalid(f"The template file {path} is invalid: it holds no job graph of a classic template")
    metadata = _load(objects, f"{path}_metadata")
    if metadata is not None:
        metadata = read_body("TemplateMetadata", _without_extras({"metadata": metadata})["metadata"])
    return TemplateFile(path=path, content=graph, metadata=metadata)


def _check_path(path: str, name: str) -> None:
    if not re.fullmatch(r"gs://[^/\n\r]+/[^\n\r]+", path):
        raise invalid(f"{name} must be a Cloud Storage path that starts with gs://; it is {short(path)}")


def _load(objects: Objects, path: str) -> Any:
    content = objects.read(path) or published(path)
    if content is None:
        return None
    try:
        return read_json(content)
    except ValueError as error:
        raise invalid(f"The template file {path} is invalid: {error}") from error


def _without_extras(spec: Any) -> Any:
    """A spec without the keys that Google's generator adds to the metadata."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("metadata"), Mapping):
        return spec
    kept = {key: value for key, value in spec["metadata"].items() if key not in _NOT_IN_THE_SCHEMA}
    return {**spec, "metadata": kept}


def check_parameters(template: TemplateFile, given: Mapping[str, str]) -> None:
    """Compare a launch's parameters with the metadata, if there is any.

    :raises ApiError: 400; the message lists all wrong parameters.
    """
    if template.metadata is None:
        return
    declared = {entry.get("name", ""): entry for entry in template.metadata.get("parameters", ())}
    breaches = {name: fault for name, entry in declared.items() if (fault := _breach(name, entry, given))}
    if template.language != "YAML":  # the launcher of Beam YAML also accepts any pipeline option
        options = OPTIONS if template.is_flex else ()
        unknown = [name for name in given if name not in declared and camel(name) not in options]
        breaches |= {name[:100]: "Unrecognized parameter" for name in unknown}
    if breaches:
        lines = "\n".join(f"{name}: {fault}" for name, fault in breaches.items())
        violations = [{"parameter": name, "description": fault} for name, fault in islice(breaches.items(), _MOST_VIOLATIONS)]
        details = [{"@type": "type.googleapis.com/google.dataflow.v1beta3.InvalidTemplateParameters", "parameterViolations": violations}]
        raise ApiError(400, f"The template parameters are invalid. Details: \n{lines}", details=details)


def _breach(name: str, entry: Mapping[str, Any], given: Mapping[str, str]) -> str:
    value = given.get(name)
    if value is None:
        return "Missing required parameter" if _is_required(entry, given) else ""
    for regex in entry.get("regexes", ()):
        if not _matches(regex, value):
            return f"Parameter didn't match regex '{regex}'"
    return ""


def _is_required(entry: Mapping[str, Any], given: Mapping[str, str]) -> bool:
    if entry.get("isOptional"):
        return False
    parent = entry.get("parentName")
    if not parent:
        return True
    triggers, value = entry.get("parentTriggerValues", ()), given.get(parent, "")
    return value in triggers if triggers else bool(value)


def _matches(regex: str, value: str) -> bool:
    try:
        return re.fullmatch(regex, value) is not None
    except re.error:  # written for RE2 or Java, and not valid in Python
        return True


@answers(Methods.get)
def get(world: World, call: Call) -> Json:
    """A template's metadata. Errors of its files are in ``status``, not in the HTTP status."""
    path = call.query.get("gcsPath", "")
    _check_path(path, "gcsPath")
    try:
        found = _load(world.objects, path)
        template = flex_of(found, path) if isinstance(found, Mapping) and "image" in found else open_classic(world.objects, path)
    except ApiError as error:
        return {"status": {"code": 3, "message": str(error)}}
    if template.metadata is None:
        return {"status": {"code": 3, "message": _neither(path)}}
    reply: Json = {"metadata": template.metadata, "templateType": FLEX if template.is_flex else LEGACY}
    parameters = [{key: entry[key] for key in _RUNTIME_FIELDS if key in entry} for entry in template.metadata.get("parameters", ())]
    reply["runtimeMetadata"] = {"sdkInfo": template.content.get("sdkInfo") or {}, "parameters": parameters}
    return reply


def _neither(path: str) -> str:
    return (
        "Unable to read the template's metadata, neither as a Flex template (the file names no SDK language) "
        f"nor as a Legacy template (cannot open {path}_metadata)"
    )
