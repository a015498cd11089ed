"""A template's metadata: its parameters and other facts, read from any of the forms in which it comes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.texts import shown


class Option(Struct, frozen=True, kw_only=True):
    """One value of an ENUM parameter."""

    value: str
    label: str = ""


class Parameter(Struct, frozen=True, kw_only=True):
    """One parameter of a template.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.templates/get#parametermetadata

    :param kind: the ParameterType, for example ``GCS_READ_FILE``.
    :param default: initial value in a form; it does not make the parameter optional.
    :param parent: the parameter on which this one depends. This one applies if the parent has one of the ``triggers`` as its value or,
        without ``triggers``, any value.
    """

    name: str
    label: str = ""
    help_text: str = ""
    optional: bool = False
    regexes: tuple[str, ...] = ()
    kind: str = "DEFAULT"
    options: tuple[Option, ...] = ()
    default: str | None = None
    group: str = ""
    parent: str = ""
    triggers: tuple[str, ...] = ()
    hidden: bool = False

    @classmethod
    def read(cls, entry: Any) -> Parameter:
        """The parameter of a ParameterMetadata, whose names may be in snake case, as in files that a person wrote.

        :raises InvalidInputError: it is not a ParameterMetadata.
        """
        facts = _camel(entry, "a template's parameter")
        if not facts.get("name"):
            raise InvalidInputError(f"a template's parameter has no name: {shown(entry)}")
        default = facts.get("defaultValue")
        return cls(
            name=str(facts["name"]),
            label=str(facts.get("label", "")),
            help_text=str(facts.get("helpText", "")),
            optional=bool(facts.get("isOptional", False)),
            regexes=_strings(facts.get("regexes")),
            kind=str(facts.get("paramType") or "DEFAULT"),
            options=tuple(_option(entry) for entry in facts.get("enumOptions") or ()),
            default=None if default is None else str(default),
            group=str(facts.get("groupName", "")),
            parent=str(facts.get("parentName", "")),
            triggers=_strings(facts.get("parentTriggerValues")),
            hidden=bool(facts.get("hiddenUi", False)),
        )

    @property
    def values(self) -> tuple[str, ...]:
        """The values that an ENUM parameter accepts."""
        return tuple(option.value for option in self.options)

    def counts(self, values: Mapping[str, str]) -> bool:
        """Whether it applies, given the value of its parent, if it has one."""
        value = values.get(self.parent, "")
        return not self.parent or (value in self.triggers if self.triggers else bool(value))

    @property
    def condition(self) -> str:
        """When it applies, in words; empty if always."""
        if not self.parent:
            return ""
        return f"{self.parent} is {' or '.join(self.triggers)}" if self.triggers else f"{self.parent} is given"


class TemplateInfo(Struct, frozen=True, kw_only=True):
    """A template's metadata.

    :param takes_any: whether it accepts any undeclared parameter, as the Beam YAML template does: these are pipeline options.
    :param is_flex: whether it is a Flex template; the service then also accepts pipeline options as parameters.
    """

    name: str = ""
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    streaming: bool = False
    takes_any: bool = False
    is_flex: bool = False

    @classmethod
    def read(cls, value: Any) -> TemplateInfo:
        """The metadata in a GetTemplateResponse, a Flex template's container spec, or a TemplateMetadata.

        :raises InvalidInputError: ``value`` holds no metadata.
        """
        outer = _camel(value, "template metadata")
        if "metadata" not in outer and "parameters" not in outer:
            raise InvalidInputError("this holds no template metadata: there is neither metadata nor parameters in it")
        facts = _camel(outer.get("metadata", outer), "template metadata")
        parameters = facts.get("parameters") or ()
        if not isinstance(parameters, Sequence) or isinstance(parameters, str):
            raise InvalidInputError(f"the parameters of template metadata must be a list, not {type(parameters).__name__}")
        runtime = _camel(outer.get("runtimeMetadata") or outer, "runtimeMetadata")
        sdk = _camel(runtime.get("sdkInfo") or {}, "sdkInfo")
        return cls(
            name=str(facts.get("name", "")),
            description=str(facts.get("description", "")),
            parameters=tuple(Parameter.read(entry) for entry in parameters),
            streaming=bool(facts.get("streaming", False)),
            takes_any=sdk.get("language") == "YAML",
        )


def _option(entry: Any) -> Option:
    facts = _camel(entry, "an enum option")
    return Option(value=str(facts.get("value", "")), label=str(facts.get("label", "")))


def _strings(values: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in values or ())


def _camel(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{what} must be a mapping, not {type(value).__name__}")
    return {re.sub(r"_([a-z])", lambda found: found[1].upper(), str(key)): entry for key, entry in value.items()}
