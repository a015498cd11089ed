"""The pages about deaths and about versions name a test for each of their rows; the tests exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = {"what-dies.md": 6, "versions.md": 1}
"""How many tables each page has."""

ROWS = [line for page in PAGES for line in (ROOT / "docs" / page).read_text().splitlines() if re.match(r"\| (?!---)[^|]*\|", line)]
NAMED = [(row, match["file"], match["name"]) for row in ROWS for match in re.finditer(r"`(?P<file>tests/[\w/]+\.py)::(?P<name>\w+)`", row)]


def test_each_row_is_backed_by_a_test_or_a_program() -> None:
    heads = [row for row in ROWS if row.endswith("| test |")]
    assert len(heads) == sum(PAGES.values())
    assert [row for row in ROWS if row not in heads and "::" not in row and "python -m bench.chaos" not in row] == []


@pytest.mark.parametrize(("file", "name"), sorted({(file, name) for _, file, name in NAMED}))
def test_the_test_that_a_row_names_exists(file: str, name: str) -> None:
    defined = {node.name for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert name in defined
