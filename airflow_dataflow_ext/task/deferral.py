"""The base of every task that waits, operator or sensor: where it waits, who ends it, and how long it may take."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.task.compat import AirflowTaskTimeout, conf, needs_3_3
from airflow_dataflow_ext.task.flags import Flag
from airflow_dataflow_ext.task.start_from_trigger import StartsFromTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from airflow_dataflow_ext.api.rest.method import Json

BEGAN = "began"
"""The key under which a deferral passes on when its try began, since Airflow's versions differ in what they say about it later."""


class DeferrableTask(StartsFromTrigger):
    """Waits on its worker or, with the same result, in the triggerer. ``execution_timeout`` covers the whole try, with all deferrals.

    :param deferrable: wait in the triggerer. The default is Airflow's ``[operators] default_deferrable``.
    :param end_from_trigger: let the triggerer end the task, so that no worker resumes it; requires ``deferrable``. Airflow then runs no
        ``on_success_callback`` or listener and writes no asset events, and only the triggerer's log says why a task failed. A task with
        ``multiple_outputs``, or over whose result another task is mapped, still ends on a worker.
    :param start_from_trigger: start in the triggerer, so that no worker has to begin the task; requires ``deferrable`` and, for an
        operator, ``end_from_trigger``. A mapped task, or one that needs what only a worker has, still starts on a worker; the page
        "Waiting" lists these cases.
    """

    deferrable = Flag()
    end_from_trigger = Flag()
    ends_where_it_starts = True
    """Whether a task that starts in the triggerer must end there, too."""
    skips: Any = False
    """Whether the task is skipped instead of failed."""
    _try_began: float | None = None

    def __init__(
        self,
        *,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        end_from_trigger: bool = False,
        start_from_trigger: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deferrable = deferrable
        self.end_from_trigger = end_from_trigger
        self.start_from_trigger = start_from_trigger
        options = {"end_from_trigger": self.end_from_trigger, "start_from_trigger": self.may_start_here}
        needs_3_3(**options)
        if given := [name for name, value in options.items() if value and not self.deferrable]:
            raise InvalidInputError(f"{' and '.join(given)} needs deferrable=True")
        if self.may_start_here and self.ends_where_it_starts and not self.end_from_trigger:
            raise InvalidInputError("start_from_trigger needs end_from_trigger=True: a task that begins without a worker ends without one")

    @property
    def patience(self) -> timedelta | None:
        """How long a try may take; None for no limit."""
        return self.execution_timeout

    @property
    def ends_in_triggerer(self) -> bool:
        """Whether the triggerer ends the task. It does not if a task is mapped over the result, whose length Airflow would not learn."""
        is_mapped_over = self.get_dag() is not None and next(self.iter_mapped_dependants(), None) is not None
        return bool(self.end_from_trigger) and not (self.multiple_outputs or is_mapped_over)

    def needs_worker(self) -> bool:
        return super().needs_worker() or bool(self.end_from_trigger and not self.ends_in_triggerer)

    @property
    def trigger_options(self) -> Json:
        """The arguments that every trigger receives from its task, apart from the connection."""
        return {"end_from_trigger": self.ends_in_triggerer, "do_xcom_push": self.do_xcom_push, "skips": self.skips}

    def wait_in_triggerer(self, context: Context, trigger: BaseTrigger, method_name: str = "execute_complete") -> NoReturn:
        """Defer for the time that is left of :attr:`patience` since the try began; if none is left, the task times out."""
        left = self.time_left(context)
        self.defer(trigger=trigger, method_name=method_name, kwargs={BEGAN: self._begun(context)}, timeout=left)
        raise AssertionError("defer raises")

    def time_left(self, context: Context) -> timedelta | None:
        """The time that is left of :attr:`patience`; if none is left, the task times out."""
        if self.patience is None:
            return None
        left = self.patience + timedelta(seconds=self._begun(context) - time.time())
        if left <= timedelta(0):
            self.time_out()
        return left

    def _begun(self, context: Context) -> float:
        """When the try began, in seconds since the epoch."""
        began: float = context["ti"].start_date.timestamp() if self._try_began is None else self._try_began
        return began

    def time_out(self) -> NoReturn:
        """Fail as a task that has waited too long on its worker."""
        raise AirflowTaskTimeout(f"Timeout: the task has taken {self.patience}, all its deferrals included.")

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume as any task does, within the try that began before the deferral."""
        known = dict(next_kwargs or {})
        self._try_began = known.pop(BEGAN, None)
        return super().resume_execution(next_method, known, context)
