"""Which data a template's job reads and writes, as far as the types of its parameters tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from airflow_dataflow_ext.api.dataflow.template_metadata import Parameter, TemplateInfo


@dataclass(frozen=True, slots=True)
class Dataset:
    """Some data under the names that OpenLineage and Airflow's assets have for it.

    https://openlineage.io/docs/spec/naming

    :param uri: of the Airflow Asset.
    """

    namespace: str
    name: str
    uri: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a job reads and writes."""

    inputs: tuple[Dataset, ...] = ()
    outputs: tuple[Dataset, ...] = ()


_READS = frozenset({"input", "source", "read", "reads", "from"})
_WRITES = frozenset({"output", "target", "sink", "write", "writes", "written", "destination", "deadletter", "dead"})
_PASSING = frozenset({"temp", "temporary", "tmp", "staging"})


def lineage(info: TemplateInfo, given: Mapping[str, str], project_id: str) -> Lineage:
    """What the parameters name.

    A parameter whose direction neither its type nor its words tell is left out: a wrong arrow is worse than none.

    :param given: the launch's parameters.
    :param project_id: of the job; a BigQuery table that names no project lies there.
    """
    values = {**{parameter.name: parameter.default for parameter in info.parameters if parameter.default}, **given}
    inputs: list[Dataset] = []
    outputs: list[Dataset] = []
    for parameter in info.parameters:
        value = given.get(parameter.name, "")
        side = {"in": inputs, "out": outputs}.get(_direction(parameter))
        if side is None or not parameter.counts(values):
            continue
        dataset = _dataset(parameter.kind, value, project_id)
        if dataset is not None and dataset not in side:
            side.append(dataset)
    return Lineage(tuple(inputs), tuple(outputs))


def _direction(parameter: Parameter) -> str:
    words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", f"{parameter.name} {parameter.label} {parameter.group}").lower()))
    if words & _PASSING:
        return ""
    kind = parameter.kind
    if kind.startswith("GCS_READ_") or kind == "PUBSUB_SUBSCRIPTION":
        return "in"
    if kind.startswith("GCS_WRITE_"):
        return "out"
    if kind not in ("PUBSUB_TOPIC", "BIGQUERY_TABLE") or bool(words & _READS) == bool(words & _WRITES):
        return ""
    return "in" if words & _READS else "out"


def _dataset(kind: str, value: str, project_id: str) -> Dataset | None:
    make = next((make for prefix, make in _MAKERS.items() if kind.startswith(prefix)), None)
    return make(value.strip(), project_id) if make else None


def _gcs(value: str, _: str) -> Dataset | None:
    """A file, or the folder above a pattern."""
    bucket, _, path = value.removeprefix("gs://").partition("/")
    if not bucket or "://" in value.removeprefix("gs://"):
        return None
    fixed = re.split(r"[*?\[{]", path, maxsplit=1)[0]
    name = (fixed if fixed == path else fixed.rpartition("/")[0]).strip("/")
    return Dataset(f"gs://{bucket}", name or "/", f"gs://{bucket}/{name}")


def _bigquery(value: str, project_id: str) -> Dataset | None:
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


_MAKERS: Mapping[str, Callable[[str, str], Dataset | None]] = {"GCS_": _gcs, "BIGQUERY_TABLE": _bigquery, "PUBSUB_": _pubsub}
