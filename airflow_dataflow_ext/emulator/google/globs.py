"""The patterns of ``matchGlob``.

Source: https://cloud.google.com/storage/docs/json_api/v1/objects/list#list-objects-and-prefixes-using-glob
"""

from __future__ import annotations

import re
from collections.abc import Callable

from airflow_dataflow_ext.emulator.http.errors import ApiError

_ELEMENT = re.compile(r"\*\*|\*|\?|\[[!^]?\]?[^\]]*\]|\\.|.", re.DOTALL)
_BRACES = re.compile(r"\{([^{}]*)\}")
_MOST_ALTERNATIVES = 100

Fits = Callable[[str], bool]
# What a character must be, and whether it may occur any number of times.
Element = tuple[Fits, bool]


def read_glob(pattern: str) -> Callable[[str], bool]:
    """A function that tests names against a pattern. It never backtracks, so that no pattern is slow.

    :raises ApiError: 400 if the pattern is not valid.
    """
    patterns = [pattern]
    while any(_BRACES.search(text) for text in patterns):
        patterns = [other for text in patterns for other in _alternatives(text)]
        if len(patterns) > _MOST_ALTERNATIVES:
            raise _bad(pattern)
    if len(pattern) > 1024 or any(char in text for text in patterns for char in "{}"):
        raise _bad(pattern)
    ways = [[_element(found) for found in _ELEMENT.findall(text)] for text in patterns]
    return lambda name: any(_matches(way, name) for way in ways)


def _alternatives(text: str) -> list[str]:
    found = _BRACES.search(text)
    if found is None:
        return [text]
    return [text[: found.start()] + choice + text[found.end() :] for choice in found[1].split(",")]


def _element(text: str) -> Element:
    if text == "**":
        return (lambda _: True), True
    if text == "*":
        return (lambda char: char != "/"), True
    if text == "?":
        return (lambda char: char != "/"), False
    if len(text) > 1 and text[0] == "[":
        return _one_of(text[1:-1]), False
    wanted = text[-1]
    return (lambda char: char == wanted), False


def _one_of(text: str) -> Fits:
    negated = text[:1] in ("!", "^")
    ranges = re.findall(r"(.)-(.)|(.)", text[1:] if negated else text, re.DOTALL)
    pairs = [(single or low, single or high) for low, high, single in ranges]
    return lambda char: char != "/" and negated != any(low <= char <= high for low, high in pairs)


def _matches(elements: list[Element], name: str) -> bool:
    places = _onward({0}, elements)
    for char in name:
        moved = set()
        for place in places:
            if place < len(elements) and elements[place][0](char):
                moved.add(place if elements[place][1] else place + 1)
        places = _onward(moved, elements)
    return len(elements) in places


def _onward(places: set[int], elements: list[Element]) -> set[int]:
    """The positions, and those that can be reached without consuming a character, past elements that may be absent."""
    reached = set()
    for start in places:
        place = start
        reached.add(place)
        while place < len(elements) and elements[place][1]:
            place += 1
            reached.add(place)
    return reached


def _bad(pattern: str) -> ApiError:
    return ApiError(400, f"Invalid value for parameter matchGlob: '{pattern[:100]}'", reason="invalidParameter")
