"""What an operator does while Dataflow has no capacity for its job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args

from airflow_dataflow_ext.api.jobs.launch_once import pause_before_next
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidInputError, JobEndError
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import sequence
from airflow_dataflow_ext.operators.base import LaunchOperator
from airflow_dataflow_ext.task.compat import needs_3_3
from airflow_dataflow_ext.task.templating import is_template

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_dataflow_ext.api.rest.method import Json

WhenFull = Literal["fail", "wait"]


class WaitsForRoom(LaunchOperator):
    """Launches the job in another location, or later, while the service has no capacity for it; never more than one job at a time.

    :param when_full: what to do while the service has no capacity for the job: a quota of jobs or machines is used up, or a zone has no
        machines left. ``wait`` launches again until ``execution_timeout``, after pauses in the triggerer that grow to 15 minutes; ``fail``
        fails the task with :class:`~airflow_dataflow_ext.exceptions.NoCapacityError`.

    See :class:`~airflow_dataflow_ext.operators.base.LaunchOperator` for the other arguments.
    """

    fallback_locations: Sequence[str] = ()

    def __init__(self, *, when_full: WhenFull = "fail", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if when_full not in get_args(WhenFull):
            raise InvalidInputError(f"when_full must be one of {', '.join(get_args(WhenFull))}, not {shown(when_full)}")
        needs_3_3(when_full=when_full != "fail")
        self.when_full: WhenFull = when_full

    @property
    def launches_again(self) -> bool:
        """Whether more than one job may be launched, one after the other."""
        return self.when_full == "wait" or is_template(self.fallback_locations) or bool(self._fallbacks)

    @property
    def _fallbacks(self) -> Sequence[str]:
        """The fallback locations, which a template may have rendered as the text of a list."""
        return sequence(self.fallback_locations, "fallback_locations")

    def go_on(self, context: Context, step: Callable[[], Json]) -> Json:
        """Carry out the rest of the task; while the service has no capacity, launch the job again."""
        while True:
            try:
                return step()
            except (CallError, JobEndError) as error:
                pause = self._pause(context) if error.cause == "capacity" else None
                if pause is None:
                    raise
                self.log.warning("%s Launching again%s.", error, f" in {pause:.0f} s" if pause else " in the next location")
            if pause:
                self._pause_in_triggerer(context, pause)
            step = partial(self._launch_and_wait, context)

    def _pause(self, context: Context) -> float | None:
        """Seconds until the next launch, after one for which there was no capacity; None if the job is not launched again."""
        asking = pause_before_next(places=1 + len(self._fallbacks), waits=self.when_full == "wait")
        pause: float | None = self.hook.run(asking, self._store(context))
        return pause

    def _pause_in_triggerer(self, context: Context, pause: float) -> NoReturn:
        from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

        self.wait_in_triggerer(context, TimeDeltaTrigger(timedelta(seconds=pause)), "execute_when_there_may_be_room")

    def execute_when_there_may_be_room(self, context: Context, event: Any) -> Json:
        """Launch the job again, after a pause in the triggerer."""
        self.time_left(context)
        return self.execute(context)
