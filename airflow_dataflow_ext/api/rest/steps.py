"""The steps of a conversation: what a generator may ask of the world, and what comes back for each.

A conversation yields steps and receives their answers; a driver performs them. What fails in a step is raised where the
conversation yielded it; a conversation that is given up is closed. So a loop that waits is written once,
runs synchronously and asynchronously alike, and is tested without a clock, a socket or an event loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar


class Step:
    """One thing that a conversation asks of its driver; a request is one, too."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Sleep(Step):
    """Wait for so many seconds. Answer: None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Renew(Step):
    """Forget the bearer token: the service no longer takes it. Answer: None."""


@dataclass(frozen=True, slots=True)
class Say(Step):
    """Tell the person who reads the task's log. Answer: None."""

    text: str
    level: int = logging.INFO


@dataclass(frozen=True, slots=True)
class Now(Step):
    """Answer: the time as seconds since the epoch, UTC."""


@dataclass(frozen=True, slots=True)
class Recall(Step):
    """Answer: the launch record of this task as it was last written, or None."""


@dataclass(frozen=True, slots=True)
class Record(Step):
    """Write the launch record of this task, before anything else happens. Answer: None."""

    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Keep(Step):
    """Keep what a person may want to see of the task later; where nothing can be kept, nothing is. Answer: None.

    :param key: of the value; what was kept under it before is replaced.
    """

    key: str
    value: Mapping[str, Any]


T = TypeVar("T")
Conversation = Generator[Step, Any, T]
"""A generator that yields steps, receives their answers and returns a result."""

Effects = Callable[[Step], Any]
"""Performs the steps that take no time: Say, Now, Recall, Record, Keep. In an event loop the answer may be an awaitable of it."""


class Store(Protocol):
    """What Airflow's ``task_state_store`` offers of use here: JSON values that outlive a worker.

    In an event loop both may give awaitables.
    """

    def get(self, key: str) -> Any:
        """The value, or None."""

    def set(self, key: str, value: Any) -> Any:
        """Write the value durably."""

    def keep(self, key: str, value: Any) -> Any:
        """Write a value that nothing depends on; trouble with it fails nothing."""
