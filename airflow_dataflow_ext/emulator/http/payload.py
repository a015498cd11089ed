"""Reads untrusted input: JSON, numbers, and the values of a dataclass; invalid input is a ``ValueError``."""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from inspect import signature
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from airflow_dataflow_ext.emulator.http.errors import short

DEPTH = 100
"""Greatest depth of a JSON value that the services accept: https://protobuf.dev/programming-guides/json/"""

_GZIP_OR_ZLIB = 47
_SURROGATE = re.compile("[\ud800-\udfff]")
_WHOLE = re.compile(r"-?\d{1,20}", re.ASCII)
T = TypeVar("T")


def decompressed(content: bytes, encoding: str, most: int) -> bytes:
    """A body, decompressed according to its ``Content-Encoding``.

    :param most: greatest size after decompression, in bytes.
    :raises ValueError: it is not compressed as stated, incomplete, or too long.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity") or not content:
        return content
    if encoding not in ("gzip", "deflate"):
        raise ValueError(f"Content-Encoding {short(encoding)} is not supported; use gzip or deflate")
    unpacking = zlib.decompressobj(wbits=_GZIP_OR_ZLIB)
    try:
        unpacked = unpacking.decompress(content, most)
    except zlib.error as error:
        raise ValueError(f"The request's body does not match its headers: {error}") from error
    if not unpacking.eof:
        raise ValueError(f"The request's body is not complete {encoding}, or unpacks to more than {most} bytes")
    return unpacked


def read_json(content: bytes) -> Any:
    """A JSON value as the services accept it: UTF-8, finite numbers, no lone surrogates, not too deep.

    :raises ValueError: it is not such a value.
    """
    try:
        value = json.loads(content.decode("utf-8"), parse_constant=finite, parse_float=finite)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    left: list[tuple[Any, int]] = [(value, 1)]
    while left:
        item, depth = left.pop()
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, (dict, list)):
            if depth > DEPTH:
                raise ValueError(_TOO_DEEP)
            left.extend((inner, depth + 1) for inner in (item if isinstance(item, list) else (*item, *item.values())))
    return value


_TOO_DEEP = f"Message too deep: more than {DEPTH} levels"


def finite(value: Any) -> float:
    """
    :raises ValueError: it is not a finite number.
    :raises TypeError: it is neither a text nor a number.
    """
    try:
        number = float(value)
    except OverflowError:  # a whole number that is too large for a float
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{short(value)} is not a finite number")
    return number


def _check_text(text: str) -> None:
    if not text.isascii() and _SURROGATE.search(text):
        raise ValueError("a string contains half of a surrogate pair, which is not a character")


def whole(value: object) -> int:
    """A whole number, given as a number or as decimal digits, as the services write it.

    :raises ValueError: it is not a whole number.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise ValueError(f"{short(value)} is not a whole number")


def make(kind: type[T], value: Mapping[str, Any], what: str) -> T:
    """An object of a dataclass from its JSON form, whose names and types are those of the fields.

    :param what: what it is, for error messages.
    :raises ValueError: a name or a value is wrong, or one is missing.
    """
    types = get_type_hints(kind)
    known = [entry.name for entry in fields(kind) if entry.init]  # type: ignore[arg-type]
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise ValueError(f"{what} has no {short(', '.join(unknown))}; it has {', '.join(known)}")
    for name, item in value.items():
        check(types[name], item, f"{name} of {what}")
    try:
        return kind(**value)
    except TypeError as error:  # a field without a default is missing
        raise ValueError(f"{what} is not complete: {error}") from error


def change(settings: object, changes: Mapping[str, Any]) -> None:
    """Change the fields of a dataclass of settings by their names: all of them or, on an error, none.

    :raises ValueError: there is no such setting, or a value is wrong.
    """
    vars(settings).update(vars(make(type(settings), {**vars(settings), **changes}, "the settings")))


def invoke(call: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Call a function with arguments, checked against its annotations.

    :raises ValueError: an argument is unknown, missing or of another type.
    """
    try:
        signature(call).bind(**arguments)
    except TypeError as error:
        raise ValueError(str(error)) from error
    types = get_type_hints(call)
    for name, value in arguments.items():
        check(types.get(name, Any), value, name)
    return call(**arguments)


def check(kind: Any, value: Any, what: str) -> None:
    """
    :param kind: a type as it is annotated, for example ``Mapping[str, str]`` or ``int | None``.
    :raises ValueError: the value is of another type.
    """
    if not _fits(kind, value):
        name = kind.__name__ if isinstance(kind, type) else str(kind)
        raise ValueError(f"{what} must be {name.replace('collections.abc.', '').replace('typing.', '')}, not {short(value)}")


def _fits(kind: Any, value: Any) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if origin is UnionType:
        return any(_fits(part, value) for part in inner)
    if kind is None or kind is NoneType:
        return value is None
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool) and abs(value) < 1e15
    if origin is Mapping:
        return isinstance(value, dict) and all(_fits(inner[0], name) and _fits(inner[1], item) for name, item in value.items())
    if origin in (Sequence, frozenset):
        return isinstance(value, (list, tuple, frozenset)) and all(_fits(inner[0], item) for item in value)
    if not isinstance(kind, type) or getattr(kind, "_is_protocol", False):  # such a value is checked where it is created
        return True
    return isinstance(value, kind)
