"""How values and texts appear in messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

LONGEST_VALUE = 120
"""Greatest length of a value in a message, in characters: enough to recognise it, and short enough for one line."""


def shown(value: Any) -> str:
    """A user's value as a message shows it: a text in quotes, a long value shortened."""
    return shortened(repr(value), LONGEST_VALUE)


def plain(error: Exception) -> str:
    """The text of a Python error, without the operating system's error number, and in words if it is only a key."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {shown(error.filename)}"
    if isinstance(error, KeyError):
        return f"{shown(error.args[0])} is missing"
    return str(error)


def shortened(text: str, longest: int) -> str:
    """The text, or its beginning and its length if it is longer than ``longest`` characters."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def sentence(text: str) -> str:
    """The text with a punctuation mark at its end, so that another sentence can follow."""
    text = text.rstrip()
    return text if not text or text.endswith((".", "!", "?", ".)", ":")) else f"{text}."


SURELY_MEANT = 0.85
"""Similarity from which an unknown field counts as a misspelled one, and not as a field that is newer than this package."""


def near(name: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    """The name that was probably meant, ignoring case, dashes and underscores; empty if none is similar.

    :param cutoff: required similarity, from 0 to 1.
    """
    folded = {_folded(known): known for known in names}
    found = difflib.get_close_matches(_folded(name), folded, n=1, cutoff=cutoff)
    return folded[found[0]] if found else ""


def _folded(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
