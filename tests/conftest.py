"""Fixtures for all tests: the emulator, a clock, and a client."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from airflow_dataflow_ext.emulator import Emulator, ManualClock
from tests.asking import Asker


@pytest.fixture(autouse=True)
def forgotten_secrets() -> Iterator[None]:
    """Reset Airflow's secrets masker, whose pattern contains every secret of the process and would grow with each test."""
    yield
    for package in ("airflow", "airflow.sdk"):
        if masker := sys.modules.get(f"{package}._shared.secrets_masker"):
            masker.reset_secrets_masker()


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A scripted emulator with the machine's clock; a fault that a test sets and does not use is an error."""
    with Emulator(strict_faults=True) as running:
        yield running


@pytest.fixture
def clock() -> ManualClock:
    """The clock of ``still_emulator``."""
    return ManualClock()


@pytest.fixture
def still_emulator(clock: ManualClock) -> Iterator[Emulator]:
    """A scripted emulator whose clock stands still until the test advances it."""
    with Emulator(clock=clock, strict_faults=True) as running:
        yield running


@pytest.fixture
def ask(still_emulator: Emulator) -> Asker:
    """Calls methods of ``still_emulator`` for one project and location."""
    return Asker(still_emulator.url)
