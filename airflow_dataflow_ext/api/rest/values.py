"""Converts a user's values to the types of the fields of a request's body.

Jinja renders text unless the DAG renders native objects, so a text such as ``"3"`` or ``"true"`` is accepted for a field of another type.
A value that does not fit its field is an error that names the field, before anything is sent.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.texts import LONGEST_VALUE, SURELY_MEANT, near, shortened, shown

Fields = Mapping[str, Mapping[str, str]]
"""The fields of each message, with their types.

A type is ``string``, ``boolean``, ``int32``, ``int64``, ``double``, ``duration``, ``datetime`` or ``any``; ``[T]`` for a list, ``{T}``
for a mapping of texts to T, ``A|B`` for one of several words, or the name of a message.
"""

NOTHING = ("None", "null")
"""What None renders to. In a text field of a message, the first one means None; in a mapping or a list of texts, both are texts."""

LIMITS = {"int32": 2**31, "int64": 2**63}

_NUMPY_KINDS = tuple("biufU")
"""NumPy's letters for booleans, whole numbers without and with a sign, numbers, and texts."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,20}(\.0*)?")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]{1,9})?)s?")


def read(kind: str, value: Any, at: str, fields: Fields) -> Any:
    """A value converted to a field's type. None stays None and means "not given", as do, for a field that is no text, empty text and the
    text that None renders to.

    :param kind: see :data:`Fields`.
    :param at: the field's dotted path, for the message.
    :raises InvalidInputError: it does not fit.
    """
    if value is None or (kind not in ("string", "any") and _is_nothing(value)):
        return None
    if kind in _SCALARS:
        return _SCALARS[kind](value, at)
    if kind.startswith("["):
        return [_entry(kind[1:-1], entry, f"{at}[{place}]", fields) for place, entry in enumerate(sequence(value, at))]
    if kind.startswith("{"):
        return {name: read(kind[1:-1], entry, f"{at}[{shown(name)}]", fields) for name, entry in mapping(value, at).items()}
    return _word(kind.split("|"), value, at) if "|" in kind else message(kind, value, at, fields)


def message(kind: str, value: Any, at: str, fields: Fields) -> dict[str, Any]:
    """A mapping with the fields of a message, whose names may be in snake case. An unknown field is passed on, so that new fields of the
    service work at once, unless it looks like a misspelled one.

    :raises InvalidInputError: it does not fit.
    """
    known, found = fields[kind], {}
    for name, entry in mapping(value, at).items():
        key = name if name in known else camel(name)
        where = f"{at}.{shortened(name, LONGEST_VALUE)}"
        if key not in known:
            key, meant = name, near(name, known, SURELY_MEANT)
            if meant:
                raise InvalidInputError(f"{where} is not a field of a {kind}; did you mean {meant!r}?")
        if key in found:
            raise InvalidInputError(f"{where} is given twice, as {key} and in snake case")
        of_field = known.get(key, "any")
        found[key] = None if of_field == "string" and entry == NOTHING[0] else read(of_field, entry, where, fields)
    return {key: entry for key, entry in found.items() if entry is not None}


def _is_nothing(value: Any) -> bool:
    """Whether a value that is to be no text is not given."""
    return value is None or (isinstance(value, str) and value.strip() in ("", *NOTHING))


def camel(name: str) -> str:
    """A name in camel case."""
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


def mapping(value: Any, at: str) -> dict[str, Any]:
    """A mapping, which may be given as text, without entries that are None; None gives an empty mapping.

    :raises InvalidInputError: it is not a mapping, or a name in it is not a text.
    """
    found = _parsed(value, at, "a mapping")
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise InvalidInputError(f"{at} must be a mapping, not {type(found).__name__} {shown(value)}")
    for name in found:
        if not isinstance(name, str) or not name:
            raise InvalidInputError(f"{at}: the name {shown(name)} is not a string")
    return {name: entry for name, entry in found.items() if entry is not None}


def sequence(value: Any, at: str) -> Sequence[Any]:
    """A list, which may be given as text; None gives an empty list.

    :raises InvalidInputError: it is not a list.
    """
    found = _parsed(value, at, "a list")
    if found is None:
        return ()
    if not isinstance(found, Sequence) or isinstance(found, str | bytes | bytearray):
        raise InvalidInputError(f"{at} must be a list, not {type(found).__name__} {shown(value)}")
    return found


def _parsed(value: Any, at: str, what: str) -> Any:
    """The value of a text that was rendered from a mapping or a list, or made with ``tojson``."""
    if _is_nothing(value):
        return None
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise InvalidInputError(f"{at} must be {what}; this text is neither JSON nor Python for one: {shown(value)}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def text(value: Any, at: str) -> str:
    """A text. Booleans, numbers, times (as ISO 8601), paths, UUIDs and enum members are converted.

    :raises InvalidInputError: it is something else.
    """
    value = _plain(value)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return json.dumps(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID) or hasattr(value, "__fspath__") or (isinstance(value, Decimal) and value.is_finite()):
        return str(value)
    raise InvalidInputError(f"{at} must be a text, not {type(value).__name__} {shown(value)}")


def flag(value: Any, at: str) -> bool:
    """A boolean, which may be given as the text that a template renders.

    :raises InvalidInputError: it is neither.
    """
    given = _plain(value)
    found = {"true": True, "false": False}.get(str(given).strip().lower()) if isinstance(given, bool | str) else None
    if found is None:
        raise InvalidInputError(f"{at} must be true or false, not {shown(value)}")
    return found


def whole(value: Any, at: str, kind: str = "int32") -> int:
    """A whole number, which may be given as text.

    :raises InvalidInputError: it is not a whole number, or does not fit into ``kind``.
    """
    given, found = _plain(value), None
    if isinstance(given, str):
        found = int(given.strip().partition(".")[0]) if _WHOLE.fullmatch(given.strip()) else None
    elif isinstance(given, int | float | Decimal) and not isinstance(given, bool) and math.isfinite(given) and given == int(given):
        found = int(given)
    if found is None or not -LIMITS[kind] <= found < LIMITS[kind]:
        raise InvalidInputError(f"{at} must be a whole number ({kind}), not {shown(value)}")
    return found


def number(value: Any, at: str, what: str = "a number") -> float:
    """A number, which may be given as text.

    :param what: what it is, for the error message.
    :raises InvalidInputError: it is not a number.
    """
    given = _plain(value)
    try:
        found = float(given) if isinstance(given, str | int | float | Decimal) and not isinstance(given, bool) else math.nan
    except (ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise InvalidInputError(f"{at} must be {what}, not {shown(value)}")
    return found


def seconds(value: Any, at: str) -> float | None:
    """A number of seconds, 0 or more, which may be given as text or as a timedelta; None stays None.

    :raises InvalidInputError: it is not a number of seconds.
    """
    if value is None:
        return None
    found = value.total_seconds() if isinstance(value, timedelta) else number(value, at, "a number of seconds, or a timedelta")
    if found < 0:
        raise InvalidInputError(f"{at} must be 0 seconds or more, not {shown(value)}")
    return found


def duration(value: Any, at: str) -> str:
    """A duration in the service's form, such as ``604800s``; it may be given in that form, in seconds, or as a timedelta.

    :raises InvalidInputError: it is not a duration.
    """
    given = value.total_seconds() if isinstance(value, timedelta) else _plain(value)
    if isinstance(given, int | float | Decimal) and not isinstance(given, bool) and math.isfinite(given) and given >= 0:
        given = f"{given:.9f}".rstrip("0").rstrip(".")
    found = _DURATION.fullmatch(given.strip()) if isinstance(given, str) else None
    if found is None:
        raise InvalidInputError(f"{at} must be a duration, for example '604800s', not {shown(value)}")
    return f"{found[1]}s"


def _timestamp(value: Any, at: str) -> str:
    if isinstance(value, datetime) and value.tzinfo is None:
        return f"{value.isoformat()}Z"
    return text(value, at)


def _any(value: Any, at: str) -> Any:
    """Any JSON value; None stays in it."""
    if isinstance(value, Mapping):
        return {text(name, at): _any(entry, f"{at}[{shown(name)}]") for name, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return [_any(entry, f"{at}[{place}]") for place, entry in enumerate(value)]
    given = _plain(value)
    if given is None or isinstance(given, bool | int) or (isinstance(given, float) and math.isfinite(given)):
        return given
    return text(given, at)


def _plain(value: Any) -> Any:
    """The value of an enum member or of a NumPy scalar, which pandas gives, as a value of Python's own types; else the value itself."""
    if isinstance(value, Enum):
        return _plain(value.value)
    is_scalar = getattr(value, "ndim", None) == 0 and getattr(getattr(value, "dtype", None), "kind", "") in _NUMPY_KINDS
    return value.item() if is_scalar else value


def _entry(kind: str, value: Any, at: str, fields: Fields) -> Any:
    found = read(kind, value, at, fields)
    if found is None and kind != "any":
        raise InvalidInputError(f"{at} must not be None: an entry of a list is there or not")
    return found


def _word(words: Sequence[str], value: Any, at: str) -> str:
    found = text(value, at)
    if found not in words:
        meant = near(found, words) or next((word for word in words if found and word.endswith(f"_{found.upper()}")), "")
        hint = f"; did you mean {meant!r}?" if meant else ""
        raise InvalidInputError(f"{at} must be one of {', '.join(words)}, not {shown(value)}{hint}")
    return found


_SCALARS: Mapping[str, Callable[[Any, str], Any]] = {
    "any": _any,
    "boolean": flag,
    "datetime": _timestamp,
    "double": number,
    "duration": duration,
    "int32": whole,
    "int64": lambda value, at: str(whole(value, at, "int64")),
    "string": text,
}
