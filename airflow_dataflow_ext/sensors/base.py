"""What every sensor that waits for a job has in common, whichever service runs it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue, conf

from airflow_dataflow_ext.api.errors import JobError
from airflow_dataflow_ext.api.states import Phase
from airflow_dataflow_ext.api.watching import Outcome, Watch, watching
from airflow_dataflow_ext.operators.edge import task_edge

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger


class JobSensor(BaseSensorOperator):
    """Waits for a job that something else has started. The result is the job with the REST API's field names.

    :param deferrable: wait in the triggerer.
    :param poll_interval: seconds between two looks.
    """

    def __init__(
        self,
        *,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"poke_interval": poll_interval, **kwargs})
        self.deferrable = deferrable
        self.poll_interval = poll_interval

    @cached_property
    @abstractmethod
    def hook(self) -> Any:
        """The hook of the connection."""

    @abstractmethod
    def watch(self) -> Watch:
        """What is waited for, from the rendered fields.

        :raises InvalidInputError: a field is wrong.
        """

    @abstractmethod
    def trigger(self, watch: Any) -> BaseTrigger:
        """What waits for it in the triggerer."""

    @abstractmethod
    def show(self, context: Context) -> None:
        """Point a person to the job."""

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        with task_edge():
            watch = self.watch()
            job = self.hook.run(watch.read())
            if watch.judge(job) is Phase.MOVING:
                self.log.info("%s is in state %s", watch.job_id, watch.state(job))
                return PokeReturnValue(is_done=False)
            return PokeReturnValue(is_done=True, xcom_value=self.hook.run(watching(watch)).result())

    def execute(self, context: Context) -> Any:
        """Look once; then wait here, or in the triggerer."""
        with task_edge():
            self.show(context)
        if not self.deferrable:
            return super().execute(context)
        looked = self.poke(context)
        if looked.is_done:
            return looked.xcom_value
        limits = [limit for limit in (self.execution_timeout, timedelta(seconds=self.timeout)) if limit is not None]
        self.defer(trigger=self.trigger(self.watch()), method_name="execute_complete", timeout=min(limits))

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> Any:
        """What the trigger saw decides exactly as if this worker had looked."""
        with task_edge():
            if "error" in event:
                raise JobError(str(event["error"]))
            return Outcome.deserialize(event).result()
