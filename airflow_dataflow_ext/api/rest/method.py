"""The form in which a REST action is described, asked and answered: ``Method``, ``Request``, ``Reply``, ``NoReply``.

Nothing here knows a service, opens a connection or reads a clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from string import Formatter
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from airflow_dataflow_ext.api.rest.arguments import identifier, snake
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidInputError
from airflow_dataflow_ext.api.rest.steps import Step

Json = dict[str, Any]

LONGEST_TARGET = 300
"""Characters of a request's target that are shown."""


ALWAYS = ("",)
"""Words that every refusal holds."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refusal by a method means beside its status.

    :param advice: a sentence on what may help; it follows the service's own text.
    :param lasting: words of the service, in its code or its text, which say that the same request is refused until a person changes
        something, so that a later try is not worth it; case does not matter, and :data:`ALWAYS` needs no words.
    :param unless: words which say that it passes all the same.
    :param header: name of a reply's header, in lower case, whose value takes the place of ``{header}`` in the advice.
    :param error: the error that it is, where the status alone does not tell.
    """

    advice: str = ""
    lasting: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    header: str = ""
    error: type[CallError] | None = None

    def lasts(self, words: str) -> bool:
        """Whether a refusal in these words is a lasting one."""
        said = words.lower()
        return any(word.lower() in said for word in self.lasting) and not any(word.lower() in said for word in self.unless)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One REST action of a service, stated once.

    The hook calls it, the emulator routes by it, the docs print it, and a test compares it with the service's own description.

    :param id: the service's name for it, for example ``jobs.get``.
    :param verb: the HTTP method.
    :param path: path template below the service's root, with ``{placeholders}``.
    :param query: names of the query parameters that the service knows.
    :param body: schema name of the request body, or ``None`` when there is none.
    :param reply: schema name of the reply's body.
    :param repeatable: whether asking twice has the same effect as asking once; only then is a lost answer asked for again.
    :param items: the reply's field that holds the entries, when the reply comes in pages.
    :param wide: the same action on a path without a location, where the service has one.
    :param refusals: what its refusals mean, by the service's code or, where that has no row, by status.
    :param root: URL of the service, where a connection reaches more than one; empty for the connection's first.
    """

    id: str
    verb: str
    path: str
    query: tuple[str, ...] = ()
    body: str | None = None
    reply: str
    repeatable: bool
    items: str | None = None
    wide: Method | None = None
    refusals: Mapping[int | str, Refusal] = field(default_factory=dict, hash=False)
    root: str = ""

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Names that the path needs, in their order."""
        return tuple(name for _, name, _, _ in Formatter().parse(self.path) if name)

    def variants(self) -> Iterator[Method]:
        """This method and, where there is one, its twin without a location."""
        yield self
        if self.wide is not None:
            yield self.wide

    def request(self, body: Mapping[str, Any] | None = None, /, **values: Any) -> Request:
        """Fill in the path and the query; a value of ``None`` counts as not given.

        Without a ``location`` the wide twin is asked.

        :raises InvalidInputError: a path value is missing or cannot be one, a name is unknown, or a body is missing or not taken.
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
    """A query value as Google's JSON APIs read it: booleans in lower case, everything else as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Step):
    """One question to a service, ready to be sent: no host, no token, no clock."""

    method: Method
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def target(self) -> str:
        """Path and query, as they stand in the request line after the host."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def following(self, body: Mapping[str, Any]) -> Request | None:
        """The request for the page after the one in ``body``: by token (Google) or by server-relative URL (Salesforce)."""
        if token := body.get("nextPageToken"):
            return replace(self, query=(*(pair for pair in self.query if pair[0] != "pageToken"), ("pageToken", str(token))))
        if url := body.get("nextPageUrl"):
            path, _, query = str(url).lstrip("/").partition("?")
            return replace(self, path=path, query=tuple(parse_qsl(query)))
        return None

    def __str__(self) -> str:
        target = self.target
        return f"{self.method.verb} {target if len(target) <= LONGEST_TARGET else target[:LONGEST_TARGET] + '…'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a service answered.

    :param headers: names in lower case.
    :param took: seconds from sending to having the whole body.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    took: float = 0.0

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON; an empty body is an empty object.

        :raises ValueError: the body is no JSON, for example because it was cut off.
        """
        return json.loads(self.content) if self.content.strip() else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoReply:
    """The answer did not come: connection refused, reset, timed out, or cut off.

    :param reason: why, without a period.
    :param took: seconds.
    :param sent: whether the request may have left this machine; then it is unknown whether it took effect.
    :param nobody: nothing listens at the address, which is on this machine, or what does shows no good certificate: waiting longer hardly
        helps.
    """

    reason: str
    took: float = 0.0
    sent: bool = True
    nobody: bool = False


def path_pattern(path: str) -> re.Pattern[str]:
    """A regular expression that matches the filled-in form of a path template, for routing."""
    parts = []
    for text, name, _, _ in Formatter().parse(path):
        values = "[^/]+" if name == "projectId" else "[^/:]+"  # old projects are called domain.com:name
        parts.append(re.escape(text) + (f"(?P<{name}>{values})" if name else ""))
    return re.compile("/?" + "".join(parts))
