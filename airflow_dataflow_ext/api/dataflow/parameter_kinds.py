"""The kinds of template parameters, one row each: the check of a value, the form's field, its default, and the data that it names.

https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.templates/get#parametertype
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from airflow_dataflow_ext.api.dataflow.template_metadata import Parameter
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.texts import shown

IN, OUT, BY_WORDS, NO_DATA = "in", "out", "by words", ""
"""Direction of a parameter's data: read, written, decided by its name, label and group, or none."""


class Dataset(Struct, frozen=True):
    """A dataset, with the names that OpenLineage and Airflow's assets give it.

    https://openlineage.io/docs/spec/naming

    :param uri: URI of the Airflow Asset.
    """

    namespace: str
    name: str
    uri: str


def _no_fault(_: Parameter, __: str) -> str:
    return ""


def _text_form(parameter: Parameter) -> Json:
    form: Json = {"type": "string"}
    if pattern := _pattern(parameter.regexes):
        form["pattern"] = pattern
    if re.search(r"password|secret", parameter.name, re.IGNORECASE):
        form["format"] = "password"
    return form


def _text_default(_: Parameter, value: str) -> Any:
    return value


def _no_dataset(_: str, __: str) -> Dataset | None:
    return None


class ParameterKind(Struct, frozen=True, kw_only=True):
    """One kind of parameter.

    :param fault: says what is wrong with a value, apart from its regular expressions; empty if nothing is.
    :param form: gives the JSON schema of the form's field.
    :param default: gives the template's own default as a value of that field; None if it is unusable.
    :param direction: :data:`IN`, :data:`OUT`, :data:`BY_WORDS` or :data:`NO_DATA`.
    :param dataset: gives the data that a value names, given the job's project; None if it names none.
    """

    fault: Callable[[Parameter, str], str] = _no_fault
    form: Callable[[Parameter], Json] = _text_form
    default: Callable[[Parameter, str], Any] = _text_default
    direction: str = NO_DATA
    dataset: Callable[[str, str], Dataset | None] = _no_dataset


def kind_of(parameter: Parameter) -> ParameterKind:
    """The row of a parameter's kind; a kind without a row, from a newer service, is treated as text."""
    return KINDS.get(parameter.kind, TEXT)


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def _number_fault(_: Parameter, value: str) -> str:
    return "" if _NUMBER.fullmatch(value) else f"{shown(value)} is not a number"


def _number_form(parameter: Parameter) -> Json:
    """The JSON schema of a number field, which cannot use a regular expression: its rules about signs and fractions are translated."""
    pattern = re.compile(_pattern(parameter.regexes) or "")
    form: Json = {"type": "number" if pattern.search("1.5") else "integer"}
    if not pattern.search("-1"):
        form["minimum"] = 0 if pattern.search("0") else 1
    return form


def _number_default(_: Parameter, value: str) -> Any:
    try:
        return float(value) if "." in value else int(value)
    except ValueError:
        return None


def _boolean_fault(_: Parameter, value: str) -> str:
    if value in ("true", "false"):
        return ""
    meant = value.strip().lower()
    hint = f"; the template wants {meant}: in Jinja add the filter lower" if meant in ("true", "false") else ""
    return f"{shown(value)} is neither true nor false{hint}"


def _boolean_form(_: Parameter) -> Json:
    return {"type": "boolean"}


def _boolean_default(_: Parameter, value: str) -> Any:
    return {"true": True, "false": False}.get(value.lower())


def _enum_fault(parameter: Parameter, value: str) -> str:
    return f"{shown(value)} is none of {', '.join(parameter.values)}" if parameter.options and value not in parameter.values else ""


def _enum_form(parameter: Parameter) -> Json:
    if not parameter.options:
        return _text_form(parameter)
    labels = {option.value: option.label or option.value for option in parameter.options}
    return {"type": "string", "enum": list(labels), "values_display": labels}


def _enum_default(parameter: Parameter, value: str) -> Any:
    return value if value in parameter.values else None


def _gcs_fault(_: Parameter, value: str) -> str:
    """A path without a bucket, or with its ``gs://`` twice, as a template makes it from an empty bucket or from a bucket's URL."""
    return f"{shown(value)} names no bucket after gs://" if re.match(r"gs://(/|\Z|gs:)", value) else ""


def _gcs(value: str, _: str) -> Dataset | None:
    """The dataset of a file, or of the folder above a pattern."""
    bucket, _, path = value.removeprefix("gs://").partition("/")
    if not bucket or "://" in value.removeprefix("gs://"):
        return None
    fixed = re.split(r"[*?\[{]", path, maxsplit=1)[0]
    name = (fixed if fixed == path else fixed.rpartition("/")[0]).strip("/")
    return Dataset(f"gs://{bucket}", name or "/", f"gs://{bucket}/{name}")


def _bigquery(value: str, project_id: str) -> Dataset | None:
    """The dataset of a table; if it names no project, the table is in the job's."""
    found = re.fullmatch(r"(?:(?P<project>.+)[:.])?(?P<dataset>[^:.]+)\.(?P<table>[^:.$]+)(?:\$\w+)?", value)
    if found is None:
        return None
    project, dataset, table = found["project"] or project_id, found["dataset"], found["table"]
    return Dataset("bigquery", f"{project}.{dataset}.{table}", f"bigquery://{project}/{dataset}/{table}")


def _pubsub(value: str, _: str) -> Dataset | None:
    found = re.fullmatch(r"projects/([^/]+)/(topic|subscription)s/([^/]+)", value)
    if found is None:
        return None
    return Dataset("pubsub", f"{found[2]}:{found[1]}:{found[3]}", f"pubsub://{found[1]}/{found[2]}s/{found[3]}")


def _pattern(regexes: tuple[str, ...]) -> str:
    """One regular expression that requires the whole value to match each of them."""
    try:
        for regex in regexes:
            re.compile(regex)
    except re.error:  # written for RE2 or Java, and not valid here: the service checks it
        return ""
    return "".join(f"(?=^(?:{regex})$)" for regex in regexes) if len(regexes) > 1 else "".join(f"^(?:{regex})$" for regex in regexes)


TEXT = ParameterKind()
_READ = ParameterKind(fault=_gcs_fault, direction=IN, dataset=_gcs)
_WRITTEN = ParameterKind(fault=_gcs_fault, direction=OUT, dataset=_gcs)

KINDS: Mapping[str, ParameterKind] = {
    "DEFAULT": TEXT,
    "TEXT": TEXT,
    "GCS_READ_BUCKET": _READ,
    "GCS_READ_FILE": _READ,
    "GCS_READ_FOLDER": _READ,
    "GCS_WRITE_BUCKET": _WRITTEN,
    "GCS_WRITE_FILE": _WRITTEN,
    "GCS_WRITE_FOLDER": _WRITTEN,
    "PUBSUB_TOPIC": ParameterKind(direction=BY_WORDS, dataset=_pubsub),
    "PUBSUB_SUBSCRIPTION": ParameterKind(direction=IN, dataset=_pubsub),
    "BIGQUERY_TABLE": ParameterKind(direction=BY_WORDS, dataset=_bigquery),
    "JAVASCRIPT_UDF_FILE": TEXT,
    "SERVICE_ACCOUNT": TEXT,
    "MACHINE_TYPE": TEXT,
    "KMS_KEY_NAME": TEXT,
    "WORKER_REGION": TEXT,
    "WORKER_ZONE": TEXT,
    "BOOLEAN": ParameterKind(fault=_boolean_fault, form=_boolean_form, default=_boolean_default),
    "ENUM": ParameterKind(fault=_enum_fault, form=_enum_form, default=_enum_default),
    "NUMBER": ParameterKind(fault=_number_fault, form=_number_form, default=_number_default),
    "KAFKA_TOPIC": TEXT,
    "KAFKA_READ_TOPIC": TEXT,
    "KAFKA_WRITE_TOPIC": TEXT,
}
"""The row of each ParameterType."""
