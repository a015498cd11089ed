"""How Dataflow launches, finds, reads and stops a job: the launch conversation's service for Google."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.names import LAUNCH_LABEL, labels_of, with_suffix
from airflow_dataflow_ext.api.dataflow.replace import replaceable
from airflow_dataflow_ext.api.dataflow.states import REPLACEABLE, TERMINAL
from airflow_dataflow_ext.api.dataflow.stop import stop
from airflow_dataflow_ext.api.dataflow.template_check import Validate, check_launch
from airflow_dataflow_ext.api.dataflow.templates import Launch
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy, state_of
from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import Before, LaunchRecord
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask, items, pages
from airflow_dataflow_ext.api.rest.errors import ForeignJobError
from airflow_dataflow_ext.api.rest.method import Json, Request
from airflow_dataflow_ext.api.rest.steps import Conversation, Say, Sleep
from airflow_dataflow_ext.api.rest.times import epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class DataflowLauncher:
    """One launch on one project and location.

    :param policy: what the task waits for.
    :param append_job_name: give the job a name of its own for each launch; else the user's name is kept, and only labels tell whose it is.
        A replacement always keeps it.
    :param cancel_timeout: seconds to wait for an earlier job's end.
    :param validate: who checks the launch before it is sent.
    """

    launch: Launch
    place: Place
    policy: WaitPolicy = field(default_factory=WaitPolicy)
    append_job_name: bool = True
    drain: bool = False
    cancel_timeout: float = budgets.STOP_WAIT
    validate: Validate = "off"

    @property
    def has_own_name(self) -> bool:
        """Whether no other launch's job has the name."""
        return self.append_job_name and not self.launch.update

    def name(self, identity: LaunchIdentity) -> str:
        return with_suffix(self.launch.job_name, identity.suffix) if self.has_own_name else self.launch.job_name

    def request(self, name: str, identity: LaunchIdentity) -> Request:
        return self.launch.request(self.place, name, labels_of(identity))

    def before(self) -> Conversation[Before]:
        yield from check_launch(self.launch, self.validate, self.place)
        if not self.launch.update:
            return Before()  # the labels tell jobs apart
        return Before(others=(yield from replaceable(self.place, self.launch.job_name)))

    def job_in(self, reply: Json, record: LaunchRecord, identity: LaunchIdentity) -> Conversation[Json]:
        job = self.launch.job_in(reply)
        if job.get("clientRequestId", identity.suffix) == identity.suffix:
            return job
        job = yield from self._read(str(job["id"]))
        if _owner(job) != identity.suffix:
            raise self._foreign(job)
        return job

    def state(self, job: Json) -> str:
        return state_of(job)

    def judge(self, job: Json) -> Phase:
        return self.policy.judge(job)

    def watch_of(self, job: Json, record: LaunchRecord) -> JobWatch:
        return JobWatch(job=self.place.job(str(job["id"])), policy=replace(self.policy, replaces=self.launch.update))

    def validation(self) -> Conversation[Json]:
        """Let the service check the launch, and start nothing; what it answers."""
        return ask(self.launch.request(self.place, self.launch.job_name, {}))

    def read(self, record: LaunchRecord) -> Conversation[Json]:
        return self._read(record.job_id)

    def _read(self, job_id: str) -> Conversation[Json]:
        job: Json = yield from ask(Job.get.request(**self.place.job(job_id).path, view="JOB_VIEW_DESCRIPTION"))
        return job

    def stop(self, job: Json) -> Conversation[None]:
        ref = self.place.job(str(job["id"]))
        if self.launch.update and job.get("currentState") in REPLACEABLE:
            yield Say(f"{ref} goes on: it has taken over from the job before it, so stopping it would end the stream.")
            return
        yield from stop(ref, drain=self.drain, wait_for=self.cancel_timeout, poll_sleep=self.policy.poll_sleep)

    def find(self, record: LaunchRecord, identity: LaunchIdentity) -> Conversation[Json | None]:
        name = record.job_name
        request = Job.list.request(**self.place.path, name=name, filter="ALL")
        bodies = yield from pages(request)
        found = [job for job in items(bodies, "jobs") if job.get("name") == name and job["id"] not in record.others]
        for summary in sorted(found, key=lambda job: str(job.get("createTime", "")), reverse=True):
            if self.has_own_name:
                return (yield from self._read(str(summary["id"])))
            if summary.get("currentState") not in TERMINAL or epoch(str(summary.get("createTime", ""))) >= record.since - budgets.OLDEST:
                job = yield from self._with_labels(str(summary["id"]))
                if _owner(job) == identity.suffix:
                    return job
                self._refuse_twin(job)
        return None

    def _with_labels(self, job_id: str) -> Conversation[Json]:
        """The job once it shows its labels, or no longer moves."""
        waited = 0.0
        while True:
            job = yield from self._read(job_id)
            if job.get("labels") or job.get("currentState") in TERMINAL or waited >= budgets.LABELS_WITHIN:
                return job
            if not waited:
                yield Say(f"Job {job_id} has our name and shows no labels yet; waiting for them to tell whose it is.")
            yield Sleep(budgets.LABELS_EVERY)
            waited += budgets.LABELS_EVERY

    def _refuse_twin(self, job: Mapping[str, Any]) -> None:
        if job.get("currentState") in TERMINAL or self.launch.update:
            return
        raise self._foreign(job)

    def _foreign(self, job: Mapping[str, Any]) -> ForeignJobError:
        labels = job.get("labels", {})
        owner = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()) if key.startswith("airflow-"))
        return ForeignJobError(
            f"Job {job.get('id')} is active in {self.place.location} under the name {job.get('name')!r} and is not of this launch "
            f"({'its labels: ' + owner if owner else 'it was not launched by this package'}). Stop it, wait for its end, or use another "
            "job_name (append_job_name=True gives each launch a name of its own)."
        )


def _owner(job: Mapping[str, Any]) -> str:
    return str(job.get("labels", {}).get(LAUNCH_LABEL, ""))
