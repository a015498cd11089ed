"""Operators that take and delete snapshots of streaming Dataflow jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from airflow_dataflow_ext.api.rest.arguments import given
from airflow_dataflow_ext.api.rest.errors import InvalidInputError, NotFoundError
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import duration, seconds
from airflow_dataflow_ext.operators.dataflow_base import DataflowActionOperator
from airflow_dataflow_ext.operators.waiting import until
from airflow_dataflow_ext.task.connection import DataflowTask
from airflow_dataflow_ext.task.errors import task_errors
from airflow_dataflow_ext.task.flags import Flag
from airflow_dataflow_ext.task.identity import identity_of
from airflow_dataflow_ext.task.templating import is_template

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_dataflow_ext.api.dataflow.actions import SnapshotAction


class DataflowCreateSnapshotOperator(DataflowActionOperator):
    """Take a snapshot of a running streaming job and wait until a job can start from it; the result is the Snapshot.

    XCom ``snapshot_id`` holds its id. A retry takes over the snapshot of an earlier attempt; a cleared task takes a new one.

    https://cloud.google.com/dataflow/docs/guides/using-snapshots

    :param job_id: the job (templated).
    :param ttl: how long the service keeps the snapshot: in seconds, as a timedelta, or as text like ``604800s`` (templated).
    :param description: a description of the snapshot (templated), to which the operator adds what identifies the attempt.
    :param snapshot_sources: also snapshot the Pub/Sub sources (templated).
    :param wait_until_ready: False ends the task as soon as the snapshot has begun (templated).
    :param ready_timeout: seconds to wait until it is ready; None waits until the task's own timeout.

    See :class:`~airflow_dataflow_ext.operators.dataflow_base.DataflowActionOperator` for the other arguments.
    """

    template_fields = (
        *("job_id", "ttl", "description", "snapshot_sources", "wait_until_ready"),
        *DataflowTask.template_fields,
    )
    snapshot_sources = Flag()
    wait_until_ready = Flag()

    def __init__(
        self,
        *,
        job_id: str,
        ttl: str | float | timedelta = "604800s",
        description: str | None = None,
        snapshot_sources: bool | str = False,
        wait_until_ready: bool | str = True,
        ready_timeout: float | None = 30 * 60,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.ttl = ttl if is_template(ttl) else _duration(ttl)
        self.description = description
        self.snapshot_sources = snapshot_sources
        self.wait_until_ready = wait_until_ready
        self.ready_timeout = seconds(ready_timeout, "ready_timeout")

    def action(self, context: Context, *, clear_key: int) -> SnapshotAction:
        from airflow_dataflow_ext.api.dataflow.actions import SnapshotAction

        at = self.hook.job(self.job_id, self.project_id, self.location)
        self.show_job(context, at)
        identity = replace(identity_of(context), generation=clear_key)
        return SnapshotAction(
            job=at,
            mark=f"airflow {identity.suffix}",
            ttl=_duration(self.ttl),
            description=given(self.description) or "",
            sources=self.snapshot_sources,
            wait=self.wait_until_ready,
            until=until(self.ready_timeout),
            poll_sleep=self.poll_sleep,
        )


def _duration(ttl: str | float | timedelta) -> str:
    """The duration as the service takes it, for example ``604800s``."""
    found = duration(ttl, "ttl")
    if not float(found.removesuffix("s")) > 0:
        raise InvalidInputError(f"ttl must be more than 0 seconds, not {shown(ttl)}")
    return found


class DataflowDeleteSnapshotOperator(DataflowTask):
    """Delete a snapshot; if it does not exist, the task logs a warning.

    https://cloud.google.com/dataflow/docs/guides/using-snapshots#delete_a_snapshot

    :param snapshot_id: the snapshot (templated).

    See :class:`~airflow_dataflow_ext.task.connection.DataflowTask` for the other arguments.
    """

    template_fields = ("snapshot_id", *DataflowTask.template_fields)
    operator_extra_links = ()  # there is no job to link to

    def __init__(self, *, snapshot_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.snapshot_id = snapshot_id

    def execute(self, context: Context) -> None:
        with task_errors():
            try:
                self.hook.delete_snapshot(self.snapshot_id, project_id=self.project_id, location=self.location)
            except NotFoundError as gone:
                self.log.warning("There is no snapshot to delete: %s", gone)
            else:
                self.log.info("Snapshot %s in %s is deleted.", self.snapshot_id, self.place)
