"""What the chaos program does many times at once: a table of the operators that start something, or act on a job, and of their effects."""

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
"""Where no job ever gets machines."""
WORKERS = 17
"""What the jobs that are updated get as their greatest number of workers."""

_NAME = re.compile(r"chaos-(\d{3,})(-|$)")


def name_of(number: int) -> str:
    """What the job, run or thing of a launch is called, as far as the program has a say in it."""
    return f"chaos-{number:03}"


def number_in(name: str) -> int | None:
    """The number of the launch that a job, run or thing of this name belongs to."""
    found = _NAME.match(name)
    return int(found[1]) if found else None


@dataclass(frozen=True)
class Found:
    """What the services hold in the end.

    :param things: id of each thing that was made before the run, by its name.
    """

    things: Mapping[str, str] = field(default_factory=dict)
    jobs: Sequence[Json] = ()
    snapshots: Sequence[Json] = ()
    runs: Sequence[Json] = ()


@dataclass(frozen=True)
class Effect:
    """One thing that came of a launch.

    :param number: of the launch.
    :param ids: of which the task holds one.
    :param right: whether it is as the end of the task should leave it.
    """

    number: int | None
    ids: tuple[str, ...]
    right: bool = True


def ended(found: Found) -> Iterator[Effect]:
    """Jobs that were started; they have ended."""
    for job in _started(found):
        yield Effect(number_in(job["name"]), (job["id"],), job["currentState"] in TERMINAL)


def ended_elsewhere(found: Found) -> Iterator[Effect]:
    """Jobs that were started one after the other, until one of them had room; those without have failed before the next one began."""
    free: dict[int | None, str] = {}
    for job in sorted(_started(found), key=lambda job: str(job["createTime"])):
        number = number_in(job["name"])
        alone = free.get(number, "") <= job["createTime"]
        free[number] = job["currentStateTime"]
        if not (alone and (job["location"], job["currentState"]) == (FULL_LOCATION, FAILED)):
            yield Effect(number, (job["id"],), alone and job["currentState"] in TERMINAL)


def replaced(found: Found) -> Iterator[Effect]:
    """Jobs that were started in the place of others; they run."""
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
    """Snapshots; they are ready."""
    numbers = {job["id"]: number for number, job in _acted_on(found)}
    for snapshot in found.snapshots:
        yield Effect(numbers.get(snapshot["sourceJobId"]), (snapshot["id"],), snapshot["state"] == "READY")


def deleted(found: Found) -> Iterator[Effect]:
    """Things that are gone."""
    there = {snapshot["id"] for snapshot in found.snapshots}
    return (Effect(number_in(name), (id,)) for name, id in found.things.items() if id not in there)


def runs(found: Found) -> Iterator[Effect]:
    """CRM Analytics runs; they ended well."""
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
    """The id of the thing of this name, which the run gets with its conf."""
    return f"{{{{ dag_run.conf[{name!r}] }}}}"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One operator under fire.

    :param operator: its import path.
    :param each: the argument that differs between launches, and its value for a name.
    :param start: the call that has the effect.
    :param named: where that call says which launch it is: a path into its body, or a name in its URL, as the job's name or a thing's id.
    :param effects: what came of the launches.
    :param xcom: under which its tasks hold the id of that; none where it is the thing's own.
    :param thing: what must be there before, one for each launch: a ``stream`` that runs, its ``snapshot``, a ``pipeline``,
        or an asset or a ``run`` of the org.
    :param waits: whether it waits for anything.
    :param full: the first launch of each is refused: too many jobs run.
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
        """Those of the ways that it has; what may launch more than once begins on a worker."""
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
"""How an operator waits, and what it is given for that: in its workers, in the triggerer, or there from its start to its end."""

HERE = tuple(name for name, subject in SUBJECTS.items() if "here" in subject.ways(tuple(WAYS)))
"""The operators that can start in the triggerer."""

EVERY_WAY = tuple(WAYS) if IS_3_3 else ("workers", "triggerer")

AT_ONCE = 5
"""How many tasks that start in the triggerer run at once; Airflow itself would start all of them."""


@dataclass(frozen=True)
class Group:
    """The launches of one mapped task.

    :param subject: the name of what is launched.
    :param way: how they wait. A mapped task cannot start in the triggerer, so one that does is a task of its own, with one launch.
    """

    subject: str
    way: str
    numbers: tuple[int, ...]

    @property
    def is_polled_by_worker(self) -> bool:
        """Whether they wait in their workers; an operator that does not wait has nothing to poll."""
        return SUBJECTS[self.subject].waits and self.way == "workers"

    @property
    def task_id(self) -> str:
        return f"{self.subject}_here_{self.numbers[0]:03}" if self.way == "here" else f"{self.subject}_in_{self.way}"


def share(launches: int, names: Sequence[str], ways: Sequence[str] = EVERY_WAY) -> list[Group]:
    """Deal launches out to operators by turns, and those of each operator to the ways; the first way has the first numbers.

    :param ways: how an operator that waits does so.
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
    """What came of launches, by what is launched."""
    numbers: dict[str, set[int]] = {}
    for group in groups:
        numbers.setdefault(group.subject, set()).update(group.numbers)
    return {name: [effect for effect in SUBJECTS[name].effects(found) if effect.number in mine] for name, mine in numbers.items()}


def dump(groups: Iterable[Group]) -> str:
    """Text from which :func:`load` makes the same groups."""
    return json.dumps([asdict(group) for group in groups])


def load(text: str) -> list[Group]:
    """The inverse of :func:`dump`."""
    return [Group(**{**group, "numbers": tuple(group["numbers"])}) for group in json.loads(text)]
