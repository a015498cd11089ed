"""An operator that starts and ends in the triggerer: the same jobs, results and failures as on a worker, whatever dies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from tests.airflow_task import TaskInstance
from tests.operators.launches import SPEC, TEMPLATE, classic, flex

HERE: dict[str, Any] = {"deferrable": True, "start_from_trigger": True, "end_from_trigger": True}
WHERE = {"dag_id": "books", "task_id": "count", "run_id": "manual__2026-01-01", "map_index": -1}
QUICK_JOB = [(0.0, "JOB_STATE_RUNNING"), (0.3, "JOB_STATE_DONE")]
ENDLESS_JOB = [(0.0, "JOB_STATE_RUNNING")]
FAILED_JOB = [(0.0, "JOB_STATE_RUNNING"), (0.1, "JOB_STATE_FAILED")]
AT_ONCE = ((0.1, "JOB_STATE_CANCELLED"),)
DEATHS = (
    "before writing entered",
    "after writing entered",
    "before writing intended",
    "after writing intended",
    "before sending templates.launch",
    "after sending templates.launch",
    "before writing launched",
    "after writing launched",
    "before writing settled",
    "after writing settled",
    "before writing return_value",
    "after writing return_value",
)


class Died(BaseException):
    """The triggerer is gone."""


@dataclass
class Airflow:
    """What Airflow keeps of one task between its tries, and tells its trigger."""

    operator: Any
    xcoms: dict[str, Any] = field(default_factory=dict)
    try_number: int = 1
    attempt: str = "first"
    state: str = "deferred"

    def trigger(self) -> Any:
        """The trigger as a triggerer makes it."""
        from importlib import import_module

        module, _, name = self.operator.start_trigger_args.trigger_cls.rpartition(".")
        trigger = getattr(import_module(module), name)(**json.loads(json.dumps(self.operator.start_trigger_args.trigger_kwargs)))
        task = SimpleNamespace(task_id="count", retries=self.operator.retries, template_ext=(), template_fields=())
        ti = SimpleNamespace(**WHERE, id=self.attempt, try_number=self.try_number, task=task, xcom_push=self._push)
        trigger.task_instance = ti
        trigger.render_template_fields({"ti": ti, "task": task, "params": {"lines": 3}})
        return trigger

    def _push(self, key: str, value: Any) -> None:
        from airflow.sdk.execution_time.xcom import XCom

        XCom.set(key=key, value=value, **WHERE)

    def run(self) -> str:
        """A triggerer carries the task to its end; how it ended, and the state after that."""

        async def first() -> Any:
            return await anext(self.trigger().run())

        return type(asyncio.run(first())).__name__.removeprefix("Task").removesuffix("Event").lower()

    def dies(self) -> None:
        """A triggerer takes the task over, and dies."""
        with pytest.raises(Died):
            self.run()

    def again(self) -> None:
        """Another try begins: a retry, or after a clear."""
        self.try_number += 1
        self.attempt = f"try {self.try_number}"


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Airflow]:
    """Makes a task of an operator."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    from airflow.sdk.execution_time.xcom import XCom

    def start(make: Callable[..., Any] = classic, **fields: Any) -> Airflow:
        airflow = Airflow(make(**{**HERE, **fields}))
        monkeypatch.setattr(XCom, "get_one", lambda key, **where: airflow.xcoms.get(key) if where == WHERE else None)
        monkeypatch.setattr(XCom, "set", lambda key, value, **where: airflow.xcoms.update({key: json.loads(json.dumps(value))}))
        monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", lambda **_: {WHERE["run_id"]: {"count": airflow.state}})
        return airflow

    return start


@pytest.fixture
def die(monkeypatch: pytest.MonkeyPatch, start: Any) -> Callable[[str], None]:
    """``die("after sending jobs.get")``: the next triggerer that comes to that point dies there."""
    from airflow.sdk.execution_time.xcom import XCom

    from airflow_dataflow_ext.transport.aio import AsyncTransport

    points: set[str] = set()
    send = AsyncTransport.send

    def reach(point: str) -> None:
        if point in points:
            points.remove(point)
            raise Died(point)

    async def dying_send(self: Any, request: Any) -> Any:
        reach(f"before sending {request.method.id}")
        answer = await send(self, request)
        reach(f"after sending {request.method.id}")
        return answer

    def die(point: str) -> None:
        write = XCom.set

        def dying_write(key: str, value: Any, **where: Any) -> None:
            what = ((value["record"] or {}).get("step", "entered")) if key == "dataflow_launch" else key
            reach(f"before writing {what}")
            write(key=key, value=value, **where)
            reach(f"after writing {what}")

        monkeypatch.setattr(AsyncTransport, "send", dying_send)
        monkeypatch.setattr(XCom, "set", dying_write)
        points.add(point)

    return die


def states(emulator: Emulator) -> list[str]:
    return [entry["job"]["currentState"].removeprefix("JOB_STATE_") for entry in emulator.jobs.all()]


@pytest.mark.parametrize("make", [classic, flex])
def test_a_job_is_launched_waited_for_and_shown_without_a_worker(emulator: Emulator, start: Any, make: Any) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    task = start(make, prices={"vcpu_hours": 0.5})
    assert task.run() == "success"
    job = emulator.jobs.all()[0]["job"]
    assert task.xcoms["return_value"]["currentState"] == "JOB_STATE_DONE"
    assert task.xcoms["job_id"] == task.xcoms["return_value"]["id"] == job["id"]
    assert job["id"] in task.xcoms["dataflow_job_link"]
    assert task.xcoms["dataflow_launch"]["record"]["step"] == "settled"


def test_templates_are_rendered_in_the_triggerer(emulator: Emulator, start: Any) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    task = start(parameters={"inputFile": "gs://b/{{ params.lines }}", "output": "gs://b/o"}, job_name="n{{ params.lines }}")
    assert task.run() == "success"
    body = next(entry.body for entry in emulator.requests if entry.method == "templates.launch")
    assert (body["jobName"][:3], body["parameters"]["inputFile"]) == ("n3-", "gs://b/3")


def test_an_unknown_name_in_a_template_fails_the_task(emulator: Emulator, start: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert start(parameters={"inputFile": "{{ params.typo }}"}).run() == "failed"
    assert states(emulator) == []
    assert "'dict object' has no attribute 'typo'" in caplog.text


@pytest.mark.parametrize("point", DEATHS)
def test_wherever_a_triggerer_dies_the_next_one_ends_with_the_one_job(emulator: Emulator, start: Any, die: Any, point: str) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    task = start()
    die(point)
    task.dies()
    assert task.run() == "success"
    assert states(emulator) == ["DONE"]
    assert task.xcoms["return_value"]["id"] == task.xcoms["job_id"] == emulator.jobs.all()[0]["job"]["id"]


def test_a_lost_answer_leaves_one_job(emulator: Emulator, start: Any) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    emulator.faults.add(method="templates.launch", lost=True, times=1)
    task = start()
    assert task.run() == "success"
    assert states(emulator) == ["DONE"]


def test_a_try_that_has_failed_is_not_begun_again_by_another_triggerer(emulator: Emulator, start: Any) -> None:
    emulator.scripts.play("*", FAILED_JOB)
    task = start(retries=2)
    assert [task.run(), task.run()] == ["failed", "failed"]
    assert states(emulator) == ["FAILED"]


def test_a_job_that_failed_while_no_triggerer_ran_fails_its_try(emulator: Emulator, start: Any, die: Any) -> None:
    emulator.scripts.play("*", ENDLESS_JOB)
    task = start(retries=2)
    die("after writing launched")
    task.dies()
    emulator.jobs.set_state(emulator.jobs.all()[0]["job"]["id"], "JOB_STATE_FAILED")
    assert task.run() == "failed"
    assert states(emulator) == ["FAILED"]


def test_a_refused_launch_is_not_sent_again_by_the_same_try(emulator: Emulator, start: Any) -> None:
    emulator.faults.add(method="templates.launch", status=403, times=1)
    task = start(retries=2)
    assert [task.run(), task.run()] == ["failed", "failed"]
    emulator.scripts.play("*", QUICK_JOB)
    task.again()
    assert task.run() == "success"
    assert states(emulator) == ["DONE"]


def test_a_retry_after_a_failed_job_launches_the_next_one(emulator: Emulator, start: Any) -> None:
    emulator.scripts.play("*", FAILED_JOB)
    task = start(retries=1)
    assert task.run() == "failed"
    emulator.scripts.play("*", QUICK_JOB)
    task.again()
    assert task.run() == "success"
    assert states(emulator) == ["FAILED", "DONE"]


@pytest.mark.parametrize(("retries", "jobs"), [(1, ["DONE"]), (0, ["CANCELLED", "DONE"])])
def test_after_trouble_a_retry_takes_the_job_over_and_a_clear_stops_it(
    emulator: Emulator, start: Any, retries: int, jobs: list[str]
) -> None:
    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=AT_ONCE)
    emulator.faults.add(method="jobs.get", status=403, times=1)
    task = start(retries=retries)
    assert task.run() == "failed"
    task.again()
    if retries:
        emulator.jobs.set_state(emulator.jobs.all()[0]["job"]["id"], "JOB_STATE_DONE")
    else:
        emulator.scripts.play("*", QUICK_JOB)
    assert task.run() == "success"
    assert states(emulator) == jobs


def test_a_clear_after_success_launches_another_job(emulator: Emulator, start: Any) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    task = start(retries=3)
    assert task.run() == "success"
    task.again()
    assert task.run() == "success"
    assert states(emulator) == ["DONE", "DONE"]


def test_a_clear_while_it_waits_stops_the_job_and_launches_another(emulator: Emulator, start: Any, die: Any) -> None:
    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=AT_ONCE)
    task = start(retries=3)
    die("after writing launched")
    task.dies()
    emulator.scripts.play("*", QUICK_JOB)
    task.again()
    assert task.run() == "success"
    assert states(emulator) == ["CANCELLED", "DONE"]


KILLS = {
    "marked": ({"state": "failed"}, ["CANCELLED"]),
    "moved": ({}, ["RUNNING"]),
    "kept": ({"state": "failed"}, ["RUNNING"]),
}


@pytest.mark.parametrize("point", ["after sending templates.launch", "after writing launched"])
@pytest.mark.parametrize("kill", KILLS)
def test_a_kill_stops_the_job_when_a_user_asked_for_it(emulator: Emulator, start: Any, die: Any, kill: str, point: str) -> None:
    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=AT_ONCE)
    task = start(cancel_on_kill=kill != "kept")
    die(point)
    task.dies()
    facts, jobs = KILLS[kill]
    task.state = facts.get("state", task.state)
    asyncio.run(task.trigger().on_kill())
    assert states(emulator) == jobs


def test_a_late_kill_leaves_the_job_of_a_later_try(emulator: Emulator, start: Any, die: Any) -> None:
    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=AT_ONCE)
    task = start()
    die("after writing launched")
    task.dies()
    old = task.trigger()
    task.again()
    die("after writing job_id")
    task.dies()
    asyncio.run(old.on_kill())
    assert states(emulator) == ["CANCELLED", "RUNNING"]


def test_without_waiting_the_job_is_the_result_in_every_triggerer(emulator: Emulator, start: Any, die: Any) -> None:
    emulator.scripts.play("*", ENDLESS_JOB)
    task = start(wait_until_finished=False)
    die("before writing return_value")
    task.dies()
    assert task.run() == "success"
    assert task.xcoms["return_value"]["id"] == emulator.jobs.all()[0]["job"]["id"]
    assert states(emulator) == ["RUNNING"]


def test_a_launch_that_is_only_checked_starts_no_job(emulator: Emulator, start: Any) -> None:
    body = {"launchParameter": {"jobName": "count", "containerSpec": SPEC, "parameters": {}}, "validateOnly": True}
    task = start(flex, body=body)
    assert task.run() == "success"
    assert states(emulator) == []


def derived(**fields: Any) -> Any:
    from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator

    class Derived(DataflowTemplatedJobStartOperator):
        pass

    return Derived(task_id="count", template=TEMPLATE, **fields)


def with_macros(**fields: Any) -> Any:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator

    with DAG("macros", user_defined_macros={"bucket": "b"}):
        return DataflowTemplatedJobStartOperator(task_id="count", template=TEMPLATE, **fields)


def after_another(**fields: Any) -> Any:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator

    with DAG("pair"):
        first = DataflowTemplatedJobStartOperator(task_id="first", template=TEMPLATE)
        return DataflowTemplatedJobStartOperator(task_id="count", template=TEMPLATE, parameters={"of": first.output}, **fields)


def local_yaml(**fields: Any) -> Any:
    from airflow_dataflow_ext.operators.dataflow import DataflowStartYamlJobOperator

    return DataflowStartYamlJobOperator(task_id="count", job_name="count", yaml_pipeline_file="pipeline.yaml", **fields)


@pytest.mark.parametrize("make", [derived, with_macros, after_another, local_yaml])
def test_what_only_a_worker_can_begin_starts_on_one(make: Callable[..., Any]) -> None:
    operator = make(**HERE)
    assert (operator.start_from_trigger, operator.start_trigger_args) == (False, None)


def test_without_a_triggered_end_there_is_no_triggered_start() -> None:
    from airflow_dataflow_ext.api.errors import InvalidInputError

    with pytest.raises(InvalidInputError, match="start_from_trigger needs end_from_trigger=True"):
        classic(deferrable=True, start_from_trigger=True)


@pytest.mark.parametrize(("error", "failed", "job"), [("Trigger timeout", False, "CANCELLED"), ("Unknown", True, "RUNNING")])
def test_a_worker_that_ends_the_task_knows_what_the_triggerer_has_launched(
    emulator: Emulator, start: Any, die: Any, error: str, failed: bool, job: str
) -> None:
    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=AT_ONCE)
    task = start()
    die("after writing launched")
    task.dies()
    worker = TaskInstance(task.operator, xcoms=task.xcoms)
    worker.fail(error)
    assert (task.xcoms["dataflow_launch"]["failed"], states(emulator)) == (failed, [job])
