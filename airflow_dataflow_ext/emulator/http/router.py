"""The interface between the server and an emulated service, without sockets or a web framework."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote

from airflow_dataflow_ext.api.rest.method import Method, path_pattern
from airflow_dataflow_ext.emulator.http.errors import ApiError, envelope, invalid
from airflow_dataflow_ext.emulator.http.payload import read_json

NAME = "localhost"
"""The host name that the emulator uses for itself; over plain HTTP, Beam accepts no other."""

_JSON = "application/json; charset=UTF-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request, matched to a method.

    :param path: values of the path's placeholders, decoded.
    :param headers: names in lower case.
    """

    method: Method
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes

    def token(self) -> str | None:
        """The token of the ``Authorization`` header, empty if it has another scheme than Bearer; None without the header."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return (token.strip() if scheme.lower() == "bearer" else "") if scheme else None

    def json(self) -> Any:
        """The body as JSON; an empty body becomes an empty object.

        :raises ApiError: 400 if it is not JSON.
        """
        return read_body(self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An answer."""

    status: int = 200
    content: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = _JSON


class Service(Protocol):
    """One emulated service."""

    prefix: str
    """The prefix of the service's paths; an unknown path below it is refused in the service's own form."""

    any_case: bool
    """Whether its paths ignore case and additional slashes at the end."""

    def methods(self) -> Iterable[Method]:
        """The methods that it answers, on paths with and without a location."""

    def answer(self, incoming: Incoming) -> Outgoing:
        """
        :raises ApiError: it refuses, and nothing has changed.
        """

    def refuse(self, error: ApiError) -> Outgoing:
        """The answer for an error, in the service's own form."""

    def job_name(self, incoming: Incoming) -> str:
        """The name of the job that a request is about, or an empty text; faults can be limited to it."""


def _pattern(path: str, *, any_case: bool) -> re.Pattern[str]:
    exact = path_pattern(path)
    return re.compile(f"/*{exact.pattern}/*", re.IGNORECASE) if any_case else exact


class Router:
    """Finds the method of a request line."""

    def __init__(self, services: Iterable[Service]) -> None:
        self._services = list(services)
        self._routes = [
            (variant.verb, _pattern(variant.path, any_case=service.any_case), service, variant)
            for service in self._services
            for method in service.methods()
            for variant in method.variants()
        ]

    @property
    def method_ids(self) -> set[str]:
        """The ids of all methods."""
        return {method.id for _, _, _, method in self._routes}

    def find(self, verb: str, raw_path: str) -> tuple[Service, Method, dict[str, str]] | None:
        """Service, method and decoded path values; None for an unknown path."""
        for known, pattern, service, method in self._routes:
            match = pattern.fullmatch(raw_path) if known == verb else None
            if match:
                return service, method, {name: unquote(value) for name, value in match.groupdict().items()}
        return None

    def owner(self, raw_path: str) -> Service:
        """The service that refuses an unknown path."""
        path = raw_path.lstrip("/")
        return next((service for service in self._services if path.startswith(service.prefix)), self._services[0])


def read_body(content: bytes) -> Any:
    """A body as JSON; an empty body becomes an empty object.

    :raises ApiError: 400 if it is not JSON.
    """
    try:
        return read_json(content) if content.strip() else {}
    except ValueError as error:
        raise invalid(f"Invalid JSON payload received. {error}") from error


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Outgoing:
    """An answer with a JSON body."""
    return Outgoing(status=status, content=json.dumps(value, separators=(",", ":")).encode(), headers=headers or {})


def google_refusal(error: ApiError) -> Outgoing:
    """A refusal in Google's envelope."""
    return as_json(envelope(error), error.status)
