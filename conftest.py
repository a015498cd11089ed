"""What every test may use, whichever folder it stands in, and how the tests are shared out over processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["tests.plugins_airflow"]

LONG = ("tests/stack/", "tests/demo/", "tests/dags/", "tests/emulator/engines/")
"""Folders whose tests run programs for real, the longest first. They begin, so that no process is left with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((place for place, folder in enumerate(LONG) if item.nodeid.startswith(folder)), len(LONG)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The tests of a file share a process, and so do all those on the one real Airflow."""
    from xdist.scheduler import LoadFileScheduling

    class Sharing(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = Path(nodeid.split("::")[0])
            return str(path.parent if path.match("tests/stack/*.py") else path)

    return Sharing(config, log)
