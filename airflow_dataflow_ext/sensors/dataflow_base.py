"""What the sensors at one Dataflow job have in common: where it is, starting and ending in the triggerer, conditions with a callback."""

from __future__ import annotations

import dataclasses
import importlib
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, PokeReturnValue, XComArg
from airflow.sdk.definitions.xcom_arg import PlainXComArg

from airflow_dataflow_ext.api.dataflow.conditions import Condition, ConditionWait, Entries, mark_of
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.links.dataflow import DataflowJobLink
from airflow_dataflow_ext.sensors.base import WaitSensor
from airflow_dataflow_ext.task.errors import task_errors
from airflow_dataflow_ext.task.start_from_trigger import renders_plainly, renders_there

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from airflow_dataflow_ext.api.dataflow.job import JobRef
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook


_WHERE = ("job_id", "project_id", "location")
"""What the triggerer renders, when the task starts there."""


class DataflowSensor(WaitSensor):
    """Waits at a Dataflow job.

    :param job_id: the job (templated, like the next four).
    :param project_id: project of the job; the connection's by default.
    :param location: location of the job; the connection's, or ``us-central1``, by default.
    :param gcp_conn_id: connection of type ``google_cloud_platform``.
    :param impersonation_chain: service account, or chain of them, to act as.
    :param end_from_trigger: with ``deferrable``: let the triggerer end the task, without a worker. Airflow then runs no
        ``on_success_callback`` or listener and writes no asset events, and the triggerer's log alone says why a task failed.
    :param start_from_trigger: start in the triggerer, too, so that the task takes no worker slot at all. Only ``job_id``,
        ``project_id`` and ``location`` are rendered then, there is no link to the job; a mapped task, or one with a template in
        another field, starts on a worker.

    See :class:`~airflow_dataflow_ext.sensors.base.WaitSensor` for ``deferrable`` and ``poll_interval``.
    """

    template_fields: Sequence[str] = ("job_id", "project_id", "location", "gcp_conn_id", "impersonation_chain")
    operator_extra_links: tuple[DataflowJobLink, ...] = (DataflowJobLink(),)
    trigger_class = ""
    """Where the trigger's class is; it is not imported while a DAG file is read."""

    def __init__(
        self,
        *,
        job_id: str,
        project_id: str | None = None,
        location: str | None = None,
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        end_from_trigger: bool = False,
        start_from_trigger: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.project_id = project_id
        self.location = location
        self.gcp_conn_id = gcp_conn_id
        self.impersonation_chain = impersonation_chain
        self.end_from_trigger = end_from_trigger
        if (end_from_trigger or start_from_trigger) and not self.deferrable:
            raise InvalidInputError("end_from_trigger and start_from_trigger need deferrable=True")
        self.start_from_trigger = start_from_trigger

    def start_here(self) -> None:
        """Let the task start in the triggerer, if that is asked for and nothing needs a worker to be rendered; called when all fields
        are set."""
        here = {name: _as_text(getattr(self, name)) for name in _WHERE}
        others = (getattr(self, name) for name in self.template_fields if name not in _WHERE)
        can = all(value is None or (isinstance(value, str) and renders_there(value)) for value in here.values())
        if any(map(_is_template, others)) or not (can and renders_plainly(self)):
            self.start_from_trigger = False
        if self.start_from_trigger:
            from airflow.triggers.base import StartTriggerArgs

            self.start_trigger_args = StartTriggerArgs(
                trigger_cls=self.trigger_class,
                next_method="execute_complete",
                trigger_kwargs={**self.trigger_fields(None), **here},
                timeout=self.patience,
            )

    @cached_property
    def hook(self) -> DataflowHook:
        """The hook of the connection."""
        from airflow_dataflow_ext.hooks.dataflow import DataflowHook

        return DataflowHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

    @property
    def where(self) -> JobRef:
        """The job, with its place filled in."""
        return self.hook.job(self.job_id, self.project_id, self.location)

    def show(self, context: Context) -> None:
        at = self.where
        DataflowJobLink.persist(context, root=self.hook.root, project_id=at.project_id, location=at.location, job_id=at.job_id)

    def trigger_fields(self, until: float | None) -> Json:
        """What the trigger is made of.

        :param until: when the wait is over, in seconds since the epoch.
        """
        return {
            "job_id": self.job_id,
            "project_id": self.project_id,
            "location": self.location,
            "poll_sleep": self.poll_interval,
            "end_from_trigger": self.end_from_trigger,
            "skips": self.skips,
            "conn_id": self.gcp_conn_id,
            "impersonation_chain": self.impersonation_chain,
        }

    def deferral(self, until: float) -> BaseTrigger:
        module, _, name = self.trigger_class.rpartition(".")
        trigger: BaseTrigger = getattr(importlib.import_module(module), name)(**self.trigger_fields(until))
        return trigger


class DataflowConditionSensor(DataflowSensor):
    """Waits for something that a job shows.

    :param callback: is given what there is, and says whether the wait is over: by a PokeReturnValue, or by anything true, which
        is then the result. It runs on a worker; while deferred it is asked whenever there is something else than before.
    :param fail_on_terminal_state: fail when the job has ended; False waits on.

    See :class:`~airflow_dataflow_ext.sensors.dataflow_base.DataflowSensor` for the other arguments.
    """

    trigger_class = "airflow_dataflow_ext.triggers.dataflow_waits.DataflowConditionTrigger"

    def __init__(self, *, callback: Callable[..., Any] | None = None, fail_on_terminal_state: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if callback is not None and (self.end_from_trigger or self.start_from_trigger):
            raise InvalidInputError("callback runs on a worker: leave out end_from_trigger and start_from_trigger")
        self.callback = callback
        self.fail_on_terminal_state = fail_on_terminal_state
        self._seen: str | None = None

    @abstractmethod
    def condition(self) -> Condition:
        """What is waited for, from the rendered fields.

        :raises InvalidInputError: a field is wrong.
        """

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        with task_errors():
            vigil = self._wait_for(self._condition_now(first=True))
            return self._judge(self.look(vigil.once(retry_for=self.retry_for)))

    def judge(self, event: Json) -> PokeReturnValue:
        return self._judge(event["found"])

    def trigger_fields(self, until: float | None) -> Json:
        mine = {"condition": self._condition_now().serialize(), "fail_on_terminal_state": self.fail_on_terminal_state, "until": until}
        return {**super().trigger_fields(until), **mine}

    def _wait_for(self, condition: Condition) -> ConditionWait:
        return ConditionWait(at=self.where, condition=condition, ends_with_job=self.fail_on_terminal_state, poll_sleep=self.poll_interval)

    def _condition_now(self, *, first: bool = False) -> Condition:
        """What is waited for now: with a callback whatever it has not been given yet, be it nothing at all."""
        condition = self.condition()
        if isinstance(condition, Entries) and self.callback is not None:
            return dataclasses.replace(condition, seen="" if first or self._seen is None else self._seen)
        return condition

    def _judge(self, found: Any) -> PokeReturnValue:
        if found is None:
            return PokeReturnValue(is_done=False)
        self._seen = mark_of(found)
        result = found if self.callback is None else self.callback(found)
        if isinstance(result, PokeReturnValue):
            return result
        return PokeReturnValue(is_done=self.callback is None or bool(result), xcom_value=result)


def _as_text(value: Any) -> Any:
    """The output of another task, if that is not mapped, as an expression that the triggerer can render."""
    of = value.operator if isinstance(value, PlainXComArg) else None
    if not isinstance(of, BaseOperator) or of.get_closest_mapped_task_group():
        return value
    return f"{{{{ ti.xcom_pull(task_ids={of.task_id!r}, key={value.key!r}, map_indexes=-1) }}}}"


def _is_template(value: Any) -> bool:
    """Whether a worker has to render it."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    return isinstance(value, XComArg) or (isinstance(value, list | tuple) and any(map(_is_template, value)))
