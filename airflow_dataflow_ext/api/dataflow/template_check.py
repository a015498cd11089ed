"""Whether a launch's parameters fit its template, found out before anything is started."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from airflow_dataflow_ext.api.dataflow import methods as dataflow
from airflow_dataflow_ext.api.dataflow.template_metadata import BOOLEAN, ENUM, NUMBER, Parameter, TemplateInfo
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidInputError, InvalidRequestError
from airflow_dataflow_ext.api.rest.steps import Conversation, Say
from airflow_dataflow_ext.api.rest.texts import shown

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.dataflow.job import Place
    from airflow_dataflow_ext.api.dataflow.templates import Launch

Validate = Literal["metadata", "service", "off"]
"""Who checks a launch: this package against the template's metadata, the service (``validateOnly``), or nobody."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_BOOLEANS = ("true", "false")


def check_validate(value: Any) -> Validate:
    """
    :raises InvalidInputError: there is no such way to check.
    """
    if value not in get_args(Validate):
        raise InvalidInputError(f"validate must be one of {', '.join(get_args(Validate))}, not {shown(value)}")
    return value  # type: ignore[no-any-return]


def check_launch(launch: Launch, validate: Validate, place: Place) -> Conversation[None]:
    """Check a launch; one whose template cannot be read is let through, with a word in the log.

    :raises InvalidInputError: something does not fit; lists all of it.
    """
    if validate == "metadata":
        info = yield from template_info(launch.template, place)
        if info is not None:
            for name, condition in idle(info, launch.parameters):
                yield Say(f"Parameter {name} has an effect only when {condition}.")
            check_parameters_of(info, launch.parameters, launch.template)
    elif validate == "service":
        yield from _ask_the_service(launch, place)


def template_info(template: str | Mapping[str, Any] | None, place: Place) -> Conversation[TemplateInfo | None]:
    """What a template says of itself; None, with a word in the log, when that cannot be read.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.templates/get

    :param template: ``gs://`` path or container spec; None for a job without a template.
    """
    if template is None:
        return None
    try:
        if not isinstance(template, str):
            return TemplateInfo.read(template)
        request = dataflow.Template.get.request(**place.path, gcsPath=template, view="METADATA_ONLY")
        reply = yield from ask(request, retry_for=budgets.METADATA_WITHIN)
        if reply.get("metadata"):
            return TemplateInfo.read(reply)
        why = str(reply.get("status", {}).get("message", "the service gave none"))
    except (CallError, InvalidInputError) as error:
        why = str(error)
    yield Say(f"No metadata of the template, so its parameters are neither checked nor read for lineage: {why}")
    return None


def check_parameters_of(info: TemplateInfo, given: Mapping[str, str], template: Any = "") -> None:
    """Compare parameters with the metadata.

    :param given: as the API takes them, see :func:`airflow_dataflow_ext.api.dataflow.templates.check_parameters`.
    :param template: the template's path, for the message.
    :raises InvalidInputError: lists every breach.
    """
    found = [f"{name}: {fault}" for name, fault in breaches(info, given)]
    if found:
        name = " ".join(filter(None, (info.name, f"({template})" if isinstance(template, str) and template else "")))
        noun = "parameter does" if len(found) == 1 else "parameters do"
        raise InvalidInputError("\n- ".join((f"{len(found)} {noun} not fit the template {name}".rstrip() + ":", *found)))


def breaches(info: TemplateInfo, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names, and what is wrong with each, in the order of the metadata; unknown ones come last."""
    for parameter in info.parameters:
        if fault := _fault(parameter, given):
            yield parameter.name, fault
    names = [parameter.name for parameter in info.parameters]
    for name in () if info.takes_any else given:
        if name not in names:
            near = _nearest(name, names)
            hint = f"did you mean {near}?" if near else f"the parameters are {', '.join(names) or 'none'}"
            yield name, f"the template has no such parameter; {hint}"


def _nearest(name: str, names: Sequence[str]) -> str:
    """The name that was probably meant, whatever its case and its underscores; empty without one."""
    plain = {known.replace("_", "").lower(): known for known in names}
    near = difflib.get_close_matches(name.replace("_", "").lower(), plain, n=1)
    return plain[near[0]] if near else ""


def idle(info: TemplateInfo, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Given parameters for which the parent's value does not call, with the condition that would."""
    values = {**{parameter.name: parameter.default for parameter in info.parameters if parameter.default}, **given}
    for parameter in info.parameters:
        if given.get(parameter.name) and not parameter.counts(values):
            yield parameter.name, parameter.condition


def _fault(parameter: Parameter, given: Mapping[str, str]) -> str:
    value = given.get(parameter.name)
    if value is None:
        if parameter.optional or not parameter.counts(given):
            return ""
        label = f" ({parameter.label})" if parameter.label else ""
        return f"required{f' when {parameter.condition}' if parameter.parent else ''}, and not given{label}"
    if value or not parameter.optional:
        if parameter.kind == ENUM and parameter.options and value not in parameter.values:
            return f"{shown(value)} is none of {', '.join(parameter.values)}"
        if parameter.kind == NUMBER and not _NUMBER.fullmatch(value):
            return f"{shown(value)} is not a number"
        if parameter.kind == BOOLEAN and value not in _BOOLEANS:
            return f"{shown(value)} is neither true nor false"
    return next((f"{shown(value)} does not match {regex}" for regex in parameter.regexes if not _matches(regex, value)), "")


def _matches(regex: str, value: str) -> bool:
    try:
        return re.fullmatch(regex, value) is not None
    except re.error:  # written for RE2 or Java, and not readable here: the service will say
        return True


def _ask_the_service(launch: Launch, place: Place) -> Conversation[None]:
    trial = launch.trial()
    if trial is None:
        yield Say("The service has no check for a job that is not launched from a template.")
        return
    try:
        yield from ask(trial.request(place, trial.job_name, {}))
    except InvalidRequestError as refused:
        raise InvalidInputError(f"The service's check refused the launch: {refused}") from refused
