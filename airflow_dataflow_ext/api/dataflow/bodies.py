"""Converts what a user gives to a launch to parts of its body: parameters, environment, labels, places."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_dataflow_ext.api.dataflow.fields import FIELDS
from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.names import check_labels, merge_labels
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import mapping, read, text

LABELS = "additionalUserLabels"
_ZONES = ("zone", "workerZone", "workerRegion")
_OBJECT = re.compile(r"gs://[^/\s]+/(\S|\S.*[^/\s])")
_URL = re.compile(
    r"(?i)^(gs:/*|(https?://)?storage\.(googleapis|cloud\.google)\.com/|https?://console\.cloud\.google\.com/storage/browser/(_details/)?)"
)
_REGION = re.compile(r"([a-z]+-[a-z]+[0-9]+)(-[a-z])?")


def read_body(schema: str, value: Any, at: str) -> Json:
    """A user's mapping as a body of a schema, without values that are None.

    :param at: name of the argument, for the error message.
    :raises InvalidInputError: a value does not fit its field; the message names the field.
    """
    found: Json = read(schema, value, at, FIELDS) or {}
    return found


def read_field(schema: str, name: str, value: Any, at: str) -> Any:
    """A value converted to the type of a field; None means "not given".

    :raises InvalidInputError: it does not fit.
    """
    return read(FIELDS[schema][name], value, at, FIELDS)


def check_gcs_path(path: Any, argument: str) -> str:
    """Check a Cloud Storage path.

    :raises InvalidInputError: it is not ``gs://bucket/object``.
    """
    found = text(path, argument) if path is not None else ""
    if not _OBJECT.fullmatch(found):
        meant = _URL.sub("gs://", found.strip()).rstrip("/")
        hint = f"; did you mean {shown(meant)}?" if meant != found and _OBJECT.fullmatch(meant) else ""
        raise InvalidInputError(f"{argument} must be a gs://bucket/object path, not {shown(path)}{hint}")
    return found


def check_parameters(parameters: Any, argument: str = "parameters") -> dict[str, str]:
    """Template parameters as the API takes them: a map of strings.

    Booleans, numbers, times, and lists of these (joined with commas) become text; None is omitted. Any other value is an error, since
    each template would read its text in another way.

    :raises InvalidInputError: a value is of another type; the message names the parameter.
    """
    return {name: _parameter(value, f"{argument}[{shown(name)}]") for name, value in mapping(parameters, argument).items()}


def _parameter(value: Any, argument: str) -> str:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes | bytearray):
        return text(value, argument)
    entries = [text(entry, argument) for entry in value]
    for entry in entries:
        if "," in entry:
            raise InvalidInputError(
                f"{argument}: the entry {shown(entry)} of the list holds a comma, which separates entries for the template; "
                "give the parameter as the text that the template is to get"
            )
    return ",".join(entries)


def read_environment(schema: str, environment: Any, argument: str = "environment") -> Json:
    """Check a runtime environment. Unknown fields are passed on, so that new fields of the service work at once.

    :raises InvalidInputError: a field has the wrong type, a label breaks Google's rules, or workerRegion and workerZone are both given.
    """
    found = read_body(schema, environment, argument)
    if found.get("workerRegion") and found.get("workerZone"):
        raise InvalidInputError(f"{argument} must not hold both workerRegion and workerZone")
    check_kinds_of_place(found, argument)
    if LABELS in found:
        found[LABELS] = check_labels(found[LABELS], f"{argument}.{LABELS}")
    return found


def labelled(environment: Mapping[str, Any], ours: Mapping[str, str]) -> Json:
    """An environment with this package's labels in addition to the user's."""
    return {**environment, LABELS: merge_labels(environment.get(LABELS, {}), ours)}


def parts_of(environment: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The parts that can say where the workers run: the environment and, for a job, its worker pools."""
    return environment, *environment.get("workerPools", ())


def check_kinds_of_place(environment: Mapping[str, Any], argument: str) -> None:
    """Check that a field for a zone holds a zone, and a field for a region a region.

    :raises InvalidInputError: a field holds the other kind.
    """
    for name, place in ((name, part[name]) for part in parts_of(environment) for name in _ZONES if part.get(name)):
        found = _REGION.fullmatch(str(place))
        if found and bool(found[2]) == (name == "workerRegion"):
            what, other = ("region", "workerZone") if name == "workerRegion" else ("zone", "workerRegion")
            raise InvalidInputError(f"{argument}.{name} must be a {what}, not {shown(place)}; did you mean {other}?")


def check_zone(environment: Mapping[str, Any], place: Place) -> None:
    """Check that the workers' zone lies in the job's location, for a launch whose location is only a default.

    :raises InvalidInputError: the zone lies in another region.
    """
    for name, zone in ((name, part[name]) for part in parts_of(environment) for name in _ZONES if part.get(name)):
        region = _REGION.fullmatch(str(zone))
        if region is not None and region[1] != place.location:
            raise InvalidInputError(
                f"{name} is {shown(zone)}, and no location is given, so the job would be in {place.location}: "
                f"give location={region[1]!r}, or location={place.location!r} if the two are to differ"
            )
