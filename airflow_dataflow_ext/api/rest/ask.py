"""The two basic conversations: one request with its retries, and all pages of a list."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from itertools import count
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.error_mapping import error_of, readable, silence_of, worth_retrying
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidInputError, InvalidRequestError, ServiceError
from airflow_dataflow_ext.api.rest.method import Json, NoReply, Reply, Request
from airflow_dataflow_ext.api.rest.steps import Conversation, Renew, Say, Sleep
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import whole

T = TypeVar("T")
_REFUSED_UNDONE = frozenset({403, 429})
"""Refusals that come before any effect, so that even a launch may be sent again."""


class Trouble(Struct, frozen=True, kw_only=True):
    """An attempt that gave no result.

    :param error: the error to raise if no other attempt follows.
    :param passes: whether another attempt may help.
    :param took: seconds that it took.
    :param pause: seconds that the service asks to wait before the next attempt.
    :param within: seconds for which this kind of error is retried, if that is shorter than usual.
    """

    error: CallError
    passes: bool = True
    took: float = 0.0
    pause: float | None = None
    within: float = math.inf


def persist(once: Callable[[float], Conversation[T | Trouble]], *, retry_for: float | None) -> Conversation[T]:
    """Try until there is a result, while the error may be temporary. This function makes every retry of this package.

    :param once: makes one attempt; receives the seconds that earlier attempts took.
    :param retry_for: seconds for all attempts and pauses together; ``None`` retries without a limit.
    :raises CallError: the error is permanent, or lasted for longer than ``retry_for``.
    """
    spent = 0.0
    for attempt in count():
        found = yield from once(spent)
        if not isinstance(found, Trouble):
            return found
        spent += found.took
        pause = backoff(attempt, found.pause)
        if not found.passes or (retry_for is not None and spent + pause > min(retry_for, found.within)):
            raise found.error
        yield Say(f"{found.error} Asking again in {pause:.1f} s.", logging.WARNING if attempt else logging.INFO)
        yield Sleep(pause)
        spent += pause
    raise AssertionError("count() does not end")


def ask(request: Request, *, retry_for: float | None = budgets.RETRY_FOR) -> Conversation[Any]:
    """Send a request, and retry while the error may be temporary; returns the reply's JSON.

    A request that could take effect twice is sent again only if it never left this machine, or the service refused it before doing
    anything.

    :param retry_for: see :func:`persist`.
    :raises CallError: the service refused, or gave no good answer for ``retry_for`` seconds.
    """
    return (yield from persist(partial(_ask_once, request), retry_for=retry_for))


def _ask_once(request: Request, spent: float) -> Conversation[Any]:
    """The reply's JSON, or the Trouble; if the token is refused, one more attempt with a new token."""
    answer = yield request
    if isinstance(answer, Reply) and answer.status == 401:
        took = answer.took
        yield Renew()
        answer = yield request
        answer = replace(answer, took=answer.took + took)
    if isinstance(answer, Reply) and answer.ok:
        found = _read(answer, request.method.needs)
        if not isinstance(found, NoReply):
            return found
        answer = found
    if isinstance(answer, NoReply):
        trouble = trouble_of(answer, str(request), spent)
        return replace(trouble, passes=request.method.repeatable or not answer.sent)
    error = error_of(request, answer)
    repeatable = request.method.repeatable or answer.status in _REFUSED_UNDONE
    return Trouble(error=error, passes=repeatable and worth_retrying(answer), took=answer.took, pause=retry_after(answer))


def _read(reply: Reply, needs: str) -> Json | NoReply:
    """The JSON object of a good reply. Anything else counts as no answer: a proxy may have answered in the service's place.

    :param needs: see :class:`Method`.
    """
    try:
        body = reply.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and (not needs or body.get(needs)):
        return body
    if body is None and reply.content.lstrip().startswith(b"{"):
        reason = "the body of the reply was cut off"
    else:
        reason = f"the reply is not a JSON object{f' with {needs}' if needs else ''} but {shown(readable(reply.content))}"
    return NoReply(reason=reason, took=reply.took)


def trouble_of(answer: NoReply, question: str, spent: float = 0.0) -> Trouble:
    """The Trouble for a missing answer.

    :param question: the request, for the message.
    :param spent: seconds that earlier attempts took.
    """
    within = budgets.NOBODY_FOR if answer.nobody else math.inf
    return Trouble(error=silence_of(question, answer, spent + answer.took), took=answer.took, within=within)


def backoff(attempt: int, asked: float | None = None) -> float:
    """Seconds until the next attempt: what the service asked for, up to a limit, else a doubling pause; jitter is added to both.

    :param attempt: number of attempts before the last one.
    """
    if asked is not None:
        base = min(asked, budgets.LONGEST_RETRY_AFTER)
    else:
        base = min(budgets.FIRST_PAUSE * 2.0 ** min(attempt, 10), budgets.LONGEST_PAUSE)
    return jittered(base)


def jittered(seconds: float) -> float:
    """The seconds plus jitter, so that tasks that pause at the same time do not retry at the same time."""
    return seconds * random.uniform(1.0, 1.25)


def retry_after(reply: Reply) -> float | None:
    """Seconds of the Retry-After header, which holds seconds or a date (RFC 9110, 10.2.3); None if it is missing or unusable.

    A date is compared with the reply's own Date header, so that the clocks of the two machines need not agree.
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
    """All pages of a list, as the bodies of the replies; starts over once if a page token has expired.

    :param limit: stop after the page that reaches this number of items.
    :param keep: chooses what to keep of each body; by default everything.
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
    """A page after the first was refused because its token has expired."""

    def __init__(self, cause: CallError) -> None:
        self.cause = cause


def _pages(first: Request, retry_for: float | None, limit: int | None, keep: Callable[[Json], Json] | None) -> Conversation[list[Json]]:
    found: list[Json] = []
    asked: set[str] = set()
    request: Request | None = first
    while request is not None:
        if request.target in asked:
            raise ServiceError(f"{request} would not end: the service names this page as the one after itself or after a later page.")
        asked.add(request.target)
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


def entries(
    request: Request, key: str, *, retry_for: float | None = budgets.RETRY_FOR, limit: int | None = None
) -> Conversation[list[Json]]:
    """The entries of a list, from all its pages.

    :param key: the field of a page that holds them.
    :param limit: greatest number of entries.
    :raises InvalidInputError: the limit is not a whole number, 0 or more.
    :raises CallError: see :func:`ask`.
    """
    most = None if limit is None else whole(limit, "limit")
    if most is not None and most < 0:
        raise InvalidInputError(f"limit must be 0 or more, not {most}")
    return list(items((yield from pages(request, retry_for=retry_for, limit=most)), key))[:most]


def items(bodies: Iterable[Json], key: str) -> Iterator[Json]:
    """The entries of all pages, in order.

    :raises ServiceError: they are not a list of objects.
    """
    for body in bodies:
        found = body.get(key) or ()
        if not isinstance(found, list | tuple) or not all(isinstance(entry, dict) for entry in found):
            raise ServiceError(f"The service gave {shown(found)} as {key}, which is not a list of objects.")
        yield from found
