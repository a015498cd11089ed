"""The four calls that start a job.

Sources: https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.templates/launch and
https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.flexTemplates/launch
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_dataflow_ext.api.dataflow.methods import FlexTemplate, Job, Template
from airflow_dataflow_ext.api.dataflow.states import BATCH, PENDING, QUEUED, REPLACEABLE, STREAMING
from airflow_dataflow_ext.emulator.dataflow.environments import check_environment, environment_of
from airflow_dataflow_ext.emulator.dataflow.jobs import JobRecord, Json
from airflow_dataflow_ext.emulator.dataflow.lifecycle import JobReport
from airflow_dataflow_ext.emulator.dataflow.templates import TemplateFile, check_parameters, flex_of, open_classic, open_flex
from airflow_dataflow_ext.emulator.dataflow.values import EPOCH, check_job_name, check_labels, new_job_id, stamp
from airflow_dataflow_ext.emulator.dataflow.world import Call, World, answers
from airflow_dataflow_ext.emulator.engines.contract import RefusedError, Work
from airflow_dataflow_ext.emulator.http.errors import ApiError, invalid, missing, not_now

_SET_BY_THE_SERVICE = frozenset(
    (
        "id",
        "projectId",
        "location",
        "currentState",
        "currentStateTime",
        "createTime",
        "startTime",
        "requestedState",
        "replacedByJobId",
        "stageStates",
        "runtimeUpdatableParams",
        "satisfiesPzs",
        "pipelineDescription",
    )
)
"""Fields of a Job that its creator cannot set, in addition to those that the schema calls read-only; the service ignores them."""
_REPLY = ("id", "projectId", "name", "type", "clientRequestId", "createTime", "location", "startTime", "replaceJobId")


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchCall:
    """The job that one of the four calls starts.

    :param fields: fields of the Job that the caller or the template sets.
    :param update: replace the running job of this name, or ``replaces`` if that is given.
    """

    kind: str
    name: str
    template: TemplateFile
    parameters: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    fields: Json = field(default_factory=dict)
    update: bool = False
    replaces: str = ""

    def check(self) -> None:
        """
        :raises ApiError: 400; the message says what is wrong.
        """
        check_job_name(self.name)
        check_labels(self.fields.get("labels", {}))
        check_environment(self.environment)
        check_parameters(self.template, self.parameters)


@answers(Template.launch)
def launch_classic(world: World, call: Call) -> Json:
    dynamic = call.query.get("dynamicTemplate.gcsPath")
    if bool(dynamic) == bool(call.query.get("gcsPath")):
        raise invalid("Exactly one of gcsPath and dynamicTemplate.gcsPath must be given")
    if dynamic and not call.query.get("dynamicTemplate.stagingLocation"):
        raise invalid("dynamicTemplate.gcsPath needs dynamicTemplate.stagingLocation")
    wanted = _classic(world, dynamic or call.query["gcsPath"], call.body, update=_wants_update(world, call, call.body))
    wanted.check()
    if call.query.get("validateOnly"):
        return {}
    return {"job": _reply(_start(world, call, wanted))}


@answers(Template.create)
def create_from_template(world: World, call: Call) -> Json:
    wanted = _classic(world, call.body.get("gcsPath", ""), call.body)
    wanted.check()
    return _reply(_start(world, call, wanted))


@answers(FlexTemplate.launch)
def launch_flex(world: World, call: Call) -> Json:
    asked: Json = call.body.get("launchParameter", {})
    if ("containerSpec" in asked) == ("containerSpecGcsPath" in asked):
        raise invalid("Exactly one of launchParameter.containerSpecGcsPath and launchParameter.containerSpec must be given")
    spec = asked.get("containerSpec")
    template = flex_of(spec) if spec is not None else open_flex(world.objects, asked["containerSpecGcsPath"])
    environment = {**template.content.get("defaultEnvironment", {}), **asked.get("environment", {})}
    wanted = _from_template("flex", template, {**asked, "environment": environment}, update=_wants_update(world, call, asked))
    wanted.check()
    if call.body.get("validateOnly"):
        return {}
    return {"job": _reply(_start(world, call, wanted))}


@answers(Job.create)
def create(world: World, call: Call) -> Json:
    """A job from a graph. If an active job has the name, it is returned with 200; its clientRequestId shows whose it is."""
    body = call.body
    fields = {key: value for key, value in body.items() if key not in _SET_BY_THE_SERVICE}
    replaces = call.query.get("replaceJobId") or fields.pop("replaceJobId", "")
    name, graph = body.get("name", ""), TemplateFile(path="")
    wanted = LaunchCall(kind="create", name=name, template=graph, fields=fields, update=bool(replaces), replaces=replaces)
    wanted.check()
    if "steps" in fields and "stepsLocation" in fields:
        raise invalid("At most one of steps and stepsLocation may be given")
    _check_snapshot(world, call, fields.get("createdFromSnapshotId"))
    twins = [] if replaces else world.jobs.active_twins(call.place, wanted.name)
    if twins and twins[-1].fields.get("clientRequestId") == fields.get("clientRequestId") is not None:
        raise ApiError(409, f"A job named {wanted.name} was already created by the request {fields['clientRequestId']}")
    return _reply(twins[-1] if twins else _start(world, call, wanted))


def _classic(world: World, path: str, asked: Json, *, update: bool = False) -> LaunchCall:
    return _from_template("classic", open_classic(world.objects, path), asked, update=update)


def _from_template(kind: str, template: TemplateFile, asked: Json, *, update: bool) -> LaunchCall:
    environment: Json = asked.get("environment", {})
    metadata = template.metadata or {}
    fields: Json = {
        "labels": dict(environment.get("additionalUserLabels", {})),
        "environment": environment_of(environment, asked.get("parameters", {})),
        "transformNameMapping": asked.get("transformNameMapping") or asked.get("transformNameMappings") or {},
        "type": STREAMING if metadata.get("streaming") else BATCH,
    }
    parameters = asked.get("parameters", {})
    name = asked.get("jobName", "")
    return LaunchCall(kind=kind, name=name, template=template, parameters=parameters, environment=environment, fields=fields, update=update)


def _wants_update(world: World, call: Call, asked: Json) -> bool:
    """Whether a launch is a replacement: it says so, or it asks for one if there is a job to replace."""
    upsert = "create_or_update_job" in asked.get("environment", {}).get("additionalExperiments", ())
    return bool(asked.get("update")) or (upsert and bool(world.jobs.active_twins(call.place, asked.get("jobName", ""))))


def _check_snapshot(world: World, call: Call, snapshot_id: str | None) -> None:
    if snapshot_id is None:
        return
    snapshot = world.snapshots.get(snapshot_id)
    if snapshot is None or (snapshot["projectId"], snapshot["region"]) != call.place:
        raise missing(f"Snapshot {snapshot_id} could not be found")
    if snapshot["state"] != "READY":
        raise not_now(f"Snapshot {snapshot_id} is in state {snapshot['state']}; a job can start from it when it is READY")


def _start(world: World, call: Call, wanted: LaunchCall) -> JobRecord:
    """Create the job and run it; if the engine refuses, no job exists."""
    old = _to_replace(world, call, wanted) if wanted.update else None
    twins = world.jobs.active_twins(call.place, wanted.name)
    if twins and old is None:
        raise ApiError(409, f"There is already an active job named {wanted.name}. To start a second one, use another name")
    world.settings.check_quota(world.jobs, call.project)
    record = _record(world, call, wanted, old)
    try:
        world.engine.start(record.work, JobReport(world, record))
    except RefusedError as error:
        raise ApiError(error.status, str(error), code=error.code) from error
    world.jobs.add(record)
    return record


def _to_replace(world: World, call: Call, wanted: LaunchCall) -> JobRecord:
    twins = world.jobs.active_twins(call.place, wanted.name)
    known = [world.jobs.find(call.place, wanted.replaces)] if wanted.replaces else twins
    old = next((job for job in known if job.state in REPLACEABLE), None)
    if old is None:
        raise missing(f"There is no job named {wanted.name} in RUNNING OR DRAINING state")
    rival = next((job for job in twins if job.replaces is old), None)
    if rival is not None:
        raise not_now(f"Job {old.id} is already being replaced by {rival.id}")
    if old.type != STREAMING:
        raise invalid(f"Job {old.id} cannot be replaced: only streaming jobs can be updated")
    if old.name != wanted.name:
        raise invalid(f"Job {old.id} is named {old.name}; its replacement must have the same name")
    return old


def _record(world: World, call: Call, wanted: LaunchCall, old: JobRecord | None) -> JobRecord:
    now = world.clock.now()
    project, location = call.place
    own: Json = {"id": new_job_id(now), "projectId": project, "name": wanted.name, "location": location}
    times = {"createTime": stamp(now), "startTime": stamp(now), "currentStateTime": stamp(now)}
    state = QUEUED if wanted.kind == "flex" else PENDING
    fields = {name: value for name, value in wanted.fields.items() if value}
    # a Flex template is a program; the graph with its type and labels exists only after it has run
    veiled: Json = {name: fields.pop(name) for name in ("type", "labels") if wanted.kind == "flex" and name in fields}
    if old is not None:
        fields["replaceJobId"] = old.id
    work = Work(
        job_id=own["id"],
        job_name=wanted.name,
        project_id=project,
        location=location,
        kind=wanted.kind,
        template=wanted.template.path or None,
        spec=_spec(wanted),
        parameters=wanted.parameters,
        environment=wanted.environment,
        streaming=old is not None or wanted.fields.get("type") == STREAMING,
    )
    return JobRecord(
        fields={**own, **times, "currentState": state, **fields},
        veiled=veiled,
        work=work,
        sequence=next(world.sequence),
        created=now,
        shown_from=now + world.settings.read_lag,
        replaces=old,
    )


def _spec(wanted: LaunchCall) -> Json:
    """What the engine receives: the given job graph, or a template with its metadata."""
    if wanted.kind == "create":
        return wanted.fields
    metadata = {"metadata": wanted.template.metadata} if wanted.template.metadata is not None else {}
    return {**wanted.template.content, **metadata}


def _reply(record: JobRecord) -> Json:
    """A new job in the replies of these calls: without a state and, for a Flex job, without a type."""
    fields = record.fields if record.work.kind != "flex" else {**record.fields, "type": None}
    return {**{name: fields[name] for name in _REPLY if name in fields}, "currentStateTime": EPOCH}
