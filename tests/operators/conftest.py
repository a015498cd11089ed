"""Operators against the emulator, with pauses that a test can wait for."""

from __future__ import annotations

import pytest

from airflow_dataflow_ext.emulator import Emulator

QUICK = 0.02


@pytest.fixture(autouse=True)
def connected(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default connection leads to the emulator, and no pause is longer than it must be."""
    from airflow_dataflow_ext.api.dataflow import messages
    from airflow_dataflow_ext.api.jobs import launch_once
    from airflow_dataflow_ext.api.rest import ask as ask_module
    from airflow_dataflow_ext.watch import board

    for name, value in emulator.connections().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(ask_module, "FIRST_PAUSE", QUICK)
    monkeypatch.setattr(launch_once, "PATIENCE", (0.0, QUICK, QUICK))
    monkeypatch.setattr(messages, "_ERRORS_COME_LATE", (0.0, QUICK, QUICK))
    monkeypatch.setattr(board, "GATHER", QUICK)
