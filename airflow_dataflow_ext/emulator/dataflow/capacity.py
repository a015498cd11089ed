"""Lack of capacity: a project's quota of jobs, and locations in which Compute Engine has no machines."""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_dataflow_ext.api.dataflow.states import BATCH, FAILED, PENDING, STREAMING
from airflow_dataflow_ext.emulator.dataflow.jobs import Jobs
from airflow_dataflow_ext.emulator.dataflow.places import regions
from airflow_dataflow_ext.emulator.engines.contract import Engine, Report, Work
from airflow_dataflow_ext.emulator.engines.scripted import Script, ScriptedEngine, Scripts, streams
from airflow_dataflow_ext.emulator.engines.timeline import JobMessage, State
from airflow_dataflow_ext.emulator.http.clock import Clock
from airflow_dataflow_ext.emulator.http.errors import not_now, short
from airflow_dataflow_ext.emulator.http.payload import check

NO_MACHINES = "ZONE_RESOURCE_POOL_EXHAUSTED"
_REASON = re.compile(rf"{NO_MACHINES}|QUOTA_FOR_[A-Z0-9_]{{1,50}}", re.ASCII)
_FAILS_AFTER = 2.0
"""Seconds from a job's creation until it fails in a full location."""


@dataclass(kw_only=True)
class Capacity:
    """How many jobs the service accepts, and where they get workers.

    :param jobs_per_project: greatest number of active jobs of a project in all locations; None for no limit.
    :param full: region -> why jobs get no workers there: ``ZONE_RESOURCE_POOL_EXHAUSTED``, or the name of a quota of Compute Engine
        such as ``QUOTA_FOR_INSTANCES``. A job whose workers are to run there is accepted, and fails before any work.
    """

    jobs_per_project: int | None = None
    full: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check(int | None, self.jobs_per_project, "jobs_per_project")
        if self.jobs_per_project is not None and self.jobs_per_project < 0:
            raise ValueError(f"jobs_per_project must be at least 0, or None for no limit, not {self.jobs_per_project}")
        check(Mapping[str, str], self.full, "full")
        for location, reason in self.full.items():
            if location not in regions():
                raise ValueError(f"full names {short(location)}, which is not a Dataflow region; use one such as 'us-central1'")
            if not _REASON.fullmatch(reason):
                raise ValueError(f"full must give {NO_MACHINES} or QUOTA_FOR_... as the reason for {location}, not {short(reason)}")

    def check_quota(self, jobs: Jobs, project: str) -> None:
        """Check whether one more job of the project may be created; the text is that of https://github.com/apache/beam/pull/34381

        The status is unverified: it is that of another refusal with the same beginning,
        https://github.com/hashicorp/terraform-provider-google/issues/16159

        :raises ApiError: the project's quota of jobs is used up.
        """
        running = jobs.count_active(project)
        if self.jobs_per_project is not None and running >= self.jobs_per_project:
            raise not_now(
                f"The workflow could not be created. Causes: ({secrets.token_hex(8)}): Dataflow quota error for jobs-per-project quota. "
                f"Project {project} is running {running} jobs. Please check the quota usage via GCP Console. If it exceeds the limit, "
                "please wait for a workflow to finish or contact Google Cloud Support to request an increase in quota. If it does not, "
                "contact Google Cloud Support."
            )


class CapacityEngine:
    """Fails the jobs of full locations; another engine runs all other jobs."""

    def __init__(self, engine: Engine, clock: Clock, capacity: Capacity) -> None:
        self.name = engine.name
        self._engine = engine
        self._failing = ScriptedEngine(clock, Scripts())
        self._capacity = capacity

    def start(self, work: Work, report: Report) -> None:
        reason = self._capacity.full.get(_region(work))
        if reason is None:
            self._engine.start(work, report)
        else:
            self._failing.play(work, report, _failure(work, reason))

    def stop(self, job_id: str, *, drain: bool) -> None:
        for engine in (self._failing, self._engine):  # an engine that does not run the job ignores this
            engine.stop(job_id, drain=drain)

    async def close(self) -> None:
        await self._failing.close()
        await self._engine.close()


def _failure(work: Work, reason: str) -> Script:
    """The script of a job that gets no workers; a Flex job that gets no launcher never leaves the queue."""
    is_launched = work.kind != "flex" or reason != NO_MACHINES
    started = [(0.5, State(PENDING))] if is_launched else []
    errors = [(_FAILS_AFTER, JobMessage(text, "JOB_MESSAGE_ERROR")) for text in _errors(work, reason)]
    return Script(steps=[*started, *errors, (_FAILS_AFTER, State(FAILED))], type=STREAMING if streams(work) else BATCH)


def _errors(work: Work, reason: str) -> tuple[str, ...]:
    """The service's messages, by the kind of job and by what is lacking.

    Sources, in this order: https://github.com/googlecodelabs/feedback/issues/967 ,
    https://github.com/GoogleCloudPlatform/DataflowTemplates/issues/2263 , https://github.com/GoogleCloudPlatform/pontem/issues/251
    """
    if reason != NO_MACHINES:
        limit = f"Exceeded limit '{reason}' on resource '{work.job_name}-harness'. Limit: 8.0 HTTP Code: 403"
        return (f"Workflow failed. Causes: Error: Message: {limit}",)
    zone = _zone(work)
    lacking = (
        f"The zone 'projects/{work.project_id}/zones/{zone}' does not have enough resources available to fulfill the request.  "
        "Try a different zone, or try again later."
    )
    if work.kind == "flex":
        launcher, operation = (random.randrange(10**17, 10**18) for _ in range(2))
        start = f"Failed to start the VM, launcher-{launcher}, used for launching because of status code: RESOURCE_EXHAUSTED, reason:"
        return (f"{start} One or more operations had an error: 'operation-{operation}': [{reason}] '{lacking}'..",)
    guide = "Please refer to https://cloud.google.com/dataflow/docs/guides/common-errors#worker-pool-failure for help troubleshooting."
    startup = f"Startup of the worker pool in zone {zone} failed to bring up any of the desired 1 workers. {guide}"
    return f"{startup} {reason}: Instance creation failed: {lacking}", "Workflow failed."


def _region(work: Work) -> str:
    """The region of the job's workers: the one that its launch or graph names, or that of its zone, else the job's location."""
    return _environment(work).get("workerRegion") or _named_zone(work).rpartition("-")[0] or work.location


def _zone(work: Work) -> str:
    """The zone of the job's workers; which zone the service chooses by itself is unknown."""
    return _named_zone(work) or f"{_region(work)}-f"


def _named_zone(work: Work) -> str:
    environment = _environment(work)
    pools = environment.get("workerPools", ())
    named = (environment.get("workerZone"), environment.get("zone"), *(pool.get("zone") for pool in pools))
    return next(filter(None, named), "")


def _environment(work: Work) -> Mapping[str, Any]:
    found: Mapping[str, Any] = work.spec.get("environment", {}) if work.kind == "create" else work.environment
    return found
