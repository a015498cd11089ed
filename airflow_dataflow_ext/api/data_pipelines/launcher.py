"""The launcher for Data Pipelines: how a pipeline's job is started, found again, read and stopped.

A run has no name, label or request id. A launch's job is recognised because it is one of the pipeline's, was created after the launch was
intended, and did not exist before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct, field

from airflow_dataflow_ext.api.data_pipelines.methods import Pipeline, PipelineJob
from airflow_dataflow_ext.api.data_pipelines.pipelines import PipelineRef, job_place
from airflow_dataflow_ext.api.dataflow.capacity import shortage_behind
from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.states import state_of
from airflow_dataflow_ext.api.dataflow.stop import stop
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import Before
from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask, items
from airflow_dataflow_ext.api.rest.errors import CallError, LaunchError, NotFoundError
from airflow_dataflow_ext.api.rest.method import Json, Request, part
from airflow_dataflow_ext.api.rest.steps import Conversation, Say, Sleep
from airflow_dataflow_ext.api.rest.times import epoch_or

NEWEST = 100
"""How many of a pipeline's jobs are searched, newest first."""


class PipelineRunLauncher(Struct, frozen=True, kw_only=True):
    """One run of a pipeline.

    :param policy: what the task waits for.
    :param cancel_timeout: seconds to wait for an earlier job's end.
    """

    job_tells_place: ClassVar[bool] = True

    pipeline: PipelineRef
    policy: WaitPolicy = field(default_factory=WaitPolicy)
    cancel_timeout: float = budgets.STOP_WAIT

    def validation(self) -> Conversation[Json] | None:
        """None: the service cannot check a run without starting it."""
        return None

    def before(self) -> Conversation[Before]:
        return Before(others=tuple(str(job["id"]) for job in (yield from self._newest())))

    def name(self, identity: LaunchIdentity) -> str:
        return self.pipeline.name

    def place_of(self, times_full: int) -> Mapping[str, str]:
        return {}  # the pipeline determines the place

    def shortage_behind(self, error: CallError) -> str:
        return shortage_behind(error)

    def request(self, record: LaunchRecord, identity: LaunchIdentity) -> Request:
        return Pipeline.run.request({}, **self.pipeline.path)

    def job_in(self, reply: Json, record: LaunchRecord, identity: LaunchIdentity) -> Conversation[Json]:
        run = part(reply, "job")
        if not run.get("id"):
            said = part(run, "status").get("message") or "the service names no job"
            raise LaunchError(f"{self.pipeline} could not run: {said}")
        at = (yield from self._job_place()).job(str(run["id"]))
        for pause in budgets.LOOKUP_PAUSES:
            if pause:
                yield Sleep(pause)
            try:
                return (yield from _read(at))
            except NotFoundError as error:  # a new job cannot always be read at once
                unknown = error
        raise unknown

    def find(self, record: LaunchRecord, identity: LaunchIdentity) -> Conversation[Json | None]:
        since = record.since - budgets.CLOCK_SKEW
        newest = yield from self._newest()
        ours = [run for run in newest if run["id"] not in record.others and _created(run) >= since]
        if not ours:
            return None
        ids = [str(run["id"]) for run in sorted(ours, key=_created)]
        if len(ids) > 1:
            yield Say(f"{self.pipeline} has run {len(ids)} jobs since: {', '.join(ids)}. The first one is taken for this launch's.")
        return (yield from _read((yield from self._job_place()).job(ids[0])))

    def read(self, record: LaunchRecord) -> Conversation[Json]:
        return (yield from _read((yield from self._job_place()).job(record.job_id)))

    def watch_of(self, job: Mapping[str, Any], record: LaunchRecord) -> JobWatch:
        return JobWatch(job=self.pipeline.place.of(job), policy=self.policy)

    def state(self, job: Json) -> str:
        return state_of(job)

    def judge(self, job: Json) -> Phase:
        return self.policy.judge(job)

    def stop(self, job: Json) -> Conversation[None]:
        at, policy = self.pipeline.place.of(job), self.policy
        yield from stop(at, drain=policy.drain, wait_for=self.cancel_timeout, poll_sleep=policy.poll_sleep)

    def _newest(self) -> Conversation[list[Json]]:
        """The pipeline's newest jobs that exist in Dataflow; the service lists them by creation time."""
        body: Json = yield from ask(PipelineJob.list.request(**self.pipeline.path, pageSize=NEWEST))
        return [run for run in items([body], "jobs") if run.get("id")]

    def _job_place(self) -> Conversation[Place]:
        try:
            pipeline: Json = yield from ask(Pipeline.get.request(**self.pipeline.path))
        except NotFoundError as error:
            yield Say(f"{error} Its job is looked for in {self.pipeline.place}.")
            return self.pipeline.place
        return job_place(self.pipeline, pipeline)


def _created(run: Mapping[str, Any]) -> float:
    """When a run was created, in seconds since the epoch; if the service does not say, after all others."""
    return epoch_or(run.get("createTime"), math.inf)


def _read(at: JobRef) -> Conversation[Json]:
    job: Json = yield from ask(Job.get.request(**at.path, view="JOB_VIEW_DESCRIPTION"))
    return job
