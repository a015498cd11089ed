"""The launcher for Dataflow: how a job is launched, found again, read and stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct, field
from msgspec.structs import force_setattr, replace

from airflow_dataflow_ext.api.dataflow.capacity import shortage_behind
from airflow_dataflow_ext.api.dataflow.find_jobs import owner_of, read_whole, read_with_labels
from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.names import check_job_name, labels_of, made_name, own_label_value, with_suffix
from airflow_dataflow_ext.api.dataflow.replace import replaceable
from airflow_dataflow_ext.api.dataflow.states import REPLACEABLE, TERMINAL, state_of
from airflow_dataflow_ext.api.dataflow.stop import stop
from airflow_dataflow_ext.api.dataflow.templates import Launch, Validate
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import Before
from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask, items, pages
from airflow_dataflow_ext.api.rest.errors import CallError, ForeignJobError
from airflow_dataflow_ext.api.rest.method import Json, Request, as_json, part
from airflow_dataflow_ext.api.rest.steps import Conversation, Say
from airflow_dataflow_ext.api.rest.texts import shortened, shown
from airflow_dataflow_ext.api.rest.times import epoch_or
from airflow_dataflow_ext.api.rest.values import flag


class DataflowLauncher(Struct, frozen=True, kw_only=True):
    """One launch in one project and location.

    :param fallbacks: places to try in turn when the launch's own place has no capacity.
    :param policy: what the task waits for.
    :param append_job_name: append a suffix to the job's name that is unique to each launch; otherwise the name is kept, and only labels
        tell which launch the job belongs to. A replacement always keeps its name.
    :param default_name: whether the name is the task's and not the user's, so that it is always made a valid job name.
    :param cancel_timeout: seconds to wait for an earlier job's end.
    :param validate: how to check the launch before it is sent.
    :raises InvalidInputError: the user's name is not a valid job name, and no suffix is appended.
    """

    job_tells_place: ClassVar[bool] = False

    launch: Launch
    place: Place
    fallbacks: tuple[Place, ...] = ()
    policy: WaitPolicy = field(default_factory=WaitPolicy)
    append_job_name: bool = True
    default_name: bool = False
    cancel_timeout: float = budgets.STOP_WAIT
    validate: Validate = "off"

    def __post_init__(self) -> None:
        force_setattr(self, "append_job_name", flag(self.append_job_name, "append_job_name"))
        _ = self.base_name

    @property
    def base_name(self) -> str:
        """The launch's name as Google accepts it, without a suffix."""
        made = self.has_own_name or self.default_name
        return made_name(self.launch.job_name) if made else check_job_name(self.launch.job_name)

    @property
    def has_own_name(self) -> bool:
        """Whether the job's name is unique to the launch."""
        return self.append_job_name and not self.launch.update

    def name(self, identity: LaunchIdentity) -> str:
        return with_suffix(self.base_name, identity.suffix) if self.has_own_name else self.base_name

    def place_of(self, times_full: int) -> Mapping[str, str]:
        places = (self.place, *self.fallbacks)
        return as_json(places[times_full % len(places)])

    def shortage_behind(self, error: CallError) -> str:
        return shortage_behind(error)

    def request(self, record: LaunchRecord, identity: LaunchIdentity) -> Request:
        return self.launch.request(self._at(record), record.job_name, labels_of(identity))

    def before(self) -> Conversation[Before]:
        yield from self._say_names()
        if self.validate != "off":
            from airflow_dataflow_ext.api.dataflow.template_check import check_launch  # not while a DAG file is parsed

            yield from check_launch(self.launch, self.validate, self.place)
        if not self.launch.update:
            return Before()  # the labels distinguish the jobs
        return Before(others=(yield from replaceable(self.place, self.base_name)))

    def job_in(self, reply: Json, record: LaunchRecord, identity: LaunchIdentity) -> Conversation[Json | None]:
        job = self.launch.job_in(reply)
        if not job.get("id"):
            return None
        if job.get("clientRequestId", identity.suffix) == identity.suffix:
            return job
        job = yield from read_whole(self._at(record).job(str(job["id"])))
        if owner_of(job) != identity.suffix:
            raise self._foreign(job)
        return job

    def state(self, job: Json) -> str:
        return state_of(job)

    def judge(self, job: Json) -> Phase:
        return self.policy.judge(job)

    def watch_of(self, job: Json, record: LaunchRecord) -> JobWatch:
        return JobWatch(job=self._at(record).job(str(job["id"])), policy=replace(self.policy, replaces=self.launch.update))

    def validation(self) -> Conversation[Json] | None:
        """The conversation in which the service only checks the launch; None if it is to start a job."""
        return ask(self.launch.request(self.place, self.base_name, {})) if self.launch.validate_only else None

    def _say_names(self) -> Conversation[None]:
        """Log how names that Google does not accept are changed."""
        if self.base_name != self.launch.job_name:
            ending = " and a suffix" if self.has_own_name else ""
            yield Say(
                f"{shown(self.launch.job_name)} is not a Dataflow job name; the job is named {shortened(self.base_name, 120)}{ending}."
            )
        for key, value in self.launch.labels.items():
            if value != own_label_value(value):
                yield Say(f"{shown(value)} is not a label value; the label {key} becomes {own_label_value(value)!r}.")

    def read(self, record: LaunchRecord) -> Conversation[Json]:
        return read_whole(self._at(record).job(record.job_id))

    def _at(self, record: LaunchRecord) -> Place:
        """The place of the record's job, since the DAG file may have changed since then."""
        return Place(**record.place) if record.place else self.place

    def stop(self, job: Json) -> Conversation[None]:
        ref = self.place.of(job)
        if self.launch.update and job.get("currentState") in REPLACEABLE:
            yield Say(f"{ref} keeps running: it has replaced an earlier job, so stopping it would end the stream.")
            return
        yield from stop(ref, drain=self.policy.drain, wait_for=self.cancel_timeout, poll_sleep=self.policy.poll_sleep)

    def find(self, record: LaunchRecord, identity: LaunchIdentity) -> Conversation[Json | None]:
        name, at = record.job_name, self._at(record)
        request = Job.list.request(**at.path, name=name, filter="ALL")
        bodies = yield from pages(request)
        found = [job for job in items(bodies, "jobs") if job.get("name") == name and job.get("id") not in (None, *record.others)]
        for summary in sorted(found, key=lambda job: str(job.get("createTime", "")), reverse=True):
            if self.has_own_name:
                return (yield from read_whole(at.job(str(summary["id"]))))
            made = epoch_or(summary.get("createTime"), record.since)
            if summary.get("currentState") not in TERMINAL or made >= record.since - budgets.OLDEST:
                job = yield from read_with_labels(at.job(str(summary["id"])))
                if owner_of(job) == identity.suffix:
                    return job
                self._refuse_twin(job)
        return None

    def _refuse_twin(self, job: Mapping[str, Any]) -> None:
        if job.get("currentState") in TERMINAL or self.launch.update:
            return
        raise self._foreign(job)

    def _foreign(self, job: Mapping[str, Any]) -> ForeignJobError:
        labels = part(job, "labels")
        owner = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()) if key.startswith("airflow-"))
        where = job.get("location") or self.place.location
        return ForeignJobError(
            f"Job {job.get('id')} is active in {where} under the name {shown(job.get('name'))} and is not of this launch "
            f"({'its labels: ' + owner if owner else 'it was not launched by this package'}). Stop it, wait for its end, or use another "
            "job_name (append_job_name=True gives each launch a name of its own)."
        )
