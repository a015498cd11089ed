"""The two smallest conversations: one question with its retries, and the pages of a list."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from itertools import count
from typing import Any

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.error_mapping import error_of, worth_retrying
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidRequestError, NoAnswerError
from airflow_dataflow_ext.api.rest.method import Json, NoReply, Reply, Request
from airflow_dataflow_ext.api.rest.steps import Conversation, Renew, Say, Sleep

_REFUSED_UNDONE = frozenset({403, 429})
"""Refusals that come before any effect, so that even a launch may be sent again once they pass."""


def ask(request: Request, *, retry_for: float | None = budgets.RETRY_FOR) -> Conversation[Any]:
    """One question, asked again while the trouble may pass; returns the reply's JSON.

    A request whose effect could double is not sent again unless the service refused it before doing anything.

    :param retry_for: seconds, counting the calls and the pauses; ``None`` asks for ever.
    :raises CallError: the service refused, or there was trouble for longer than ``retry_for``.
    """
    spent, renewed = 0.0, False
    for attempt in count():
        answer = yield request
        spent += answer.took
        if isinstance(answer, Reply) and answer.ok:
            try:
                return answer.json()
            except ValueError:
                answer = NoReply(reason="the body of the reply was cut off", took=answer.took)
        if isinstance(answer, Reply) and answer.status == 401 and not renewed:
            renewed = True
            yield Renew()
            continue
        error = _trouble(request, answer, spent)
        pause = backoff(attempt, answer)
        repeatable = request.method.repeatable or error.status in _REFUSED_UNDONE
        if not (worth_retrying(answer) and repeatable) or (retry_for is not None and spent + pause > retry_for):
            raise error
        yield Say(f"{error} Asking again in {pause:.1f} s.", logging.WARNING if attempt else logging.INFO)
        yield Sleep(pause)
        spent += pause
        renewed = False
    raise AssertionError("count() does not end")


def _trouble(request: Request, answer: Reply | NoReply, spent: float) -> CallError:
    if isinstance(answer, Reply):
        return error_of(request, answer)
    return NoAnswerError(f"{request} got no answer in {spent:.0f} s: {answer.reason}.", request=str(request))


def backoff(attempt: int, answer: Reply | NoReply | None = None) -> float:
    """Seconds until the next try: what the service asked for with Retry-After, else doubling; always with jitter upwards."""
    asked = retry_after(answer) if isinstance(answer, Reply) else None
    base = asked if asked is not None else min(budgets.FIRST_PAUSE * 2.0 ** min(attempt, 10), budgets.LONGEST_PAUSE)
    return base * random.uniform(1.0, 1.25)


def retry_after(reply: Reply) -> float | None:
    """Seconds of the Retry-After header, which holds seconds or a date (RFC 9110, 10.2.3); None without a usable one.

    A date counts from the reply's own Date header, so that the clocks of two machines need not agree.
    """
    value = reply.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        now = parsedate_to_datetime(reply.headers["date"])
    except (ValueError, KeyError):
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now.replace(tzinfo=now.tzinfo or UTC)).total_seconds())


def pages(
    request: Request, *, retry_for: float | None = budgets.RETRY_FOR, limit: int | None = None, keep: Callable[[Json], Json] | None = None
) -> Conversation[list[Json]]:
    """All pages of a list, as the bodies of the replies; once more from the start when a page token has expired.

    :param limit: stop after the page that reaches so many items.
    :param keep: what is kept of each body, by default all of it.
    :raises CallError: see :func:`ask`.
    """
    for last in (False, True):
        try:
            return (yield from _pages(request, retry_for, limit, keep))
        except _ExpiredPageError as expired:
            if last:
                raise expired.cause from None
    raise AssertionError("the second round returns or raises")


class _ExpiredPageError(Exception):
    """A page after the first was refused: its token no longer holds."""

    def __init__(self, cause: CallError) -> None:
        self.cause = cause


def _pages(first: Request, retry_for: float | None, limit: int | None, keep: Callable[[Json], Json] | None) -> Conversation[list[Json]]:
    found: list[Json] = []
    request: Request | None = first
    while request is not None:
        try:
            body = yield from ask(request, retry_for=retry_for)
        except InvalidRequestError as refused:
            if found:
                raise _ExpiredPageError(refused) from None
            raise
        found.append(body if keep is None else keep(body))
        if limit is not None and sum(1 for _ in items(found, first.method.items or "")) >= limit:
            break
        request = first.following(body)
    return found


def items(bodies: list[Json], key: str) -> Iterator[Json]:
    """The entries of all pages in their order."""
    for body in bodies:
        yield from body.get(key, ())
