"""A table of the operators that the chaos program runs: those that start something or act on a job, with their effects."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from airflow_dataflow_ext.api.data_pipelines.methods import Pipeline
from airflow_dataflow_ext.api.dataflow.methods import FlexTemplate, Job, Snapshot, Template
from airflow_dataflow_ext.api.dataflow.states import BATCH, DRAINED, FAILED, RUNNING, TERMINAL
from airflow_dataflow_ext.api.rest.method import Json, Method
from airflow_dataflow_ext.api.wave import methods as wave
from airflow_dataflow_ext.task.compat import IS_3_3

PROJECT, LOCATION = "chaos-project", "us-central1"
FULL_LOCATION = "us-west1"
"""A location without capacity: no job ever gets workers there."""
WORKERS = 17
"""The maximum number of workers that updated jobs get."""

_NAME = re.compile(r"chaos-(\d{3,})(-|$)")


def name_of(number: int) -> str:
    """The name of a launch's job, run or resource, or its beginning if the operator appends a suffix."""
    return f"chaos-{number:03}"


def number_in(name: str) -> int | None:
    """The number of the launch that a job, run or resource with this name belongs to."""
    found = _NAME.match(name)
    return int(found[1]) if found else None


@dataclass(frozen=True)
class Found:
    """The resources that the services hold in the end.

    :param things: the ids of the resources that were created before the run, by name.
    """

    things: Mapping[str, str] = field(default_factory=dict)
    jobs: Sequence[Json] = ()
    snapshots: Sequence[Json] = ()
    runs: Sequence[Json] = ()


@dataclass(frozen=True)
class Effect:
    """One effect of a launch.

    :param number: the number of the launch.
    :param ids: the ids of the effect; the task's result is one of them.
    :param right: whether it has the state that the task should leave it in.
    """

    number: int | None
    ids: tuple[str, ...]
    right: bool = True


def ended(found: Found) -> Iterator[Effect]:
    """Jobs that were started; they should have ended."""
    for job in _started(found):
        yield Effect(number_in(job["name"]), (job["id"],), job["currentState"] in TERMINAL)


def ended_elsewhere(found: Found) -> Iterator[Effect]:
    """Jobs that were started one after another until one got workers; each one without workers should have failed before the next began."""
    free: dict[int | None, str] = {}
    for job in sorted(_started(found), key=lambda job: str(job["createTime"])):
        number = number_in(job["name"])
        alone = free.get(number, "") <= job["createTime"]
        free[number] = job["currentStateTime"]
        if not (alone and (job["location"], job["currentState"]) == (FULL_LOCATION, FAILED)):
            yield Effect(number, (job["id"],), alone and job["currentState"] in TERMINAL)


def replaced(found: Found) -> Iterator[Effect]:
    """Jobs that replaced others; they should be running."""
    for job in _started(found):
        yield Effect(number_in(job["name"]), (job["id"],), job["currentState"] == RUNNING)


def drained(found: Found) -> Iterator[Effect]:
    """Jobs that were stopped."""
    return (Effect(number, (job["id"],)) for number, job in _acted_on(found) if job["currentState"] == DRAINED)


def scaled(found: Found) -> Iterator[Effect]:
    """Jobs that were updated."""
    for number, job in _acted_on(found):
        if job.get("runtimeUpdatableParams", {}).get("maxNumWorkers") == WORKERS:
            yield Effect(number, (job["id"],))


def snapshots(found: Found) -> Iterator[Effect]:
    """Snapshots that were created; they should be ready."""
    numbers = {job["id"]: number for number, job in _acted_on(found)}
    for snapshot in found.snapshots:
        yield Effect(numbers.get(snapshot["sourceJobId"]), (snapshot["id"],), snapshot["state"] == "READY")


def deleted(found: Found) -> Iterator[Effect]:
    """Resources that were deleted."""
    there = {snapshot["id"] for snapshot in found.snapshots}
    return (Effect(number_in(name), (id,)) for name, id in found.things.items() if id not in there)


def runs(found: Found) -> Iterator[Effect]:
    """CRM Analytics runs; they should have succeeded."""
    return (Effect(number_in(run["label"]), (run["id"], run["handle"]), run["status"] == "Success") for run in found.runs)


def halted(found: Found) -> Iterator[Effect]:
    """CRM Analytics runs that were stopped."""
    there = set(found.things.values())
    return (Effect(number_in(run["label"]), (run["id"],)) for run in found.runs if run["id"] in there and run["status"] == "Cancelled")


def _started(found: Found) -> Iterator[Json]:
    there = set(found.things.values())
    return (job for job in found.jobs if job["id"] not in there)


def _acted_on(found: Found) -> Iterator[tuple[int | None, Json]]:
    jobs = {job["id"]: job for job in found.jobs}
    return ((number_in(name), jobs[id]) for name, id in found.things.items() if id in jobs)


def _flex(name: str) -> Json:
    return {"launchParameter": {"jobName": name, "containerSpecGcsPath": "gs://templates/words.json"}}


def _graph(name: str) -> Json:
    return {"name": name, "type": BATCH, "steps": [{"kind": "ParallelRead", "name": "s1", "properties": {}}]}


def _thing(name: str) -> str:
    """A template that renders to the id of the resource with this name, from the conf of the run."""
    return f"{{{{ dag_run.conf[{name!r}] }}}}"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One operator that the chaos program runs.

    :param operator: its import path.
    :param each: the argument that differs between launches, and a function that returns its value for a name.
    :param start: the call that has the effect.
    :param named: where that call contains the job's name or a resource's id: a path in its body, or a parameter of its URL.
    :param effects: returns the effects of the launches.
    :param xcom: the XCom in which its tasks keep the id of the effect; empty if that is the id of the resource itself.
    :param thing: the resource that must exist for each launch: a running ``stream``, its ``snapshot``, a ``pipeline``, or an asset or
        a ``run`` of the org.
    :param waits: whether it waits for anything.
    :param full: whether the first call of each launch is refused because too many jobs are running.
    :param fields: further arguments.
    """

    name: str
    operator: str
    each: tuple[str, Callable[[str], Any]]
    start: Method
    named: str
    effects: Callable[[Found], Iterable[Effect]]
    xcom: str = "job_id"
    thing: str = ""
    waits: bool = True
    full: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)

    def ways(self, ways: Sequence[str]) -> Sequence[str]:
        """Those of the ways that the operator supports; one that may launch more than once starts on a worker."""
        if not self.waits:
            return ways[:1]
        return [way for way in ways if way != "here" or not {"when_full", "fallback_locations"} & set(self.fields)]


_OPERATORS = "airflow_dataflow_ext.operators."
_PLACE = {"location": LOCATION, "gcp_conn_id": "chaos"}
_POLLED = {**_PLACE, "poll_sleep": 2}
_WAVE = {"salesforce_conn_id": "chaos_wave", "poll_sleep": 2}
_CLASSIC: dict[str, Any] = {
    "operator": _OPERATORS + "dataflow.DataflowTemplatedJobStartOperator",
    "each": ("job_name", str),
    "start": Template.launch,
    "named": "jobName",
}
_TEMPLATE: dict[str, Any] = {
    "template": "gs://dataflow-templates/latest/Word_Count",
    "parameters": {"inputFile": "gs://books/lear.txt", "output": "gs://counts/lear"},
    "environment": {"tempLocation": "gs://counts/temp"},
    **_POLLED,
}
_RUN: dict[str, Any] = {"operator": _OPERATORS + "wave.WaveStartDataflowOperator", "start": wave.DataflowJob.start, "named": "dataflowId"}

DATAFLOW = (
    Subject(name="classic", **_CLASSIC, effects=ended, fields=_TEMPLATE),
    Subject(
        name="elsewhere",
        **_CLASSIC,
        effects=ended_elsewhere,
        fields={**_TEMPLATE, "location": FULL_LOCATION, "fallback_locations": [LOCATION]},
    ),
    Subject(name="later", **_CLASSIC, effects=ended, full=True, fields={**_TEMPLATE, "when_full": "wait"}),
    Subject(
        name="flex",
        operator=_OPERATORS + "dataflow.DataflowStartFlexTemplateOperator",
        each=("body", _flex),
        start=FlexTemplate.launch,
        named="launchParameter.jobName",
        effects=ended,
        fields=_POLLED,
    ),
    Subject(
        name="yaml",
        operator=_OPERATORS + "dataflow.DataflowStartYamlJobOperator",
        each=("job_name", str),
        start=FlexTemplate.launch,
        named="launchParameter.jobName",
        effects=ended,
        fields={"yaml_pipeline": "pipeline: {type: chain}", **_POLLED},
    ),
    Subject(
        name="create",
        operator=_OPERATORS + "dataflow.DataflowCreateJobOperator",
        each=("job", _graph),
        start=Job.create,
        named="name",
        effects=ended,
        fields=_POLLED,
    ),
    Subject(name="replace", **_CLASSIC, effects=replaced, thing="stream", fields={"update": True, **_TEMPLATE}),
    Subject(
        name="snapshot",
        operator=_OPERATORS + "dataflow.DataflowCreateSnapshotOperator",
        each=("job_id", _thing),
        start=Job.snapshot,
        named="jobId",
        effects=snapshots,
        xcom="snapshot_id",
        thing="stream",
        fields=_POLLED,
    ),
    Subject(
        name="delete",
        operator=_OPERATORS + "dataflow.DataflowDeleteSnapshotOperator",
        each=("snapshot_id", _thing),
        start=Snapshot.delete,
        named="snapshotId",
        effects=deleted,
        xcom="",
        thing="snapshot",
        waits=False,
        fields=_PLACE,
    ),
    Subject(
        name="stop",
        operator=_OPERATORS + "dataflow.DataflowStopJobOperator",
        each=("job_id", _thing),
        start=Job.update,
        named="jobId",
        effects=drained,
        xcom="return_value",
        thing="stream",
        fields=_POLLED,
    ),
    Subject(
        name="update",
        operator=_OPERATORS + "dataflow.DataflowUpdateJobOperator",
        each=("job_id", _thing),
        start=Job.update,
        named="jobId",
        effects=scaled,
        xcom="return_value",
        thing="stream",
        waits=False,
        fields={"max_num_workers": WORKERS, **_PLACE},
    ),
    Subject(
        name="pipeline",
        operator=_OPERATORS + "dataflow.DataflowRunPipelineOperator",
        each=("pipeline_name", str),
        start=Pipeline.run,
        named="pipelineId",
        effects=ended,
        thing="pipeline",
        fields=_POLLED,
    ),
)
WAVE = (
    Subject(name="wave", **_RUN, each=("dataflow", str), effects=runs, thing="dataflow", fields=_WAVE),
    Subject(name="recipe", **_RUN, each=("recipe", _thing), effects=runs, thing="recipe", fields=_WAVE),
    Subject(
        name="sync",
        operator=_OPERATORS + "wave.WaveRunDataSyncOperator",
        each=("connector_id", _thing),
        start=wave.DataConnector.ingest,
        named="connectorId",
        effects=runs,
        thing="connector",
        fields=_WAVE,
    ),
    Subject(
        name="halt",
        operator=_OPERATORS + "wave.WaveStopDataflowJobOperator",
        each=("job_id", _thing),
        start=wave.DataflowJob.update,
        named="jobId",
        effects=halted,
        xcom="return_value",
        thing="run",
        fields=_WAVE,
    ),
)
SERVICES = {"dataflow": DATAFLOW, "wave": WAVE}
SUBJECTS = {subject.name: subject for subject in (*DATAFLOW, *WAVE)}
WAYS: dict[str, dict[str, bool]] = {
    "workers": {},
    "triggerer": {"deferrable": True},
    "here": {"deferrable": True, "start_from_trigger": True, "end_from_trigger": True},
}
"""The ways in which an operator waits, with their arguments: on its workers, in the triggerer, or in the triggerer from start to end."""

HERE = tuple(name for name, subject in SUBJECTS.items() if "here" in subject.ways(tuple(WAYS)))
"""The operators that can start in the triggerer."""

EVERY_WAY = tuple(WAYS) if IS_3_3 else ("workers", "triggerer")

AT_ONCE = 5
"""How many tasks that start in the triggerer run at once; without this limit, Airflow starts all of them."""


@dataclass(frozen=True)
class Group:
    """The launches of one mapped task.

    :param subject: the name of the operator.
    :param way: how they wait. A mapped task cannot start in the triggerer, so each launch of the way ``here`` is a task of its own.
    """

    subject: str
    way: str
    numbers: tuple[int, ...]

    @property
    def is_polled_by_worker(self) -> bool:
        """Whether they wait on their workers; an operator that does not wait has nothing to poll."""
        return SUBJECTS[self.subject].waits and self.way == "workers"

    @property
    def task_id(self) -> str:
        return f"{self.subject}_here_{self.numbers[0]:03}" if self.way == "here" else f"{self.subject}_in_{self.way}"


def share(launches: int, names: Sequence[str], ways: Sequence[str] = EVERY_WAY) -> list[Group]:
    """Distribute launches evenly among the operators, and those of each operator among the ways; the first way has the first numbers.

    :param ways: the ways in which operators wait.
    """
    counts = {name: len(range(turn, launches, len(names))) for turn, name in enumerate(names)}
    groups, first = [], 0
    for way in ways:
        for name in names:
            mine = SUBJECTS[name].ways(ways)
            size = len(range(mine.index(way), counts[name], len(mine))) if way in mine else 0
            numbers = range(first, first + size)
            groups += [Group(name, way, (number,)) for number in numbers] if way == "here" else [Group(name, way, tuple(numbers))]
            first += size
    return [group for group in groups if group.numbers]


def effects_in(found: Found, groups: Iterable[Group]) -> dict[str, list[Effect]]:
    """The effects of launches, by operator."""
    numbers: dict[str, set[int]] = {}
    for group in groups:
        numbers.setdefault(group.subject, set()).update(group.numbers)
    return {name: [effect for effect in SUBJECTS[name].effects(found) if effect.number in mine] for name, mine in numbers.items()}


def dump(groups: Iterable[Group]) -> str:
    """Serialize groups as a text that :func:`load` reads."""
    return json.dumps([asdict(group) for group in groups])


def load(text: str) -> list[Group]:
    """Read groups that :func:`dump` has serialized."""
    return [Group(**{**group, "numbers": tuple(group["numbers"])}) for group in json.loads(text)]
