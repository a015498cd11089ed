"""The data that a template's job reads and writes, derived from the types of its parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from airflow_dataflow_ext.api.dataflow.parameter_kinds import BY_WORDS, IN, OUT, Dataset, kind_of
from airflow_dataflow_ext.api.dataflow.template_metadata import Parameter, TemplateInfo


class Lineage(Struct, frozen=True):
    """What a job reads and writes."""

    inputs: tuple[Dataset, ...] = ()
    outputs: tuple[Dataset, ...] = ()


_READS = frozenset({"input", "source", "read", "reads", "from"})
_WRITES = frozenset({"output", "target", "sink", "write", "writes", "written", "destination", "deadletter", "dead"})
_PASSING = frozenset({"temp", "temporary", "tmp", "staging"})


def lineage(info: TemplateInfo, given: Mapping[str, str], project_id: str) -> Lineage:
    """The data that the parameters name.

    A parameter is left out if neither its type nor its text tells whether the job reads or writes it: wrong lineage is worse than none.

    :param given: the launch's parameters.
    :param project_id: the job's project, which is that of a BigQuery table that names none.
    """
    values = {**{parameter.name: parameter.default for parameter in info.parameters if parameter.default}, **given}
    inputs: list[Dataset] = []
    outputs: list[Dataset] = []
    for parameter in info.parameters:
        value = given.get(parameter.name, "")
        side = {IN: inputs, OUT: outputs}.get(_direction(parameter))
        if side is None or not parameter.counts(values):
            continue
        dataset = kind_of(parameter).dataset(value.strip(), project_id)
        if dataset is not None and dataset not in side:
            side.append(dataset)
    return Lineage(tuple(inputs), tuple(outputs))


def _direction(parameter: Parameter) -> str:
    words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", f"{parameter.name} {parameter.label} {parameter.group}").lower()))
    if words & _PASSING:
        return ""
    direction = kind_of(parameter).direction
    if direction != BY_WORDS:
        return direction
    if bool(words & _READS) == bool(words & _WRITES):
        return ""
    return IN if words & _READS else OUT
