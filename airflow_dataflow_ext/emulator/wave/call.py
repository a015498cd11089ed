"""The form of a call to the emulated org, and the table of the functions that answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.wave import methods as api
from airflow_dataflow_ext.emulator.http.answers import Answers
from airflow_dataflow_ext.emulator.http.errors import ApiError, missing, short
from airflow_dataflow_ext.emulator.http.router import Incoming
from airflow_dataflow_ext.emulator.wave.org import WaveOrg
from airflow_dataflow_ext.emulator.wave.runs import Json

NO_RESOURCE = "The requested resource does not exist"
NEWEST_VERSION = 68
"""The newest API version of the org."""


@dataclass(frozen=True, slots=True)
class WaveCall:
    """One checked call."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    version: int

    def url(self, path: str) -> str:
        """The path of a resource in this API version, as replies contain it."""
        return f"/services/data/v{self.version}.0/wave/{path}"


answers: Answers[Callable[[WaveOrg, WaveCall], Json]] = Answers()
"""The functions that answer the methods."""


def read_call(incoming: Incoming) -> WaveCall:
    """Check a request before anything changes.

    :raises ApiError: the API version is unknown or does not have the method, or the body is not a JSON object.
    """
    version = read_version(incoming.path["version"])
    if version < api.SINCE[incoming.method.id]:
        raise missing(NO_RESOURCE)
    body = _read_body(incoming) if incoming.method.body else {}
    known = {name: value for name, value in incoming.query.items() if version >= api.QUERY_SINCE.get((incoming.method.id, name), 0)}
    return WaveCall(incoming.path, known, body, version)


def _read_body(incoming: Incoming) -> Json:
    try:
        body = incoming.json()
    except ApiError as error:
        raise ApiError(400, str(error), code="JSON_PARSER_ERROR") from error
    if not isinstance(body, dict):
        raise ApiError(400, "The body must be a JSON object.", code="JSON_PARSER_ERROR")
    return body


def read_version(text: str) -> int:
    """The number of an API version, ``59`` for ``59.0``.

    :raises ApiError: 404 if the org does not have this version.
    """
    try:
        version = api.number_of(text)
    except InvalidInputError as error:
        raise missing(NO_RESOURCE) from error
    if version > NEWEST_VERSION:
        raise missing(NO_RESOURCE)
    return version


def read_id(value: object, prefix: str = "") -> str:
    """An id in its long form.

    :raises ApiError: 400 if it is not an id, or has another prefix.
    """
    try:
        found = api.full_id(value if isinstance(value, str) else "")
    except InvalidInputError as error:
        raise ApiError(400, f"malformed id {short(value)}", code="MALFORMED_ID") from error
    if not found.startswith(prefix):
        raise ApiError(400, f"The id {value} must start with {prefix}.", code="MALFORMED_ID")
    return found
