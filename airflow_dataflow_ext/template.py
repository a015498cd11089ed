"""Makes a DAG's trigger form from a template's metadata; as a program, saves that metadata to a file.

``python -m airflow_dataflow_ext.template fetch gs://dataflow-templates/latest/Word_Count > word_count.json``
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param

from airflow_dataflow_ext.api.dataflow.parameter_kinds import kind_of
from airflow_dataflow_ext.api.dataflow.template_metadata import Parameter, TemplateInfo
from airflow_dataflow_ext.api.rest.errors import DataflowExtError, InvalidInputError
from airflow_dataflow_ext.api.rest.texts import shown

if TYPE_CHECKING:
    from airflow.sdk import Context

Metadata = str | os.PathLike[str] | Mapping[str, Any]
"""A file's path, or its content: a GetTemplateResponse, a Flex template's container spec, or a TemplateMetadata."""

SECTION = "Template parameters"


def template_params(metadata: Metadata, *, defaults: Mapping[str, Any] | None = None, section: str = SECTION) -> dict[str, Param]:
    """A template's parameters as the Params of a DAG, so that Airflow's trigger form asks for them.

    Optional parameters can be left empty. Hidden parameters are omitted unless they are required. Pass the path of a file beside the DAG
    file, ``Path(__file__).with_name("word_count.json")``, so that parsing the DAG file needs no network.

    https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/params.html

    :param metadata: see :data:`Metadata`.
    :param defaults: initial values of the form, which override the template's own. A DAG with a schedule needs one for each required
        parameter.
    :param section: heading of the parameters that the template puts into no group.
    :raises InvalidInputError: ``metadata`` holds no template metadata, or ``defaults`` names a parameter that the template does not have.
    :raises OSError: the file cannot be read.
    """
    info = read_template(metadata)
    unknown = sorted(set(defaults or {}) - {parameter.name for parameter in info.parameters})
    if unknown:
        raise InvalidInputError(f"defaults names {', '.join(unknown)}, which the template does not have")
    return {
        parameter.name: _param(parameter, (defaults or {}).get(parameter.name, _default(parameter)), section) for parameter in _shown(info)
    }


class TemplateValues:
    """The values of the trigger form as a launch's ``parameters``, without those that were left empty.

    Use it as ``DataflowTemplatedJobStartOperator(parameters=TemplateValues(METADATA), ...)``, or as ``launchParameter.parameters`` in
    the body of a Flex launch.

    :param metadata: the same as for :func:`template_params`.
    :param others: further parameters (not templated); they override the form's.
    """

    def __init__(self, metadata: Metadata, **others: Any) -> None:
        self.names = tuple(parameter.name for parameter in _shown(read_template(metadata)))
        self.others = others

    def resolve(self, context: Context) -> dict[str, Any]:
        """The values; Airflow calls this when it renders templated fields."""
        params = context["params"]
        found = {name: params[name] for name in self.names if name in params}
        return {name: value for name, value in found.items() if value is not None} | self.others

    def serialize(self) -> dict[str, Any]:
        """What Airflow's UI shows before a run."""
        return {**{name: f"{{{{ params.{name} }}}}" for name in self.names}, **self.others}


def read_template(metadata: Metadata) -> TemplateInfo:
    """The template that the metadata describes.

    :raises InvalidInputError: ``metadata`` holds no template metadata.
    :raises OSError: the file cannot be read.
    """
    if isinstance(metadata, Mapping):
        return TemplateInfo.read(metadata)
    if not isinstance(metadata, str | os.PathLike):
        raise InvalidInputError(f"metadata must be a mapping, or the path of a file, not {shown(metadata)}")
    try:
        with open(metadata, encoding="utf-8") as file:
            return TemplateInfo.read(json.load(file))
    except ValueError as error:  # covers what is not metadata, and what is not UTF-8
        raise InvalidInputError(f"{os.fspath(metadata)} holds no template metadata: {error}") from error


def _shown(info: TemplateInfo) -> list[Parameter]:
    return [parameter for parameter in info.parameters if not parameter.hidden or not parameter.optional]


def _param(parameter: Parameter, value: Any, section: str) -> Param:
    nullable = parameter.optional or bool(parameter.parent)
    schema: dict[str, Any] = {
        "title": parameter.label or parameter.name,
        "section": parameter.group or section,
        **kind_of(parameter).form(parameter),
    }
    help_text = parameter.help_text
    if parameter.parent:
        help_text = f"{help_text}\n\nOnly when {parameter.condition}.".strip()
    if help_text:
        schema["description"] = help_text
    if nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
            schema["values_display"] = {**schema["values_display"], "None": "(none)"}
    return Param(**schema) if value is None and not nullable else Param(value, **schema)


def _default(parameter: Parameter) -> Any:
    """The template's own default as a value of the form; None if it has no usable one."""
    return kind_of(parameter).default(parameter, parameter.default) if parameter.default else None


def main(arguments: list[str] | None = None) -> int:
    """Save a template's metadata: ``fetch gs://... > file``.

    :returns: the process's exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m airflow_dataflow_ext.template", description="Metadata of Dataflow templates.")
    fetch = parser.add_subparsers(required=True).add_parser("fetch", help="print a template's metadata as JSON")
    fetch.add_argument("path", help="gs:// path of a classic template or of a Flex template's container spec")
    fetch.add_argument("--location", help="where to ask; us-central1, or the connection's, by default")
    fetch.add_argument("--project", help="project to ask for; the connection's by default")
    fetch.add_argument("--gcp-conn-id", default="google_cloud_default", help="Airflow connection (%(default)s)")
    asked = parser.parse_args(arguments)

    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    try:
        with redirect_stdout(sys.stderr):  # where Airflow 3.1 logs
            reply = DataflowHook(asked.gcp_conn_id).template_metadata(asked.path, project_id=asked.project, location=asked.location)
    except DataflowExtError as error:
        return _failed(str(error))
    if not reply.get("metadata"):
        return _failed(reply.get("status", {}).get("message") or f"{asked.path} has no metadata")
    sys.stdout.write(json.dumps(reply, indent=2, ensure_ascii=False) + "\n")
    return 0


def _failed(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
