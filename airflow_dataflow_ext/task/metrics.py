"""The package's metrics, sent through Airflow's ``Stats``; the page "Metrics" describes them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from airflow_dataflow_ext.api.rest.errors import CallError, lost
from airflow_dataflow_ext.task.compat import stats

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
    from airflow_dataflow_ext.api.jobs.launch_once import Launched
    from airflow_dataflow_ext.watch.round import Round

STARTED, ADOPTED = "dataflow_ext.launch.started", "dataflow_ext.launch.adopted"
REFUSED, UNANSWERED = "dataflow_ext.launch.refused", "dataflow_ext.launch.unanswered"
WAITS, LAST_GOOD = "dataflow_ext.board.waits", "dataflow_ext.board.last_good_age"
LOOKS, REQUESTS, ERRORS = "dataflow_ext.board.looks", "dataflow_ext.board.requests", "dataflow_ext.board.errors"
DELAY = "dataflow_ext.event.delay"


def count_launch(identity: LaunchIdentity, launch: Callable[[], Launched]) -> Launched:
    """Launch, and count the result."""
    tags = tags_of(identity)
    try:
        launched = launch()
    except CallError as error:
        stats().incr(UNANSWERED if lost(error) else REFUSED, tags=tags)
        raise
    count_launched(identity, launched)
    return launched


def count_launched(identity: LaunchIdentity, launched: Launched) -> None:
    """Count the job of a launch, and how often an answer was lost."""
    tags = tags_of(identity)
    stats().incr(ADOPTED if launched.adopted else STARTED, tags=tags)
    if launched.unanswered:
        stats().incr(UNANSWERED, launched.unanswered, tags=tags)


def tags_of(identity: LaunchIdentity) -> dict[str, str]:
    """The tags that Airflow uses for tasks."""
    return {"dag_id": identity.dag_id, "task_id": identity.task_id}


def report_round(place: Hashable, done: Round) -> None:
    """Report what a Board has done since its last report."""
    name_of_place = str(place) if "/" in str(place) else f"crm_analytics/{place}"
    tags = {"place": name_of_place}
    for name, value in ((LOOKS, done.looks), (REQUESTS, done.requests), (ERRORS, done.errors)):
        if value:
            stats().incr(name, value, tags=tags)
    legacy = name_of_place.replace(".", "_").replace(":", "_").replace("/", ".")
    for name, now in ((WAITS, done.waits), (LAST_GOOD, round(done.last_good_age, 1))):
        stats().gauge(name, now, tags=tags)
        stats().gauge(f"{name}.{legacy}", now)  # plain StatsD has no tags, and would keep only the last place's value


def time_event(seconds: float) -> None:
    """Report how long after a job's end the trigger sends its event."""
    stats().timing(DELAY, 1000 * max(seconds, 0.0))
