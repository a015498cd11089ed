"""The emulator, for every test that has a wire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_dataflow_ext.emulator import Emulator, ManualClock
from tests.asking import Asker


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one service account for all emulators: Airflow hides each key that it has ever seen, at a growing cost."""
    return tmp_path_factory.mktemp("account")


@pytest.fixture
def emulator(account: Path) -> Iterator[Emulator]:
    """A scripted emulator on the machine's clock; faults that a test sets and does not use are an error."""
    with Emulator(data=account, strict_faults=True) as running:
        yield running


@pytest.fixture
def clock() -> ManualClock:
    """The clock of ``still_emulator``."""
    return ManualClock()


@pytest.fixture
def still_emulator(account: Path, clock: ManualClock) -> Iterator[Emulator]:
    """As ``emulator``, with a clock that stands still until the test advances it."""
    with Emulator(data=account, clock=clock, strict_faults=True) as running:
        yield running


@pytest.fixture
def ask(still_emulator: Emulator) -> Asker:
    """Calls methods of ``still_emulator`` for one project and location."""
    return Asker(still_emulator.url)
