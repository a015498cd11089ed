"""The trigger that turns the ends of Dataflow jobs into asset events, so that they start DAGs."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from fnmatch import fnmatchcase

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_dataflow_ext.api.dataflow.finished_jobs import Ledger, ended_at, finished_jobs
from airflow_dataflow_ext.api.dataflow.job import check_location
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.states import TERMINAL, read_states
from airflow_dataflow_ext.api.jobs.watch import check_poll_sleep
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.arguments import needed
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import CallError, DataflowExtError, InvalidInputError
from airflow_dataflow_ext.api.rest.method import Json, part
from airflow_dataflow_ext.api.rest.values import read
from airflow_dataflow_ext.task.compat import asset_state_store
from airflow_dataflow_ext.task.metrics import report_round
from airflow_dataflow_ext.triggers.dataflow import DataflowTrigger
from airflow_dataflow_ext.watch.channel import Channel

log = logging.getLogger(__name__)

_SHARED = ("project_id", "location", "poll_sleep", "conn_id", "impersonation_chain")


class DataflowJobEventTrigger(BaseEventTrigger):
    """Fires an event for each matching job that ends from now on; the event's payload is the Job.

    Use it in an ``AssetWatcher``. All such triggers in one project and location share one list call per ``poll_sleep`` seconds.
    The asset's state store remembers what was reported, so that a restarted triggerer continues where the last one stopped. If the
    triggerer stops within five seconds of an event, that event may be repeated.

    :param name: pattern of the job's name, for example ``wordcount-*``.
    :param labels: labels that the job must have; each candidate is then read singly, because lists do not show labels.
    :param states: the terminal states to report; all of them by default.
    :param project_id: project of the jobs; the connection's by default.
    :param location: location of the jobs; by default the connection's, or ``us-central1``.
    :param poll_sleep: seconds between two list calls.
    :param conn_id: connection of type ``google_cloud_platform``.
    :param impersonation_chain: service account to impersonate, or a chain of accounts that ends with it; the connection's by default.
    :raises InvalidInputError: a state is not terminal, or ``poll_sleep`` is not greater than 0.
    """

    def __init__(
        self,
        *,
        name: str = "*",
        labels: Mapping[str, str] | str | None = None,
        states: Sequence[str] | str = (),
        project_id: str | None = None,
        location: str | None = None,
        poll_sleep: float = budgets.EVENT_POLL_SLEEP,
        conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.states = read_states(states, "states") if states else []
        if wrong := sorted(set(self.states) - TERMINAL):
            raise InvalidInputError(f"no job ends as {', '.join(wrong)}; jobs end as {', '.join(sorted(TERMINAL))}")
        self.name = needed(name, "name")
        self.labels: dict[str, str] = read("{string}", labels, "labels", {}) or {}
        self.project_id = project_id
        self.location = location if location is None else check_location(location)
        self.poll_sleep = check_poll_sleep(poll_sleep)
        self.conn_id = conn_id
        self.impersonation_chain = impersonation_chain

    def serialize(self) -> tuple[str, Json]:
        cls = type(self)
        fields = {name: getattr(self, name) for name in ("name", "states", *_SHARED)}
        # As text: Airflow 3.2 gives a watcher's trigger a mapping in the wrapping in which it was stored.
        return f"{cls.__module__}.{cls.__qualname__}", {**fields, "labels": json.dumps(self.labels)}

    def shared_stream_key(self) -> Hashable:
        return json.dumps(["dataflow finished_jobs", *(getattr(self, name) for name in _SHARED)])

    @classmethod
    async def open_shared_stream(cls, kwargs: Json) -> AsyncIterator[list[Json]]:
        """Yields the recently ended jobs after each list call."""
        since: float | None = None
        while True:
            try:
                async with _channel(kwargs) as channel:
                    place = channel.hook.place(kwargs["project_id"], kwargs["location"])
                    while True:
                        ended = await channel.run(finished_jobs(place, time.time() - budgets.CLOCK_SKEW if since is None else since), log)
                        since = Ledger(latest=max(map(ended_at, ended), default=time.time() - budgets.CLOCK_SKEW)).since
                        yield ended
                        await asyncio.sleep(kwargs["poll_sleep"])
            except Exception as error:
                log.error("The ends of jobs cannot be listed, trying again in %.0f s: %s", budgets.AFTER_TROUBLE, error)
            await asyncio.sleep(budgets.AFTER_TROUBLE)

    async def filter_shared_stream(self, shared_stream: AsyncIterator[list[Json]]) -> AsyncIterator[TriggerEvent]:
        """Yields this trigger's events: first those that it has missed, then new ones."""
        ledger: Ledger | None = None
        async for ended in shared_stream:
            if ledger is None:
                try:
                    ledger, ended = await self._begin(ended)
                except DataflowExtError as error:
                    log.error("What has ended meanwhile cannot be listed, trying again with the next round: %s", error)
                    continue
            fresh = list(ledger.fresh(ended))
            for job in fresh:
                if (found := await self._matching(job)) is not None:
                    yield TriggerEvent(found)  # type: ignore[no-untyped-call]
            if fresh:
                await asyncio.sleep(min(budgets.EVENT_ARRIVES, self.poll_sleep))
                await self._keep(ledger)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yields the same events without a shared stream."""
        async for event in self.filter_shared_stream(self.open_shared_stream(self.serialize()[1])):
            yield event

    async def _begin(self, ended: list[Json]) -> tuple[Ledger, list[Json]]:
        """Where the last run of this trigger stopped, and the jobs that have ended since; a new trigger begins now."""
        store = asset_state_store(self)
        kept = await store.aget(self._key) if store is not None else None
        if not kept:
            begin = time.time() - budgets.CLOCK_SKEW + budgets.ENDS_OVERLAP
            ledger = Ledger(latest=max([*map(ended_at, ended), begin]))  # jobs that ended before the first list do not count
            for _ in ledger.fresh(ended):
                pass
            await self._keep(ledger)
            return ledger, []
        ledger = Ledger.deserialize(kept)
        async with _channel(self.serialize()[1]) as channel:
            place = channel.hook.place(self.project_id, self.location)
            return ledger, await channel.run(finished_jobs(place, ledger.since), log)

    async def _keep(self, ledger: Ledger) -> None:
        store = asset_state_store(self)
        if store is not None:
            await store.aset(self._key, ledger.serialize())

    @property
    def _key(self) -> str:
        """Key of this trigger in the state store: one asset may have several such watchers."""
        return "dataflow-finished_jobs-" + hashlib.sha256(json.dumps(self.serialize(), sort_keys=True).encode()).hexdigest()[:12]

    async def _matching(self, job: Json) -> Json | None:
        if not fnmatchcase(str(job.get("name")), self.name) or (self.states and job.get("currentState") not in self.states):
            return None
        if not self.labels:
            return job
        async with _channel(self.serialize()[1]) as channel:
            path = channel.hook.job(job["id"], self.project_id, self.location).path
            try:
                whole: Json = await channel.run(ask(Job.get.request(**path, view="JOB_VIEW_DESCRIPTION"), retry_for=None), log)
            except CallError as error:
                log.error("The labels of job %s cannot be read, so it is passed over: %s", job["id"], error)
                return None
        labels = part(whole, "labels")
        return {**job, "labels": labels} if self.labels.items() <= labels.items() else None


def _channel(kwargs: Json) -> AbstractAsyncContextManager[Channel]:
    conn_id, chain = kwargs["conn_id"], kwargs["impersonation_chain"]
    key = (DataflowTrigger.make_hook, conn_id, json.dumps({"impersonation_chain": chain}))
    return Channel.to(key, functools.partial(DataflowTrigger.make_hook, conn_id, impersonation_chain=chain), report_round)
