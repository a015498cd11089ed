"""What operators that act on existing Dataflow jobs have in common: the connection, and an action carried out here or there."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, conf

from airflow_dataflow_ext.api.dataflow.job import JobRef
from airflow_dataflow_ext.api.rest.errors import InvalidInputError, JobError
from airflow_dataflow_ext.links.dataflow import DataflowJobLink
from airflow_dataflow_ext.task.errors import task_errors

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_dataflow_ext.api.dataflow.actions import Action
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook


class DataflowOperator(BaseOperator):
    """Calls Dataflow over an Airflow connection.

    :param project_id: project of the job; the connection's by default (templated, like all arguments named here).
    :param location: location of the job; the connection's, or ``us-central1``, by default.
    :param gcp_conn_id: connection of type ``google_cloud_platform``.
    :param impersonation_chain: service account, or chain of them, to act as.
    """

    template_fields: Sequence[str] = ("project_id", "location", "gcp_conn_id", "impersonation_chain")
    ui_color = "#0273d4"

    def __init__(
        self,
        *,
        project_id: str | None = None,
        location: str | None = None,
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_id = project_id
        self.location = location
        self.gcp_conn_id = gcp_conn_id
        self.impersonation_chain = impersonation_chain

    @cached_property
    def hook(self) -> DataflowHook:
        """The hook of the connection."""
        from airflow_dataflow_ext.hooks.dataflow import DataflowHook

        return DataflowHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

    def show(self, context: Context, job_id: str) -> JobRef:
        """Point a person to the job."""
        where = self.hook.job(job_id, self.project_id, self.location)
        DataflowJobLink.persist(context, root=self.hook.root, project_id=where.project_id, location=where.location, job_id=where.job_id)
        return where


class DataflowActionOperator(DataflowOperator):
    """Carries out an action on jobs, here or in the triggerer, with the same end.

    :param deferrable: wait in the triggerer.
    :param poll_sleep: seconds between two looks.
    """

    def __init__(
        self,
        *,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_sleep: float = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not poll_sleep > 0:
            raise InvalidInputError(f"poll_sleep must be more than 0 seconds, not {poll_sleep!r}")
        self.deferrable = deferrable
        self.poll_sleep = poll_sleep

    @abstractmethod
    def action(self, context: Context) -> Action:
        """The action, from the rendered fields.

        :raises InvalidInputError: a field is wrong.
        """

    def execute(self, context: Context) -> Any:
        with task_errors():
            action = self.action(context)
            if not self.deferrable:
                return self.finish(context, self.hook.run(action.perform()))
        from airflow_dataflow_ext.triggers.dataflow_actions import DataflowActionTrigger

        trigger = DataflowActionTrigger(action=action.serialize(), conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)
        self.defer(trigger=trigger, method_name="execute_complete", timeout=self.execution_timeout)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> Any:
        """What the triggerer did counts exactly as if this worker had done it."""
        with task_errors():
            if "error" in event:
                raise JobError(str(event["error"]))
            return self.finish(context, event["result"])

    def finish(self, context: Context, result: Any) -> Any:
        """The task's result."""
        return result


def until(timeout: float | None) -> float | None:
    """The time, in seconds since the epoch, at which so many seconds are over; None for no end."""
    return None if timeout is None else time.time() + timeout
