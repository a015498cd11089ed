"""The base of Google's JSON services: tokens, typed queries and bodies, partial replies, and replies without empty fields."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.emulator.dataflow.partial import select, selected
from airflow_dataflow_ext.emulator.google.oauth import IssuedTokens
from airflow_dataflow_ext.emulator.google.schemas import Schemas
from airflow_dataflow_ext.emulator.http.errors import ApiError, invalid, short
from airflow_dataflow_ext.emulator.http.router import Incoming, Outgoing, google_refusal


class JsonService(ABC):
    """One of Google's services.

    :param schemas: schemas of its requests and replies.
    :param tokens: checks the tokens of callers.
    """

    prefix: str
    any_case = False

    def __init__(self, schemas: Schemas, tokens: IssuedTokens) -> None:
        self._schemas = schemas
        self._tokens = tokens

    @abstractmethod
    def methods(self) -> Iterable[Method]:
        """The methods that it answers."""

    @abstractmethod
    def reply(self, incoming: Incoming, query: dict[str, Any], body: dict[str, Any]) -> Mapping[str, Any] | bytes:
        """The reply's body; bytes are already serialized.

        :param query: the typed query, without the parameters that all methods have.
        :raises ApiError: the request is refused; nothing has changed.
        """

    @abstractmethod
    def check(self, incoming: Incoming) -> None:
        """Check the values in the path.

        :raises ApiError: a value is not valid.
        """

    def answer(self, incoming: Incoming) -> Outgoing:
        self._tokens.check(incoming)
        method = incoming.method
        common = self._schemas.read_common(incoming.query)
        selection = selected(common.get("fields", ""), method.reply, self._schemas.document["schemas"])
        if common.get("alt", "json").partition(";")[0] != "json":
            raise invalid(f"alt={short(common['alt'])} is not supported; the emulator returns only JSON")
        self.check(incoming)
        query, sent = self._schemas.read_query(method, incoming.query), incoming.json()
        if sent and not method.body:
            raise invalid(f"Invalid JSON payload received. {method.id} takes no body")
        reply = self.reply(incoming, query, self._schemas.read_body(method.body, sent) if method.body else {})
        if selection:
            found = json.loads(reply) if isinstance(reply, bytes) else self._schemas.lean(method.reply, reply)
            return Outgoing(content=_dump(select(selection, found)))
        return Outgoing(content=reply if isinstance(reply, bytes) else _dump(self._schemas.lean(method.reply, reply)))

    def refuse(self, error: ApiError) -> Outgoing:
        return google_refusal(error)

    def job_name(self, incoming: Incoming) -> str:
        """The name of the job that a request is about; empty by default."""
        return ""


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
