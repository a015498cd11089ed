"""Checks which arguments are given, and that required ones, such as names and ids, are valid."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import NOTHING, text

T = TypeVar("T")
_ID = re.compile(r"(?!\.+$)[\w.:~-]+")
"""A segment of a path; dots alone would be a step in it."""


def given(value: Any) -> Any:
    """A text argument; None if it is empty or rendered from None, which both mean "not given"."""
    return None if isinstance(value, str) and value.strip() in ("", NOTHING[0]) else value


def only_given(**arguments: Any) -> str:
    """The name of the one argument that is given.

    :raises InvalidInputError: there is none, or more than one.
    """
    found = [name for name, value in arguments.items() if given(value) is not None]
    if len(found) != 1:
        which = f"given are {' and '.join(found)}" if found else "none is, and a value that renders to None counts as not given"
        *names, last = arguments
        raise InvalidInputError(f"give one of {', '.join(names)} and {last}; {which}")
    return found[0]


def needed(value: Any, at: str) -> str:
    """A required text, such as a name.

    :raises InvalidInputError: it is not given, or is not a text.
    """
    if given(value) is None:
        raise InvalidInputError(f"{at} must not be empty, and is {shown(value)}")
    return text(value, at)


def identifier(value: Any, at: str) -> str:
    """A required id, or another segment of a URL's path.

    :raises InvalidInputError: it is not given, or is not valid.
    """
    found = needed(str(value) if isinstance(value, Mapping | Sequence) else value, at)
    if not _ID.fullmatch(found):
        raise no_id(value, at)
    return found


def no_id(value: Any, at: str, what: str = "an id") -> InvalidInputError:
    """The error about a value that is no id.

    :param what: which kind of id it must be.
    """
    hint = "; of a whole job, or another resource, give its 'id'" if str(value).startswith("{") else ""
    return InvalidInputError(f"{at} must be {what}, not {shown(value)}{hint}")


def plain_function(value: T, at: str) -> T:
    """A function that gives its result when it is called, unlike ``async def``, whose result nobody would await.

    :raises InvalidInputError: it is something else.
    """
    if inspect.iscoroutinefunction(value):
        raise InvalidInputError(f"{at} must be a function that is not async, not {shown(value)}; asyncio.run in a plain one can run it")
    if not callable(value):
        raise InvalidInputError(f"{at} must be a function, not {shown(value)}")
    return value


def snake(name: str) -> str:
    """A name in snake case."""
    return re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name)
