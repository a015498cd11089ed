"""How values and texts appear in messages: short, and in whole sentences."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

LONGEST_VALUE = 120
"""Characters of a value that are shown: enough to recognise it, and no more than a line holds."""


def shown(value: Any) -> str:
    """A user's value as a message shows it: in quotes where it is a text, and cut where it is long."""
    return shortened(repr(value), LONGEST_VALUE)


def plain(error: Exception) -> str:
    """What an error of Python's own says, in words: without the number of the operating system, and not as a bare key."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {shown(error.filename)}"
    if isinstance(error, KeyError):
        return f"{shown(error.args[0])} is missing"
    return str(error)


def shortened(text: str, longest: int) -> str:
    """A text, or its beginning and its length."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def sentence(text: str) -> str:
    """A text with a mark at its end, so that another sentence can follow."""
    text = text.rstrip()
    return text if not text or text.endswith((".", "!", "?", ".)", ":")) else f"{text}."


def near(name: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    """The name that was probably meant, whatever its case, its dashes and its underscores; empty without one.

    :param cutoff: from 0 to 1, how like it must be.
    """
    folded = {_folded(known): known for known in names}
    found = difflib.get_close_matches(_folded(name), folded, n=1, cutoff=cutoff)
    return folded[found[0]] if found else ""


def _folded(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
