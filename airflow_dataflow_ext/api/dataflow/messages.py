"""Job messages: the conversation that logs each new one once."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_dataflow_ext.api.dataflow.methods import Message
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import items, pages
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidInputError
from airflow_dataflow_ext.api.rest.method import Json, part
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
"""How many looks at the state of a job that sends no messages may pass, at most, between two requests for messages."""


SAME_TIME = 50
"""How many of the last autoscaling events are compared to recognise one that is listed again."""


def check_importance(importance: str | None) -> None:
    """
    :raises InvalidInputError: the service has no such importance.
    """
    if importance is not None and importance not in LEVELS:
        raise InvalidInputError(f"{shown(importance)} is not a message importance; they are {', '.join(LEVELS)}")


class MessageStream:
    """Follows the messages of one job; remembers what it has logged.

    :param job: the job's path values.
    :param importance: least importance of the messages that are logged; ``None`` logs none.
    :param mark: how far another stream has logged this job; see :meth:`mark`.
    :raises InvalidInputError: there is no such importance.
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
        """How many looks at an unchanged job may pass before messages are read again."""
        return math.inf if self._importance is None else self._every

    def mark(self) -> Json:
        """How far it has logged, as JSON, so that another stream can continue from there."""
        return {"since": self._since, "logged": sorted(self._logged_at_since)}

    def follow(self, *, retry_for: float) -> Conversation[None]:
        """Log new messages. Those of a job that sends none are read less and less often.

        An error here never ends a wait: the messages are logged next time, or never if the account may not read them.
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
        """The job's error messages, after a short wait for late ones; empty if it has none, or the account may not read them.

        They are read from the job's beginning: a late one can have an earlier time than the message that was logged last.
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
        since = self._since or None  # inclusive: messages of exactly that time are listed again
        request = Message.list.request(**self._job, minimumImportance=importance, startTime=since)
        bodies = yield from pages(request, retry_for=retry_for)
        self._note(items(bodies, "autoscalingEvents"))
        fresh = list(self._remember(items(bodies, "jobMessages")))
        for message in fresh:
            yield _said(message)
        return bool(fresh)

    def _note(self, events: Iterator[Json]) -> None:
        """Keep the reply's autoscaling events, without those that were listed before."""
        for event in events:
            reason = str(part(event, "description").get("messageText", ""))[:200]
            known = {name: _count(event.get(f"{name}NumWorkers")) for name in ("current", "target")}
            found = {"time": str(event.get("time", "")), **known, "reason": reason}
            if found not in self.scaling[-SAME_TIME:]:
                self.scaling.append(found)

    def _remember(self, messages: Iterator[Json]) -> Iterator[Json]:
        for message in messages:
            time, key = str(message.get("time") or self._since), f"{message.get('id')} {message.get('messageText')}"
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
    """A count that the service returns as text, or omits if it is 0."""
    text = str(value or 0)
    return int(text) if text.isdecimal() else None


def _said(message: Mapping[str, Any]) -> Say:
    return Say(str(message.get("messageText", "")), LEVELS.get(str(message.get("messageImportance")), logging.INFO))


def _sortable(time: str) -> str:
    """An RFC 3339 time whose fraction of a second has full length, so that sorting as text sorts by time."""
    head, _, fraction = time.rstrip("Z").partition(".")
    return f"{head}.{fraction:0<9}"
