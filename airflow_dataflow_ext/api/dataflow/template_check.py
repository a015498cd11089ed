"""Checks a launch's parameters against its template before anything is started."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from airflow_dataflow_ext.api.dataflow import methods as dataflow
from airflow_dataflow_ext.api.dataflow.fields import FIELDS
from airflow_dataflow_ext.api.dataflow.parameter_kinds import kind_of
from airflow_dataflow_ext.api.dataflow.template_metadata import Parameter, TemplateInfo
from airflow_dataflow_ext.api.dataflow.templates import LONGEST_PATH, check_type
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidInputError, InvalidRequestError
from airflow_dataflow_ext.api.rest.method import part
from airflow_dataflow_ext.api.rest.steps import Conversation, Say
from airflow_dataflow_ext.api.rest.texts import LONGEST_VALUE, near, shortened, shown
from airflow_dataflow_ext.api.rest.values import camel

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.dataflow.job import Place
    from airflow_dataflow_ext.api.dataflow.templates import Launch, TemplateType, Validate
    from airflow_dataflow_ext.api.rest.method import Json

_OPTIONS = frozenset(FIELDS["FlexTemplateRuntimeEnvironment"])
"""Pipeline options that are never taken for misspelled parameters, however similar they are to one."""

_MISSPELT = 0.8
"""Similarity from which an undeclared parameter of a Flex template counts as a misspelled one, and not as a pipeline option."""


def check_launch(launch: Launch, validate: Validate, place: Place) -> Conversation[None]:
    """Check a launch; if its template cannot be read, the launch passes, and the log says so.

    :raises InvalidInputError: parameters do not fit; the message lists them all.
    """
    if validate == "metadata":
        info = yield from template_info(launch.template, place, launch.template_type)
        if info is not None:
            info = replace(info, is_flex=launch.template_type == "FLEX")
            for name, condition in idle(info, launch.parameters):
                yield Say(f"Parameter {name} has an effect only when {condition}.")
            check_parameters_of(info, launch.parameters, launch.template)
            if options := undeclared(info, launch.parameters):
                yield Say(f"The template declares no {', '.join(map(shown, options))}: passed on as pipeline options of the job.")
    elif validate == "service":
        yield from _ask_the_service(launch, place)


def template_info(
    template: str | Mapping[str, Any] | None, place: Place, wanted: TemplateType | None = None
) -> Conversation[TemplateInfo | None]:
    """A template's metadata; None if it cannot be read, which is logged.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.templates/get

    :param template: ``gs://`` path or container spec; None for a job without a template.
    :param wanted: the type that the template must have, if the service knows its type.
    :raises InvalidInputError: the template is of the other type.
    """
    if template is None:
        return None
    try:
        reply = (yield from _reply(template, place)) if isinstance(template, str) else template
    except CallError as error:
        yield from _unread(str(error))
        return None
    if wanted is not None and isinstance(template, str):
        check_type(template, reply.get("templateType"), wanted)
    if not reply.get("metadata") and isinstance(template, str):
        yield from _unread(str(part(reply, "status").get("message", "the service gave none")))
        return None
    try:
        return TemplateInfo.read(reply)
    except InvalidInputError as error:
        yield from _unread(str(error))
        return None


def _reply(template: str, place: Place) -> Conversation[Json]:
    request = dataflow.Template.get.request(**place.path, gcsPath=template, view="METADATA_ONLY")
    return ask(request, retry_for=budgets.METADATA_WITHIN)


def _unread(why: str) -> Conversation[None]:
    yield Say(f"No metadata of the template, so its parameters are neither checked nor read for lineage: {why}")


def check_parameters_of(info: TemplateInfo, given: Mapping[str, str], template: Any = "") -> None:
    """Compare parameters with the metadata.

    :param given: the parameters as the API takes them, see :func:`airflow_dataflow_ext.api.dataflow.bodies.check_parameters`.
    :param template: the template's path, for the message.
    :raises InvalidInputError: parameters do not fit; the message lists them all.
    """
    found = [f"{shortened(name, LONGEST_VALUE)}: {fault}" for name, fault in breaches(info, given)]
    if found:
        path = f"({shortened(template, LONGEST_PATH)})" if isinstance(template, str) and template else ""
        name = " ".join(filter(None, (info.name, path)))
        noun = "parameter does" if len(found) == 1 else "parameters do"
        raise InvalidInputError("\n- ".join((f"{len(found)} {noun} not fit the template {name}".rstrip() + ":", *found)))


def breaches(info: TemplateInfo, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names of wrong parameters, and what is wrong with each, in the order of the metadata; unknown ones come last."""
    for parameter in info.parameters:
        if fault := _fault(parameter, given):
            yield parameter.name, fault
    names = [parameter.name for parameter in info.parameters]
    for name in _unknown(info, given):
        if meant := _misspelt(info, name):
            yield name, f"the template has no such parameter; did you mean {meant}?"
        elif not info.is_flex:
            yield name, f"the template has no such parameter; the parameters are {', '.join(names) or 'none'}"


def undeclared(info: TemplateInfo, given: Mapping[str, str]) -> list[str]:
    """Given parameters that a Flex template does not declare. The service also accepts pipeline options as parameters, such as
    ``workerMachineType`` or ``sdk_container_image``; which ones is not fully documented."""
    return [name for name in _unknown(info, given) if info.is_flex and not _misspelt(info, name)]


def _unknown(info: TemplateInfo, given: Mapping[str, str]) -> list[str]:
    names = {parameter.name for parameter in info.parameters}
    return [] if info.takes_any else [name for name in given if name not in names]


def _misspelt(info: TemplateInfo, name: str) -> str:
    """The parameter that was probably meant; empty if none is similar."""
    names = [parameter.name for parameter in info.parameters]
    if not info.is_flex:
        return near(name, names)
    return near(name, names, 1.0 if camel(name) in _OPTIONS else _MISSPELT)


def idle(info: TemplateInfo, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Given parameters that have no effect because of their parent's value, with the condition under which they would."""
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
    if (value or not parameter.optional) and (fault := kind_of(parameter).fault(parameter, value)):
        return fault
    return next((f"{shown(value)} does not match {regex}" for regex in parameter.regexes if not _matches(regex, value)), "")


def _matches(regex: str, value: str) -> bool:
    try:
        return re.fullmatch(regex, value) is not None
    except re.error:  # written for RE2 or Java, and not valid here: the service checks it
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
