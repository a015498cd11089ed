"""The steps of a conversation, and the answer to each.

A conversation is a generator that yields steps and receives their answers; a driver performs the steps. An error in a step is raised at
the ``yield``; a conversation that is abandoned is closed. So a loop that waits is written once, runs synchronously and asynchronously,
and is tested without a clock, a socket or an event loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from typing import Any, Protocol, TypeVar

from msgspec import Struct


class Step(Struct, frozen=True):
    """The base of all steps, including :class:`~airflow_dataflow_ext.api.rest.method.Request`."""


class Sleep(Step, frozen=True):
    """Wait for some seconds. Answer: None."""

    seconds: float


class Renew(Step, frozen=True):
    """Discard the bearer token, which the service no longer accepts. Answer: None."""


class Say(Step, frozen=True):
    """Write a line to the task's log. Answer: None."""

    text: str
    level: int = logging.INFO


class Now(Step, frozen=True):
    """Ask for the time. Answer: seconds since the epoch."""


class Recall(Step, frozen=True):
    """Read this task's launch record. Answer: the record as it was last written, or None."""


class Record(Step, frozen=True):
    """Write this task's launch record before anything else happens. Answer: None."""

    value: Mapping[str, Any]


class Keep(Step, frozen=True):
    """Store a value for the job's page, if the task has a store. Answer: None.

    :param key: key of the value; an earlier value is replaced.
    """

    key: str
    value: Mapping[str, Any]


T = TypeVar("T")
Conversation = Generator[Step, Any, T]
"""A generator that yields steps, receives their answers and returns a result."""

Effects = Callable[[Step], Any]
"""Performs the steps that take no time: Say, Now, Recall, Record, Keep. In an event loop, it may return an awaitable of the answer."""


class Store(Protocol):
    """The part of Airflow's ``task_state_store`` that is used here: JSON values that outlive a worker.

    In an event loop, its methods may return awaitables.
    """

    def get(self, key: str) -> Any:
        """The value, or None."""

    def set(self, key: str, value: Any) -> Any:
        """Store the value durably."""

    def keep(self, key: str, value: Any) -> Any:
        """Store a value that nothing depends on; an error here fails nothing."""
