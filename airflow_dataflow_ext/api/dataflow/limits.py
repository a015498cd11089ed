"""Limits of a job's usage: they are checked during the wait, and a job that exceeds one is stopped."""

from __future__ import annotations

import logging
import math

from airflow_dataflow_ext.api.dataflow.job import JobRef
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.states import CANCELLED, CANCELLING, DRAINED, DRAINING, TERMINAL, state_of
from airflow_dataflow_ext.api.dataflow.stop import drains, request_stop
from airflow_dataflow_ext.api.dataflow.usage import Spending, totals
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask, items
from airflow_dataflow_ext.api.rest.errors import CallError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Now, Say
from airflow_dataflow_ext.api.rest.times import epoch_or


class UsageGuard:
    """Stops a job that exceeds its limit.

    It keeps no state that matters: another process that waits for the job later reads the same figures.

    :param drain: drain a streaming job.
    """

    def __init__(self, job: JobRef, spending: Spending, *, drain: bool) -> None:
        self._job = job
        self._spending = spending
        self._drain = drain
        self._next = -math.inf
        self.patience = budgets.USAGE_EVERY if spending.is_limited else math.inf
        """Seconds within which the next check is due."""

    def check(self, job: Json) -> Conversation[None]:
        """Read what the job has used, if a check is due, and ask it to stop if that is too much. An error here ends no wait."""
        if not self._spending.is_limited or state_of(job) in TERMINAL:
            return
        now = yield Now()
        due = max(self._next, epoch_or(job.get("createTime"), 0.0) + budgets.USAGE_EVERY)
        self.patience = due - now if now < due else budgets.USAGE_EVERY
        if now < due:
            return
        self._next = now + budgets.USAGE_EVERY
        try:
            over = yield from self._excess()
            if over and not self._is_stopping(job):
                yield Say(f"{self._job} is over its limit: {over}.", logging.WARNING)
                if not (yield from request_stop(self._job, drain=self._drain and drains(job))):
                    self._next = now  # it is too young to be stopped
        except CallError as error:
            yield Say(f"Whether {self._job} is within its limit is not known: {error}", logging.WARNING)

    def verdict(self, job: Json) -> Conversation[str]:
        """The limit that a stopped job exceeded; empty if it exceeded none, or ended by itself."""
        if not self._spending.is_limited or state_of(job) not in (CANCELLED, DRAINED):
            return ""
        try:
            return (yield from self._excess())
        except CallError as error:
            yield Say(f"Whether {self._job} was within its limit is not known: {error}", logging.WARNING)
            return ""

    def _excess(self) -> Conversation[str]:
        reply = yield from ask(Job.get_metrics.request(**self._job.path), retry_for=budgets.METRICS_WITHIN)
        return self._spending.excess(totals(items([reply], "metrics")))

    def _is_stopping(self, job: Json) -> bool:
        return state_of(job) in ((CANCELLING, DRAINING) if self._drain else (CANCELLING,))
