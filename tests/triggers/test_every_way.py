"""Every task that waits, operator or sensor, of both services: on its worker, in the triggerer, ended there, and in the triggerer only.

A new class of the package fails here until it has a row.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.methods import Job, Snapshot
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.wave.methods import DataflowJob
from airflow_dataflow_ext.emulator import Autoscaling, Emulator, JobMessage, Metrics, Stages
from tests.airflow_task import SDK, TaskInstance
from tests.operators.conftest import Log, shown
from tests.operators.launches import PARAMETERS, SPEC, TEMPLATE
from tests.triggers.test_dataflow_start import pipeline_of
from tests.triggers.triggerer import HERE, WHERE, Airflow, start

__all__ = ["shown", "start"]

ENDS = {"deferrable": True, "end_from_trigger": True}
WAYS: dict[str, dict[str, Any]] = {
    "worker": {"deferrable": False},
    "triggerer": {"deferrable": True},
    "ended there": ENDS,
    "only there": HERE,
}
BEFORE_3_3 = ("worker", "triggerer")
DO_NOT_WAIT = {
    "DataflowCreatePipelineOperator",
    "DataflowDeletePipelineOperator",
    "DataflowDeleteSnapshotOperator",
    "DataflowUpdateJobOperator",
}
VARIES = re.compile(r"(id|Id|url|Url|Time|Date|Date[a-z]*|waitTime|progress|duration|name|description|messageText|time|resources)$")
MARK = re.compile(r"\([0-9a-f]{16}\): |\((?:count|other)-[0-9a-f]+\) ")
"""What tells the service's answers, and jobs, apart."""
RUNNING, DONE, FAILED = "JOB_STATE_RUNNING", "JOB_STATE_DONE", "JOB_STATE_FAILED"
STREAM = "JOB_TYPE_STREAMING"
Setting = Callable[[Emulator], dict[str, Any]]
"""Sets the emulator up for one end of a task, and gives the arguments that depend on that."""


def launched(emulator: Emulator, *steps: Any, **facts: Any) -> str:
    """Another's job that plays these steps; its id."""
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    emulator.scripts.play("other*", steps, **facts)
    return str(DataflowHook().launch_template("gs://b/t", "other")["id"])


def job(end: str = DONE) -> Setting:
    """The job that a task launches ends so."""

    def play(emulator: Emulator) -> dict[str, Any]:
        emulator.scripts.play("*", [(0.0, RUNNING), (0.3, end)])
        return {}

    return play


def pipeline(end: str = DONE) -> Setting:
    """The same for the run of a pipeline."""

    def play(emulator: Emulator) -> dict[str, Any]:
        if not any(entry.method == "pipelines.create" for entry in emulator.requests):
            pipeline_of("us-central1")
        return job(end)(emulator)

    return play


def run(status: str = "Success") -> Setting:
    """The run that a task starts ends so."""

    def play(emulator: Emulator) -> dict[str, Any]:
        emulator.wave.scripts.play("*", wait=0.05, seconds=0.2, status=status, message="So it is.")
        return {}

    return play


def sync(status: str = "Success") -> Setting:
    return lambda emulator: {**run(status)(emulator), "connector_id": next(iter(emulator.wave.connectors))}


def other_run(emulator: Emulator, *, seconds: float = 60, status: str = "Success") -> dict[str, Any]:
    """Another's run of a dataflow of its own; its id."""
    emulator.wave.scripts.play("*", wait=0, seconds=seconds, status=status, message="So it is.")
    flow = emulator.wave.dataflows[emulator.wave.add_dataflow("Other")]
    return {"job_id": str(emulator.clock.on_loop(lambda: emulator.wave.runs.start(dict(flow), job_type="user", prefix="03C")).id)}


def refused(method: str, give: Setting) -> Setting:
    """The service refuses the one call of that method."""

    def play(emulator: Emulator) -> dict[str, Any]:
        given = give(emulator)
        emulator.faults.add(method, status=403, message="So it is.", times=1)
        return given

    return play


def stream(emulator: Emulator) -> dict[str, Any]:
    emulator.settings.snapshot_seconds = 0.2
    return {"job_id": launched(emulator, (0, RUNNING), type=STREAM, on_drain=((0.2, "JOB_STATE_DRAINED"),))}


def at_job(*steps: Any) -> Setting:
    return lambda emulator: {"job_id": launched(emulator, (0, RUNNING), *steps)}


def snapshot(emulator: Emulator) -> dict[str, Any]:
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    return {"snapshot_id": DataflowHook().create_snapshot(stream(emulator)["job_id"])["id"]}


def ending_run(status: str = "Success") -> Setting:
    return lambda emulator: other_run(emulator, seconds=0.3, status=status)


@dataclass(frozen=True)
class Row:
    """How a class is run.

    :param good: for a good end; ``bad`` for a bad one.
    :param xcoms: the XComs of a good end, beside the link's.
    """

    good: Setting
    bad: Setting
    fields: Mapping[str, Any] = field(default_factory=dict)
    xcoms: frozenset[str] = frozenset({"job_id", "return_value"})


def sensor(good: Setting, bad: Setting | None = None, **fields: Any) -> Row:
    return Row(good, bad or at_job((0.3, FAILED)), {"poll_interval": 0.05, "timeout": 120, **fields}, frozenset({"return_value"}))


POLLED = {"poll_sleep": 0.05}
FLEX = {"launchParameter": {"jobName": "count", "containerSpec": SPEC, "parameters": {}}}
STOPPED = frozenset({"return_value"})
ROWS = {
    "DataflowTemplatedJobStartOperator": Row(job(), job(FAILED), {"template": TEMPLATE, "parameters": PARAMETERS, **POLLED}),
    "DataflowStartFlexTemplateOperator": Row(job(), job(FAILED), {"body": FLEX, **POLLED}),
    "DataflowStartYamlJobOperator": Row(job(), job(FAILED), {"job_name": "count", "yaml_pipeline": "pipeline: {}", **POLLED}),
    "DataflowCreateJobOperator": Row(
        job(), job(FAILED), {"job": {"name": "count", "type": "JOB_TYPE_BATCH", "stepsLocation": "gs://b/g"}, **POLLED}
    ),
    "DataflowRunPipelineOperator": Row(pipeline(), pipeline(FAILED), {"pipeline_name": "nightly", **POLLED}),
    "DataflowStopJobOperator": Row(stream, refused(Job.update.id, stream), POLLED, STOPPED),
    "DataflowCreateSnapshotOperator": Row(stream, refused(Job.snapshot.id, stream), POLLED, frozenset({"snapshot_id", "return_value"})),
    "WaveStartDataflowOperator": Row(run(), run("Failure"), {"dataflow": "Sales", **POLLED}),
    "WaveRunDataSyncOperator": Row(sync(), sync("Failure"), POLLED),
    "WaveStopDataflowJobOperator": Row(other_run, refused(DataflowJob.update.id, other_run), POLLED, STOPPED),
    "DataflowJobStatusSensor": sensor(at_job((0.3, DONE)), expected_statuses=DONE),
    "DataflowJobMetricsSensor": sensor(
        at_job((0.3, Metrics([{"name": {"origin": "user", "name": "lines", "context": {"step": "s1"}}, "scalar": 7}]))),
        metric="lines",
        at_least=3,
    ),
    "DataflowJobMessagesSensor": sensor(at_job((0.3, JobMessage("Workers are there.")))),
    "DataflowJobAutoScalingEventsSensor": sensor(at_job((0.3, Autoscaling("Worker pool started.", 1, 1)))),
    "DataflowJobProgressSensor": sensor(
        at_job((0.3, Stages([{"stageId": "F1", "state": "EXECUTION_STATE_RUNNING", "progress": {"currentProgress": 0.5}}]))),
        stage="F1",
        at_least=0.4,
    ),
    "DataflowSnapshotSensor": sensor(snapshot, refused(Snapshot.get.id, snapshot)),
    "WaveDataflowJobSensor": sensor(ending_run(), ending_run("Failure"), since="2026-01-01"),
}


def classes() -> dict[str, type]:
    """Every operator and sensor of the package that can be made, by name."""
    from airflow.sdk import BaseOperator

    from airflow_dataflow_ext import operators, sensors

    modules = [
        importlib.import_module(f"{package.__name__}.{module.name}")
        for package in (operators, sensors)
        for module in pkgutil.iter_modules(package.__path__)
    ]
    found = {cls for module in modules for _, cls in inspect.getmembers(module, inspect.isclass) if cls.__module__ == module.__name__}
    made = (cls for cls in found if issubclass(cls, BaseOperator) and not inspect.isabstract(cls))
    return {cls.__name__: cls for cls in made if cls.execute is not BaseOperator.execute}


@dataclass(frozen=True)
class Seen:
    """What a user sees of a task's end, without what differs between any two jobs."""

    state: str
    text: str
    xcoms: Mapping[str, Any]


def carried_out(way: str, name: str, row: Row, given: dict[str, Any], start: Any, shown: Log, **fields: Any) -> Seen:
    """A task of the class, carried out in that way."""
    from airflow.sdk import DAG

    def make(**options: Any) -> Any:
        with DAG("books"):
            return classes()[name](task_id="count", **row.fields, **given, **fields, **options)

    shown.records.clear()
    airflow: Airflow = start(make, **{"start_from_trigger": False, "end_from_trigger": False, **WAYS[way]})
    if way == "only there":
        assert airflow.operator.start_from_trigger
        state, text, xcoms = airflow.run(), "\n".join(shown.lines(30)), airflow.xcoms
        return seen(state, text, xcoms, given)
    task = TaskInstance(airflow.operator)
    task.xcoms = airflow.xcoms
    ended = task.enter()
    if way == "triggerer" and ended.state == "deferred":
        ended = task.resume(ended)
    if way == "ended there" and ended.state == "deferred":
        trigger = task.trigger(ended)
        trigger.task_instance = SimpleNamespace(**WHERE)
        shown.records.clear()
        state = type(asyncio.run(first_event(trigger))).__name__.removeprefix("Task").removesuffix("Event").lower()
        return seen(state, "\n".join(shown.lines(30)), task.xcoms, given)
    return seen(ended.state, str(ended.error or ""), task.xcoms, given)


async def first_event(trigger: Any) -> Any:
    return await anext(trigger.run())


def seen(state: str, text: str, xcoms: Mapping[str, Any], given: Mapping[str, Any]) -> Seen:
    ids = {str(value) for value in (xcoms.get("job_id"), xcoms.get("snapshot_id"), *given.values()) if value}
    for id in sorted(ids, key=len, reverse=True):
        text = MARK.sub("", text.replace(id, "ID"))
    kept = {key: value for key, value in xcoms.items() if not key.startswith(("dataflow_launch", "dataflow_ext_"))}
    return Seen(state, text, {key: "ID" if key.endswith(("_id", "_link")) else plain(value) for key, value in kept.items()})


def plain(value: Any) -> Any:
    """A result without what differs between any two jobs."""
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items() if not VARIES.search(name)}
    return [plain(entry) for entry in value] if isinstance(value, list) else value


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "RUN_PAUSES", (0.0, 0.02))
    monkeypatch.setattr(budgets, "RUN_EVERY", 0.02)


def test_every_class_that_waits_has_a_row_and_the_same_options() -> None:
    from airflow_dataflow_ext.task.deferral import DeferrableTask

    found = classes()
    assert set(found) == set(ROWS) | DO_NOT_WAIT
    assert {name for name, cls in found.items() if issubclass(cls, DeferrableTask)} == set(ROWS)
    assert all(getattr(cls, "start_trigger", "") for name, cls in found.items() if name in ROWS)


def ways() -> list[str]:
    return [way for way in WAYS if SDK >= (1, 3) or way in BEFORE_3_3]


@pytest.mark.parametrize("name", ROWS)
def test_a_good_end_is_the_same_in_every_way(emulator: Emulator, start: Any, shown: Log, name: str) -> None:
    row = ROWS[name]
    ends = {way: carried_out(way, name, row, row.good(emulator), start, shown) for way in ways()}
    worker = ends["worker"]
    assert worker.state == "success", worker.text
    assert {key for key in worker.xcoms if not key.endswith("_link")} == row.xcoms
    assert {way: (end.state, end.xcoms) for way, end in ends.items()} == dict.fromkeys(ends, (worker.state, worker.xcoms))


@pytest.mark.parametrize("name", ROWS)
def test_a_bad_end_is_the_same_in_every_way(emulator: Emulator, start: Any, shown: Log, name: str) -> None:
    row = ROWS[name]
    ends = {way: carried_out(way, name, row, row.bad(emulator), start, shown) for way in ways()}
    worker = ends["worker"]
    assert (worker.state, bool(worker.text)) == ("failed", True)
    assert {way: (end.state, end.text, end.xcoms) for way, end in ends.items()} == dict.fromkeys(
        ends, (worker.state, worker.text, worker.xcoms)
    )


@pytest.mark.parametrize("name", ROWS)
def test_a_result_that_nobody_wants_is_written_in_no_way(emulator: Emulator, start: Any, shown: Log, name: str) -> None:
    row = ROWS[name]
    for way in ways():
        end = carried_out(way, name, row, row.good(emulator), start, shown, do_xcom_push=False)
        assert end.state == "success", end.text
        assert {key for key in end.xcoms if not key.endswith("_link")} == row.xcoms - {"return_value"}
