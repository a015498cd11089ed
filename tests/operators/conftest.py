"""Operators against the emulator, with pauses that a test can wait for."""

from __future__ import annotations

import logging

import pytest

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.emulator import Emulator

QUICK = 0.02


@pytest.fixture(autouse=True)
def connected(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default connection leads to the emulator, and no pause is longer than it must be."""
    for name, value in emulator.connections().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(budgets, "FIRST_PAUSE", QUICK)
    monkeypatch.setattr(budgets, "LOOKUP_PAUSES", (0.0, QUICK, QUICK))
    monkeypatch.setattr(budgets, "ERROR_MESSAGE_PAUSES", (0.0, QUICK, QUICK))
    monkeypatch.setattr(budgets, "GATHER", QUICK)


@pytest.fixture
def task_log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """What the hook writes to a task's log, also below the level at which the tests' Airflow logs."""
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    monkeypatch.setattr(DataflowHook, "log", logging.getLogger("task"))
    caplog.set_level(logging.INFO, "task")
    return caplog
