"""The differences between the Airflow versions that this package supports; no other module knows them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.sdk import __version__ as sdk_version

from airflow_dataflow_ext.api.rest.errors import InvalidInputError

if TYPE_CHECKING:
    from airflow.sdk import conf
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowRescheduleException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
        TaskDeferralError,
        TaskDeferralTimeout,
    )
else:
    try:
        from airflow.sdk import conf
        from airflow.sdk.exceptions import (
            AirflowException,
            AirflowFailException,
            AirflowNotFoundException,
            AirflowRescheduleException,
            AirflowSensorTimeout,
            AirflowSkipException,
            AirflowTaskTimeout,
            TaskDeferralError,
            TaskDeferralTimeout,
        )
    except ImportError:  # Airflow 3.1
        from airflow.configuration import conf
        from airflow.exceptions import (
            AirflowException,
            AirflowFailException,
            AirflowNotFoundException,
            AirflowRescheduleException,
            AirflowSensorTimeout,
            AirflowSkipException,
            AirflowTaskTimeout,
            TaskDeferralError,
            TaskDeferralTimeout,
        )

__all__ = (
    "IS_3_3",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowRescheduleException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "TaskDeferralError",
    "TaskDeferralTimeout",
    "asset_state_store",
    "cancelled",
    "conf",
    "in_thread",
    "keywords",
    "needs_3_3",
    "stats",
    "task_state_store",
)

ON_KILL_WITHIN = 30.0
"""Seconds that a trigger's ``on_kill`` may take; the default of Airflow 3.3."""

SDK = tuple(int(part) for part in sdk_version.split(".")[:2])
IS_3_3 = SDK >= (1, 3)
"""Whether Airflow has state stores of tasks and assets, ``on_kill`` of triggers, starts in the triggerer, and retries after an end there.

The task SDK 1.3 belongs to Airflow 3.3."""


def needs_3_3(**options: Any) -> None:
    """Refuse options that need Airflow 3.3.

    :param options: the options by name.
    :raises InvalidInputError: one of them is set, and Airflow is older.
    """
    if not IS_3_3 and (given := [name for name, value in options.items() if value]):
        raise InvalidInputError(f"{' and '.join(given)} needs Airflow 3.3; this is an older one (task SDK {sdk_version}). Leave it out.")


def task_state_store(context: Any) -> Any | None:
    """The task's state store; None before Airflow 3.3."""
    return context["task_state_store"] if IS_3_3 else None


def asset_state_store(trigger: Any) -> Any | None:
    """The state store of the asset that a trigger watches; None before Airflow 3.3, or if it watches none."""
    return getattr(trigger, "asset_state_store", None)


def keywords(function: Callable[..., Any], arguments: Collection[Any], context: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a decorated function takes by name from the task's context.

    :param arguments: what it is given by position.
    """
    try:
        from airflow.sdk.bases.decorator import determine_kwargs
    except ImportError:  # Airflow 3.1
        from airflow.utils.operator_helpers import determine_kwargs  # type: ignore[attr-defined]
    found: Mapping[str, Any] = determine_kwargs(function, arguments, context)
    return found


def in_thread(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """An awaitable version of a function that blocks because it asks Airflow, for a trigger's event loop.

    Airflow 3.1 passes the question to the event loop that asgiref's thread belongs to; a thread of :mod:`asyncio` has none.
    """
    from asgiref.sync import sync_to_async

    return sync_to_async(function, thread_sensitive=False)


async def cancelled(trigger: Any) -> None:
    """Call a cancelled trigger's ``on_kill``, as Airflow 3.3 does itself if the task is no longer deferred.

    In older versions, a trigger is also cancelled when its triggerer ends; ``on_kill`` finds out which it was.
    """
    if not IS_3_3:
        with suppress(Exception):
            await asyncio.wait_for(trigger.on_kill(), ON_KILL_WITHIN)


@cache
def stats() -> Any:
    """Airflow's ``Stats`` as configured in ``[metrics]``.

    Since Airflow 3.2, each process sets it up itself, and the triggerer's process does not.
    """
    from airflow.providers.common.compat.sdk import Stats

    if SDK < (1, 2):
        return Stats
    from airflow.sdk.observability.metrics import stats_utils

    if IS_3_3:
        Stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=conf.getboolean("metrics", "legacy_names_on"))
    else:
        Stats.initialize(factory=stats_utils.get_stats_factory(Stats))  # type: ignore[call-arg]
    return Stats
