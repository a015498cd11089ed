"""The launch of a job from its graph instead of a template, by ``jobs.create``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct
from msgspec.structs import force_setattr

from airflow_dataflow_ext.api.dataflow import methods as dataflow
from airflow_dataflow_ext.api.dataflow.bodies import check_gcs_path, check_kinds_of_place, read_body
from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.names import LAUNCH_LABEL, check_labels, merge_labels
from airflow_dataflow_ext.api.rest.arguments import identifier
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.method import Json, Request

_SET_HERE = frozenset({"name", "labels", "clientRequestId", "replaceJobId", "createdFromSnapshotId", "transformNameMapping"})
_SET_BY_THE_SERVICE = frozenset(
    {"id", "projectId", "location", "currentState", "currentStateTime", "createTime", "startTime", "replacedByJobId", "requestedState"}
)


class CreateJobLaunch(Struct, frozen=True, kw_only=True):
    """A job with its graph.

    The request has a ``clientRequestId`` of its own, by which the service and this package distinguish the job from another
    caller's job of the same name.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs/create

    :param job: a Job: ``type``, ``environment``, and ``steps`` or ``stepsLocation``, as Beam's SDK writes them with
        ``--dataflowJobFile``; ``name`` and ``labels`` are kept. Text is read as the type of its field.
    :param snapshot_id: snapshot from whose state the job starts.
    :raises InvalidInputError: the job is wrong; the message names the field.
    """

    template_type: ClassVar[None] = None
    job: Mapping[str, Any]
    snapshot_id: str | None = None

    def __post_init__(self) -> None:
        job = read_body("Job", self.job, "job")
        fixed = sorted((_SET_BY_THE_SERVICE | (_SET_HERE - {"name", "labels", "createdFromSnapshotId"})) & set(job))
        if fixed:
            raise InvalidInputError(f"job must not hold {', '.join(fixed)}: that is set by the launch, or by the service")
        if ("steps" in job) == ("stepsLocation" in job) or not (job.get("steps") or job.get("stepsLocation")):
            raise InvalidInputError("job must hold one of steps and stepsLocation")
        if "stepsLocation" in job:
            check_gcs_path(job["stepsLocation"], "job.stepsLocation")
        check_kinds_of_place(job.get("environment", {}), "job.environment")
        if not job.get("name"):
            raise InvalidInputError("job.name is missing: the job must have a name")
        force_setattr(self, "job", {**job, "labels": check_labels(job.get("labels"), "job.labels")})
        if self.snapshot_id is not None:
            force_setattr(self, "snapshot_id", identifier(self.snapshot_id, "snapshot_id"))

    @property
    def job_name(self) -> str:
        return str(self.job["name"])

    @property
    def environment(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.job.get("environment", {})
        return found

    @property
    def labels(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.job["labels"]
        return found

    @property
    def update(self) -> bool:
        return False

    @property
    def validate_only(self) -> bool:
        return False

    @property
    def template(self) -> None:
        return None

    @property
    def parameters(self) -> Mapping[str, str]:
        return {}

    def trial(self) -> None:
        return None

    def request(self, place: Place, name: str, labels: Mapping[str, str]) -> Request:
        body: Json = {**self.job, "name": name, "labels": merge_labels(self.labels, labels)}
        body["clientRequestId"] = labels[LAUNCH_LABEL]
        if self.snapshot_id:
            body["createdFromSnapshotId"] = self.snapshot_id
        return dataflow.Job.create.request(body, **place.path)

    def job_in(self, reply: Json) -> Json:
        return {"clientRequestId": "", **reply}  # an active job that was launched in another way has no id
