"""The steps of a conversation: what a generator may ask of the world, and what comes back for each.

A conversation yields steps and receives their answers; a driver performs them. So a loop that waits is written once,
runs synchronously and asynchronously alike, and is tested without a clock, a socket or an event loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from airflow_dataflow_ext.api.method import Json, Request
from airflow_dataflow_ext.api.states import Phase

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.watching import Watch


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for so many seconds. Answer: None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Renew:
    """Forget the bearer token: the service no longer takes it. Answer: None."""


@dataclass(frozen=True, slots=True)
class Say:
    """Tell the person who reads the task's log. Answer: None."""

    text: str
    level: int = logging.INFO


@dataclass(frozen=True, slots=True)
class Now:
    """Answer: the time as seconds since the epoch, UTC."""


@dataclass(frozen=True, slots=True)
class Recall:
    """Answer: the launch record of this task as it was last written, or None."""


@dataclass(frozen=True, slots=True)
class Record:
    """Write the launch record of this task, before anything else happens. Answer: None."""

    value: Json


@dataclass(frozen=True, slots=True)
class Look:
    """Answer: the watched job as the service sees it, from ``within`` seconds from now on.

    While the job is still in the state that is ``known`` and decides nothing, the answer may wait for ``idle`` seconds, and for
    longer while there are many who wait like that; with ``idle`` 0 it comes after ``within`` seconds in any case.
    """

    watch: Watch
    within: float = 0.0
    known: str | None = None
    idle: float = 0.0

    def is_news(self, job: Json) -> bool:
        """Whether the job must be told at once."""
        return self.watch.state(job) != self.known or self.watch.judge(job) is not Phase.MOVING


Step = Request | Sleep | Renew | Say | Now | Recall | Record | Look

T = TypeVar("T")
Conversation = Generator[Step, Any, T]
"""A generator that yields steps, receives their answers and returns a result."""

Aside = Callable[[Step], Any]
"""Performs the steps that take no time: Say, Now, Recall, Record. In an event loop the answer may be an awaitable of it."""


class Store(Protocol):
    """What Airflow's ``task_state_store`` offers of use here: JSON values that outlive a worker.

    In an event loop both may give awaitables.
    """

    def get(self, key: str) -> Any:
        """The value, or None."""

    def set(self, key: str, value: Any) -> Any:
        """Write the value durably."""
