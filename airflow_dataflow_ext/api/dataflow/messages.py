"""Job messages: the conversation that brings new ones to the log, each once."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_dataflow_ext.api.dataflow.methods import Message
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import items, pages
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidInputError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Say, Sleep
from airflow_dataflow_ext.api.rest.texts import shown

LEVELS: Mapping[str, int] = {
    # https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.jobs.messages/list#jobmessageimportance
    "JOB_MESSAGE_DEBUG": logging.DEBUG,
    "JOB_MESSAGE_DETAILED": logging.INFO,
    "JOB_MESSAGE_BASIC": logging.INFO,
    "JOB_MESSAGE_WARNING": logging.WARNING,
    "JOB_MESSAGE_ERROR": logging.ERROR,
}
ERROR = "JOB_MESSAGE_ERROR"
QUIETEST = 16
"""A job that says nothing is asked at most so many times less often than its state is."""


SAME_TIME = 50
"""How many of the last autoscaling events are looked at for one that comes again."""


def check_importance(importance: str | None) -> None:
    """
    :raises InvalidInputError: the service has no such importance.
    """
    if importance is not None and importance not in LEVELS:
        raise InvalidInputError(f"{shown(importance)} is not a message importance; they are {', '.join(LEVELS)}")


class MessageStream:
    """Follows the messages of one job; remembers what it has logged.

    :param job: the job as path values.
    :param importance: the least importance that is logged, or ``None`` for silence.
    :param mark: what another stream has logged of the same job, see :meth:`mark`.
    :raises InvalidInputError: no such importance.
    """

    def __init__(self, job: Mapping[str, str], importance: str | None, mark: Mapping[str, Any] | None = None) -> None:
        check_importance(importance)
        self._job = job
        self._importance = importance
        self._since = str(mark["since"]) if mark else ""
        self._logged_at_since: set[str] = set(mark["logged"]) if mark else set()
        self._errors: list[str] = []
        self._every = 1
        self.scaling: list[Json] = []

    @property
    def quiet_rounds(self) -> float:
        """For how many looks at the job's state, while that is the same, messages need not be asked for."""
        return math.inf if self._importance is None else self._every

    def mark(self) -> Json:
        """How far it has logged, as JSON, for a stream that goes on from there."""
        return {"since": self._since, "logged": sorted(self._logged_at_since)}

    def follow(self, *, retry_for: float) -> Conversation[None]:
        """Tell what is new. A job that says nothing is asked less and less often.

        Trouble with messages never ends a wait: they are logged at the next occasion, or not at all when they may not be read.
        """
        if self._importance is None:
            return
        try:
            fresh = yield from self._tell(self._importance, retry_for)
        except CallError as error:
            yield Say(f"The job's messages cannot be read: {error}", logging.WARNING)
            fresh = False
        self._every = 1 if fresh else min(self._every * 2, QUIETEST)

    def errors(self) -> Conversation[list[str]]:
        """The job's own error messages, waited for a little; none when it gave none or they may not be read.

        They are asked for from the job's beginning: one that comes late can bear a time before what was logged last.
        """
        request = Message.list.request(**self._job, minimumImportance=ERROR)
        for pause in budgets.ERROR_MESSAGE_PAUSES:
            if self._errors:
                break
            if pause:
                yield Sleep(pause)
            try:
                bodies = yield from pages(request, retry_for=pause)
            except CallError as error:
                yield Say(f"The job's messages cannot be read: {error}", logging.WARNING)
                break
            for message in items(bodies, "jobMessages"):
                self._errors.append(str(message.get("messageText", "")))
                yield _said(message)
        return list(dict.fromkeys(self._errors))

    def _tell(self, importance: str, retry_for: float) -> Conversation[bool]:
        since = self._since or None  # inclusive: what was logged at that very time comes again
        request = Message.list.request(**self._job, minimumImportance=importance, startTime=since)
        bodies = yield from pages(request, retry_for=retry_for)
        self._note(items(bodies, "autoscalingEvents"))
        fresh = list(self._remember(items(bodies, "jobMessages")))
        for message in fresh:
            yield _said(message)
        return bool(fresh)

    def _note(self, events: Iterator[Json]) -> None:
        """The reply's autoscaling events, those that begin at the same time as the messages among them."""
        for event in events:
            reason = str((event.get("description") or {}).get("messageText", ""))[:200]
            known = {name: _count(event.get(f"{name}NumWorkers")) for name in ("current", "target")}
            found = {"time": str(event.get("time", "")), **known, "reason": reason}
            if found not in self.scaling[-SAME_TIME:]:
                self.scaling.append(found)

    def _remember(self, messages: Iterator[Json]) -> Iterator[Json]:
        for message in messages:
            time, key = str(message.get("time", "")), f"{message.get('id')} {message.get('messageText')}"
            at, last = _sortable(time), _sortable(self._since)
            if at < last or (at == last and key in self._logged_at_since):
                continue
            if at != last:
                self._since, self._logged_at_since = time, set()
            self._logged_at_since.add(key)
            if message.get("messageImportance") == ERROR:
                self._errors.append(str(message.get("messageText", "")))
            yield message


def _count(value: Any) -> int | None:
    """A count that the service gives as text; it leaves out a zero."""
    text = str(value or 0)
    return int(text) if text.isdecimal() else None


def _said(message: Mapping[str, Any]) -> Say:
    return Say(str(message.get("messageText", "")), LEVELS.get(message.get("messageImportance", ""), logging.INFO))


def _sortable(time: str) -> str:
    """An RFC 3339 time whose fraction of a second has its full length, so that text order is time order."""
    head, _, fraction = time.rstrip("Z").partition(".")
    return f"{head}.{fraction:0<9}"
