"""The pictures of the docs: each is one that the program takes, is small, and stands on a page with a text for those who do not see it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.pictures import IMAGES, TAKES

ROOT = Path(__file__).parents[2]
LARGEST = 120 * 1024
SHOWN = re.compile(r"!\[([^\]]*)\]\((?:docs/)?images/([\w-]+)\.png\)")
NAMES = sorted(name for names in TAKES.values() for name in names)


def test_every_picture_is_one_that_is_taken() -> None:
    assert sorted(file.stem for file in IMAGES.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_small_and_is_explained_where_it_is_shown(name: str) -> None:
    assert (IMAGES / f"{name}.png").stat().st_size <= LARGEST
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    texts = [text for page in pages for text, shown in SHOWN.findall(page.read_text("utf-8")) if shown == name]
    assert texts
    assert min(len(text.split()) for text in texts) > 3
