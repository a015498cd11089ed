"""The description of a REST action, its request and its answer: ``Method``, ``Request``, ``Reply``, ``NoReply``.

Nothing here knows a service, opens a connection or reads a clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from msgspec import Struct, field
from msgspec.structs import replace

from airflow_dataflow_ext.api.rest.arguments import identifier, snake
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidInputError
from airflow_dataflow_ext.api.rest.steps import Step

Json = dict[str, Any]

LONGEST_TARGET = 300
"""Greatest length of a request's target in a message, in characters."""


ALWAYS = ("",)
"""Matches every refusal."""


def as_json(value: Struct) -> Json:
    """The fields of a value by name: values in it become objects, and tuples become lists."""
    return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}


def _plain(value: Any) -> Any:
    if isinstance(value, Struct):
        return as_json(value)
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value


def part(value: Mapping[str, Any], name: str) -> Json:
    """A field that is an object; empty if it is missing, or anything else."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


class Refusal(Struct, frozen=True):
    """What a method's refusal means, beyond its status.

    :param advice: a sentence on what may help, which follows the service's own text.
    :param lasting: words in the service's code or text that mean that the request will be refused until a person changes something, so
        that a retry is pointless. Case does not matter; :data:`ALWAYS` matches every refusal.
    :param unless: words that mean that the refusal is temporary all the same.
    :param header: name of a reply header, in lower case, whose value replaces ``{header}`` in the advice.
    :param error: class of the error, if it does not follow from the status.
    """

    advice: str = ""
    lasting: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    header: str = ""
    error: type[CallError] | None = None

    def lasts(self, words: str) -> bool:
        """Whether a refusal with these words is lasting."""
        said = words.lower()
        return any(word.lower() in said for word in self.lasting) and not any(word.lower() in said for word in self.unless)


class Method(Struct, frozen=True, kw_only=True):
    """The description of one REST action of a service.

    The hook calls it, the emulator routes by it, the docs print it, and a test compares it with the service's own description.

    :param id: the service's name for it, for example ``jobs.get``.
    :param verb: the HTTP method.
    :param path: path template below the service's root, with ``{placeholders}``.
    :param query: names of the query parameters that the service knows.
    :param body: schema name of the request body, or ``None`` if there is none.
    :param reply: schema name of the reply's body.
    :param repeatable: whether sending the request twice has the same effect as once; only then is it repeated after a lost answer.
    :param items: the reply's field that holds the entries, if the reply comes in pages.
    :param needs: the field without which a reply counts as no answer; empty if there is none.
    :param wide: the same action on a path without a location, if the service has one.
    :param refusals: the meaning of refusals, by the service's code or, if the code has no row, by status.
    :param root: root URL of the service; empty for the main service of a connection.
    """

    id: str
    verb: str
    path: str
    query: tuple[str, ...] = ()
    body: str | None = None
    reply: str
    repeatable: bool
    items: str | None = None
    needs: str = ""
    wide: Method | None = None
    refusals: Mapping[int | str, Refusal] = field(default_factory=dict)
    root: str = ""

    def __hash__(self) -> int:
        return hash((self.id, self.verb, self.path))  # a mapping, such as refusals, has no hash

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Names of the path's placeholders, in order."""
        return tuple(name for _, name, _, _ in Formatter().parse(self.path) if name)

    def variants(self) -> Iterator[Method]:
        """This method and, if there is one, its variant without a location."""
        yield self
        if self.wide is not None:
            yield self.wide

    def request(self, body: Mapping[str, Any] | None = None, /, **values: Any) -> Request:
        """The request with its path and query filled in; a value of ``None`` counts as not given.

        Without a ``location``, the request uses the path that has none.

        :raises InvalidInputError: a path value is missing or invalid, a name is unknown, or a body is missing or not allowed.
        """
        given = {name: value for name, value in values.items() if value is not None}
        if self.wide is not None and "location" not in given:
            return self.wide.request(body, **given)
        names = self.placeholders
        unknown = sorted(set(given) - set(names) - set(self.query))
        if unknown:
            known = ", ".join((*names, *self.query))
            raise InvalidInputError(f"{self.id} has no parameter {', '.join(unknown)}; it takes {known}")
        if (body is None) != (self.body is None):
            need = f"needs a body of type {self.body}" if self.body else "takes no body"
            raise InvalidInputError(f"{self.id} {need}")
        path = self.path.format(**{name: quote(identifier(given.get(name), f"{self.id}: {snake(name)}"), safe="") for name in names})
        query = tuple((name, _wire(given[name])) for name in self.query if name in given)
        return Request(method=self, path=path, query=query, body=body)


def _wire(value: Any) -> str:
    """A query value as both services read it: booleans in lower case, lists with commas, everything else as text."""
    if isinstance(value, list | tuple):
        return ",".join(map(_wire, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


class Request(Step, frozen=True, kw_only=True):
    """A request to a service, without host and token. Answer: a Reply or a NoReply."""

    method: Method
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def target(self) -> str:
        """Path and query, as in the request line."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def following(self, body: Mapping[str, Any]) -> Request | None:
        """The request for the page after the one in ``body``, by token (Google) or relative URL (Salesforce); None after the last page."""
        if token := body.get("nextPageToken"):
            return replace(self, query=(*(pair for pair in self.query if pair[0] != "pageToken"), ("pageToken", str(token))))
        if url := body.get("nextPageUrl"):
            path, _, query = str(url).lstrip("/").partition("?")
            return replace(self, path=path, query=tuple(parse_qsl(query)))
        return None

    def __str__(self) -> str:
        target = self.target
        return f"{self.method.verb} {target if len(target) <= LONGEST_TARGET else target[:LONGEST_TARGET] + '…'}"


class Reply(Struct, frozen=True, kw_only=True):
    """What a service answered.

    :param headers: names in lower case.
    :param took: seconds from sending the request to receiving the whole body.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    took: float = 0.0

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON; an empty body becomes an empty object.

        :raises ValueError: the body is not JSON, for example because it was truncated.
        """
        try:
            return json.loads(self.content) if self.content.strip() else {}
        except RecursionError:
            raise ValueError("JSON with too many levels") from None


class NoReply(Struct, frozen=True, kw_only=True):
    """There was no answer: the connection was refused, reset or cut off, or timed out.

    :param reason: why, without a period.
    :param took: seconds until then.
    :param sent: whether the request may have left this machine, so that it is unknown whether it took effect.
    :param nobody: whether nothing listens at an address of this machine, or the server has no valid certificate; a retry hardly helps.
    """

    reason: str
    took: float = 0.0
    sent: bool = True
    nobody: bool = False


def path_pattern(path: str) -> re.Pattern[str]:
    """A regular expression that matches the paths of a template, for routing."""
    parts = []
    for text, name, _, _ in Formatter().parse(path):
        values = "[^/]+" if name == "projectId" else "[^/:]+"  # old projects are called domain.com:name
        parts.append(re.escape(text) + (f"(?P<{name}>{values})" if name else ""))
    return re.compile("/?" + "".join(parts))
