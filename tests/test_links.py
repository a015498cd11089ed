"""Links between the pages that people write lead somewhere; those to other sites are looked at by ``make linkcheck``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bench.install import committed

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.as_posix() for path in committed() if path.suffix == ".md")


@cache
def tokens(page: Path) -> list[Token]:
    """What a page consists of, one after the other, on the page and within its lines."""
    return [token for block in MarkdownIt().enable("table").parse(page.read_text("utf-8")) for token in (block, *(block.children or ()))]


def targets(page: Path) -> Iterator[str]:
    """Where the links and pictures of a page lead, but for other sites."""
    for token in tokens(page):
        target = str(token.attrGet("href") or token.attrGet("src") or "")
        if target and not re.match(r"\w+:", target):
            yield target


def anchors(page: Path) -> set[str]:
    """The headings of a page, in the form in which links name them."""
    found = tokens(page)
    headings = [after.content for token, after in pairwise(found) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_heading(page: str) -> None:
    here = ROOT / page
    for target in targets(here):
        name, _, anchor = target.partition("#")
        there = (here.parent / name).resolve() if name else here
        assert there.exists(), f"{target}: there is no such file"
        assert not anchor or anchor in anchors(there), f"{target}: there is no such heading"


def test_the_pages_are_full_of_links() -> None:
    assert len(PAGES) > 30
    assert sum(1 for page in PAGES for target in targets(ROOT / page) if "#" in target) > 20


def test_every_place_that_contributing_names_exists() -> None:
    named = {token.content for token in tokens(ROOT / "CONTRIBUTING.md") if token.type == "code_inline"}
    paths = {name for name in named if re.fullmatch(r"[\w./*-]+(/|\.(cfg|js|md|py|toml|txt|yml))", name)}
    assert len(paths) > 50
    assert {path for path in paths if not any(list(place.glob(path)) for place in (ROOT, ROOT / "airflow_dataflow_ext"))} == set()
