"""A minimal simulation of Dataflow for conversations about launches: jobs, a clock, and network trouble.

Unlike the real service, it accepts a second job with the same name, so that only the conversation can prevent a duplicate. It refuses a
job whose name a foreign job has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_dataflow_ext.api.dataflow.states import TERMINAL
from airflow_dataflow_ext.api.rest.method import Reply, Request
from airflow_dataflow_ext.api.rest.times import rfc3339
from tests.talk import RESET, ok, refused

Json = dict[str, Any]
CANCELLED = "JOB_STATE_CANCELLED"
CANCEL_TAKES = 15.0
"""Seconds from the request to cancel a job to the job's end."""


@dataclass
class CloudJob:
    """One job; the list contains it from the time ``listed`` on, and a single read finds it from ``readable`` on."""

    id: str
    name: str
    labels: Mapping[str, str]
    created: float
    listed: float
    readable: float
    state: str = "JOB_STATE_RUNNING"
    ends: float = field(default=float("inf"))
    foreign: bool = False
    location: str = "l"

    @property
    def moves(self) -> bool:
        return self.state not in TERMINAL

    def summary(self) -> Json:
        told = {"id": self.id, "name": self.name, "location": self.location, "currentState": self.state, "type": "JOB_TYPE_BATCH"}
        return {**told, "createTime": rfc3339(self.created)}

    def description(self) -> Json:
        return {**self.summary(), "labels": dict(self.labels)}


class Cloud:
    """Answers requests, each with at most one trouble.

    ``lost before`` and ``lost after``: there is no answer, and the request has no effect, or has it; ``500 before`` and ``500 after``: the
    same with the answer 500; ``empty before`` and ``empty after``: a launch is answered 200 without a job; ``429``, ``401`` and ``full``:
    refusals without effect; ``twin``: the launch takes effect and is answered 409, as if the request had been sent twice.
    """

    TROUBLES = ("", "lost before", "lost after", "500 before", "500 after", "empty before", "empty after", "429", "401", "full", "twin")

    def __init__(self, lags: tuple[float, float] = (0.0, 0.0), on_launch: Callable[[CloudJob], None] = lambda job: None) -> None:
        self.now = 1_000_000.0
        self.lags = lags
        self.jobs: list[CloudJob] = []
        self._on_launch = on_launch

    @property
    def moving(self) -> list[CloudJob]:
        return [job for job in self.jobs if job.moves]

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for job in self.moving:
            if job.ends <= self.now:
                job.state = CANCELLED

    def answer(self, request: Request, trouble: str = "") -> Any:
        """The answer to a request."""
        if trouble in ("429", "401"):
            return refused(int(trouble), retry_after="3")
        if trouble == "full" and request.method.id == "templates.launch":
            return refused(400, "Dataflow quota error for jobs-per-project quota. Project p is running 25 jobs.")
        if trouble.startswith("empty") and request.method.id != "templates.launch":
            trouble = ""
        if trouble.endswith("before"):
            return _broken(trouble)
        reply = getattr(self, "_" + request.method.id.replace(".", "_"))(request)
        if trouble.endswith("after"):
            return _broken(trouble)
        if trouble == "twin" and request.method.id == "templates.launch":
            return refused(409, "There is already an active job of this name.")
        return reply

    def launch(self, name: str, labels: Mapping[str, str], location: str = "l") -> CloudJob:
        """Add a new job."""
        listed, readable = self.lags
        number = len(self.jobs) + 1
        job = CloudJob(f"job-{number}", name, labels, self.now, self.now + listed, self.now + readable, location=location)
        self._on_launch(job)
        self.jobs.append(job)
        return job

    def holds_foreign(self, name: str, age: float, location: str = "l") -> CloudJob:
        """Add a visible job of another user, with an age in seconds."""
        born = self.now - age
        job = CloudJob(f"foreign-{len(self.jobs)}", name, {"team": "x"}, born, born, born, foreign=True, location=location)
        self.jobs.append(job)
        return job

    def _templates_launch(self, request: Request) -> Reply:
        assert request.body is not None
        location = _location(request)
        if any(job.foreign and job.name == request.body["jobName"] and job.location == location for job in self.moving):
            return refused(409, "There is already an active job of this name.")
        job = self.launch(request.body["jobName"], request.body["environment"]["additionalUserLabels"], location)
        return ok({"job": {"id": job.id, "name": job.name, "createTime": rfc3339(job.created)}})

    def _jobs_list(self, request: Request) -> Reply:
        name, location = dict(request.query)["name"], _location(request)
        found = [job for job in self.jobs if (job.name, job.location) == (name, location)]
        return ok({"jobs": [job.summary() for job in found if job.listed <= self.now]})

    def _jobs_aggregated(self, request: Request) -> Reply:
        return ok({"jobs": [job.summary() for job in self.jobs if job.listed <= self.now]})

    def _jobs_get(self, request: Request) -> Reply:
        job = self._readable(request)
        return ok(job.description()) if job else refused(404, "No such job.")

    def _jobs_update(self, request: Request) -> Reply:
        job = self._readable(request)
        if job is None:
            return refused(404, "No such job.")
        if not job.moves:
            return refused(400, f"Job has terminated in state {job.state}")
        job.state, job.ends = "JOB_STATE_CANCELLING", min(job.ends, self.now + CANCEL_TAKES)
        return ok(job.description())

    def _readable(self, request: Request) -> CloudJob | None:
        where = _location(request), request.path.rsplit("/", 1)[-1]
        return next((job for job in self.jobs if (job.location, job.id) == where and job.readable <= self.now), None)


def _location(request: Request) -> str:
    return request.path.partition("/locations/")[2].partition("/")[0]


def _broken(trouble: str) -> Any:
    if trouble.startswith("empty"):
        return ok()
    return RESET if trouble.startswith("lost") else refused(500)
