"""Fixtures for operators: a connection to the emulator, short pauses, and the tasks' log."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.emulator import Emulator
from tests.operators.dying import Die, dying

QUICK = 0.02


@pytest.fixture(autouse=True)
def connected(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the emulator the default connection, and shorten all pauses."""
    for name, value in emulator.connections().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(budgets, "FIRST_PAUSE", QUICK)
    monkeypatch.setattr(budgets, "LOOKUP_PAUSES", (0.0, QUICK, QUICK))
    monkeypatch.setattr(budgets, "ERROR_MESSAGE_PAUSES", (0.0, QUICK, QUICK))
    monkeypatch.setattr(budgets, "GATHER", QUICK)


@pytest.fixture
def task_log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """The lines that the hook logs, including those below the log level of Airflow in tests."""
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    monkeypatch.setattr(DataflowHook, "log", logging.getLogger("task"))
    caplog.set_level(logging.INFO, "task")
    return caplog


class Log(logging.Handler):
    """The log of a task from all processes: the worker's, the triggerer's, and the hook's in both."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def lines(self, above: int = logging.DEBUG) -> list[str]:
        """The lines above a level."""
        return [record.getMessage() for record in self.records if record.levelno > above]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """The log of the tasks that a test runs."""
    from airflow_dataflow_ext.hooks.google import DataflowConnection
    from airflow_dataflow_ext.task.connection import LinkedTask
    from airflow_dataflow_ext.triggers.base import WaitTrigger

    logger, handler = logging.getLogger("shown"), Log()
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    for owner in (DataflowConnection, LinkedTask, WaitTrigger):
        monkeypatch.setattr(owner, "log", logger)
    yield handler
    logger.removeHandler(handler)


@pytest.fixture
def die(monkeypatch: pytest.MonkeyPatch) -> Die:
    """``die("after sending jobs.get")`` lets the next worker that reaches this point die there, or raise a given error."""
    return dying(monkeypatch)
