"""Performs the steps of a conversation that take no time: log lines, the clock, and the launch record."""

from __future__ import annotations

import logging
import time
from typing import Any

from airflow_dataflow_ext.api.rest.steps import Effects, Keep, Now, Recall, Record, Say, Step, Store

RECORD = "launch"
"""The key of the launch record in the task's state store."""


def effects_of(log: logging.Logger | Any, store: Store | None = None) -> Effects:
    """Effects that write to a logger and keep records in a store.

    :param log: anything with a method ``log(level, message, *args)``.
    """

    def perform(step: Step) -> Any:
        match step:
            case Say(text, level):
                return log.log(level, "%s", text)
            case Now():
                return time.time()
            case Recall() if store is not None:
                return store.get(RECORD)
            case Record(value) if store is not None:
                return store.set(RECORD, value)
            case Keep(key, value):
                return store.keep(key, value) if store is not None else None
        raise TypeError(f"nobody here performs {step!r}")

    return perform


class MemoryStore:
    """A store for a launch outside a task; its content is lost after the call."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        return self._values.get(key)

    def set(self, key: str, value: Any) -> None:
        self._values[key] = value

    def keep(self, key: str, value: Any) -> None:
        self._values[key] = value

    def kept(self, key: str) -> Any:
        return self._values.get(key)
