"""What every test may use, whichever folder it stands in, and how the tests are shared out over processes."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["tests.plugins_airflow"]

TESTS = Path(__file__).parent / "tests"
LONG = ("stack", "dags", "emulator/beam")
"""Folders whose tests run programs for real, the longest first. They begin, so that no process is left with one of them at the end."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a file share a process, and so do all those on the one real Airflow."""

    def place(item: pytest.Item) -> int:
        return next((place for place, folder in enumerate(LONG) if item.path.is_relative_to(TESTS / folder)), len(LONG))

    items.sort(key=place)
    for item in items:
        item.add_marker(pytest.mark.xdist_group("stack" if place(item) == LONG.index("stack") else str(item.path)))
