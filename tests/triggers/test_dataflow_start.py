"""An operator that starts and ends in the triggerer: the same jobs, results and failures as on a worker, whatever dies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from jinja2 import Undefined

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import JobError
from airflow_dataflow_ext.emulator import Emulator
from tests.airflow_task import TaskInstance, needs_3_3
from tests.operators.launches import SPEC, TEMPLATE, classic, flex
from tests.triggers.triggerer import HERE, Airflow, die, start

__all__ = ["die", "start"]

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
    "before writing return_value",
    "after writing return_value",
)

pytestmark = needs_3_3


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
    assert task.xcoms["dataflow_launch"]["record"]["step"] == "launched"


def test_only_its_own_record_is_asked_for_in_vain(emulator: Emulator, start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow logs each XCom that is not there as an error."""
    from airflow.sdk.execution_time.xcom import XCom

    emulator.scripts.play("*", FAILED_JOB)
    task, missing = start(prices={"vcpu_hours": 0.5}), []
    read = XCom.get_one

    def noted(key: str, **where: Any) -> Any:
        found = read(key=key, **where)
        missing.extend([key] if found is None else [])
        return found

    monkeypatch.setattr(XCom, "get_one", noted)
    assert task.run() == "failed"
    assert {"dataflow_ext_job", "dataflow_ext_facts"} <= set(task.xcoms)
    assert set(missing) == {"dataflow_launch"}


def test_a_result_that_nobody_wants_is_not_written(emulator: Emulator, start: Any) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    task = start(do_xcom_push=False)
    assert task.run() == "success"
    assert "return_value" not in task.xcoms


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


@pytest.mark.parametrize("point", ["before writing settled", "after writing settled"])
def test_a_triggerer_that_dies_at_a_bad_end_leaves_it_to_the_next_one(emulator: Emulator, start: Any, die: Any, point: str) -> None:
    emulator.scripts.play("*", FAILED_JOB)
    task = start()
    die(point)
    task.dies()
    assert task.run() == "failed"
    assert states(emulator) == ["FAILED"]


@pytest.mark.parametrize("point", ["after writing intended", "after sending pipelines.run", "after writing launched"])
def test_a_pipelines_run_is_found_by_the_next_triggerer_where_its_job_runs(emulator: Emulator, start: Any, die: Any, point: str) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    pipeline_of("europe-west1")
    task = start(pipeline_run)
    die(point)
    task.dies()
    assert task.run() == "success"
    assert states(emulator) == ["DONE"]
    assert task.xcoms["return_value"]["location"] == "europe-west1"


def pipeline_of(location: str) -> None:
    """A pipeline whose jobs run there."""
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    launch = {"location": location, "launchParameter": {"jobName": "count", "containerSpecGcsPath": "gs://b/f.json"}}
    workload = {"dataflowFlexTemplateRequest": launch}
    body = {"name": "nightly", "displayName": "nightly", "type": "PIPELINE_TYPE_BATCH", "workload": workload}
    DataflowHook().create_data_pipeline(body)


def pipeline_run(**fields: Any) -> Any:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators.dataflow import DataflowRunPipelineOperator

    with DAG("books"):
        return DataflowRunPipelineOperator(task_id="count", pipeline_name="nightly", poll_sleep=0.05, **fields)


BEFORE = {
    # what was before the try: how its jobs behaved, whether it failed of its own accord, and how many retries there are
    "a clear after success": (QUICK_JOB, 3, ["DONE", "DONE"]),
    "a retry after a failed job": (FAILED_JOB, 3, ["FAILED", "DONE"]),
    "a clear while it waited": (ENDLESS_JOB, 3, ["CANCELLED", "DONE"]),
}


@pytest.mark.parametrize("point", DEATHS)
@pytest.mark.parametrize("before", BEFORE)
def test_wherever_a_triggerer_dies_in_a_later_try_there_is_one_more_job(
    emulator: Emulator, start: Any, die: Any, before: str, point: str
) -> None:
    script, retries, jobs = BEFORE[before]
    emulator.scripts.play("*", script, on_cancel=AT_ONCE)
    task = start(retries=retries)
    if script is ENDLESS_JOB:
        die("after writing launched")
        task.dies()
    else:
        task.run()
    emulator.scripts.play("*", QUICK_JOB)
    task.again()
    die(point)
    task.dies()
    assert task.run() == "success"
    assert states(emulator) == jobs
    assert task.xcoms["return_value"]["id"] == task.xcoms["job_id"] == emulator.jobs.all()[1]["job"]["id"]


def test_a_job_that_a_retry_has_taken_over_is_its_own(emulator: Emulator, start: Any, die: Any) -> None:
    emulator.scripts.play("*", ENDLESS_JOB)
    emulator.faults.add(method="jobs.get", status=403, times=1)
    task = start(retries=1)
    assert task.run() == "failed"
    task.again()
    die("after writing job_id")
    task.dies()
    emulator.jobs.set_state(emulator.jobs.all()[0]["job"]["id"], "JOB_STATE_FAILED")
    assert task.run() == "failed"
    assert states(emulator) == ["FAILED"]


def test_a_try_that_enters_after_a_later_one_does_nothing(emulator: Emulator, start: Any, die: Any) -> None:
    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=AT_ONCE)
    task = start()
    old = task.trigger()
    task.again()
    die("after writing launched")
    task.dies()
    kept = dict(task.xcoms["dataflow_launch"])
    with pytest.raises(JobError, match="Try 2 of the task has begun"):
        asyncio.run(anext(old.run()))
    assert (task.xcoms["dataflow_launch"], states(emulator)) == (kept, ["RUNNING"])


def test_a_clear_that_a_trigger_could_not_begin_is_still_a_clear(emulator: Emulator, start: Any) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    task = start(retries=3)
    assert task.run() == "success"
    task.again()
    TaskInstance(task.operator, xcoms=task.xcoms, try_number=task.try_number).fail("Unknown")
    task.again()
    assert task.run() == "success"
    assert states(emulator) == ["DONE", "DONE"]


def test_an_overtaken_try_writes_nothing_more(emulator: Emulator, start: Any, die: Any) -> None:
    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=AT_ONCE)
    task = start()
    die("after writing launched")
    task.dies()
    old = task.trigger()
    old.enter()
    task.again()
    die("after writing launched")
    task.dies()
    kept = dict(task.xcoms["dataflow_launch"])
    with pytest.raises(JobError, match="Try 2 of the task has begun; try 1 does nothing more"):
        old.tries_store.set("launch", {**kept["record"], "step": "settled"})
    old.tries_store.fail()
    assert task.xcoms["dataflow_launch"] == kept
    assert task.trigger()._is_past_try() is False
    assert old._is_past_try() is True


def test_retries_lowered_in_the_dag_file_leave_the_job_to_the_retry(emulator: Emulator, start: Any) -> None:
    emulator.scripts.play("*", [(0.0, "JOB_STATE_RUNNING"), (2.0, "JOB_STATE_DONE")])
    task = start(retries=3)
    emulator.faults.add(method="jobs.get", status=403, times=1)
    assert (task.run(), states(emulator)) == ("failed", ["RUNNING"])
    task.operator.retries = 0
    task.again()
    assert (task.run(), states(emulator)) == ("success", ["DONE"])


@pytest.mark.parametrize("clears", [0, 1])
def test_cleaned_xcoms_leave_no_job_beside_the_next(emulator: Emulator, start: Any, die: Any, clears: int) -> None:
    task = start()
    for _ in range(clears + 1):
        emulator.scripts.play("*", ENDLESS_JOB, on_cancel=AT_ONCE)
        die("after writing launched")
        task.dies()
        task.again()
    task.xcoms.clear()
    emulator.scripts.play("*", QUICK_JOB)
    assert task.run() == "success"
    assert states(emulator) == ["CANCELLED"] * (clears + 1) + ["DONE"]


def test_what_an_earlier_try_published_is_gone_when_the_next_fails(emulator: Emulator, start: Any) -> None:
    emulator.scripts.play("*", QUICK_JOB)
    task = start()
    assert task.run() == "success"
    emulator.faults.add(method="templates.launch", status=403, times=1)
    task.again()
    assert task.run() == "failed"
    assert set(task.xcoms) == {"dataflow_launch", "dataflow_ext_job"}  # the second is for the page, and says which try had which job


def test_a_clear_stops_the_job_though_the_next_try_cannot_launch(emulator: Emulator, start: Any, die: Any) -> None:
    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=AT_ONCE)
    task = start()
    die("after writing launched")
    task.dies()
    old = task.trigger()
    old.enter()
    task.again()
    task.operator.parameters = {"inputFile": "{{ params.typo }}"}
    assert task.run() == "failed"
    asyncio.run(old.on_kill())
    assert states(emulator) == ["CANCELLED"]


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
def test_a_kill_stops_the_job_when_a_user_asked_for_it(
    emulator: Emulator, start: Any, die: Any, monkeypatch: pytest.MonkeyPatch, kill: str, point: str
) -> None:

    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=AT_ONCE)
    task = start(cancel_on_kill=kill != "kept")
    die(point)
    task.dies()
    facts, jobs = KILLS[kill]
    task.state = facts.get("state", task.state)
    monkeypatch.setattr(budgets, "NEXT_TRY_PAUSES", (0.0,))
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


def of_dag(dag: Any = None, **fields: Any) -> Any:
    """A task of a DAG with settings of its own."""
    from airflow.sdk import DAG

    with DAG("own", **(dag or {})):
        return classic_task(**fields)


def classic_task(**fields: Any) -> Any:
    from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator

    return DataflowTemplatedJobStartOperator(**{"task_id": "count", "template": TEMPLATE, **HERE, **fields})


def after_another() -> Any:
    return of_dag(parameters={"of": classic_task(task_id="first").output})


def mapped_over() -> Any:
    """A task over whose result another one is mapped; Airflow has to know how many entries that has."""
    from airflow.sdk import DAG, task

    @task
    def look(state: str) -> None: ...

    with DAG("own"):
        launch = classic_task()
        look.expand(state=launch.output)
    return launch


def yaml(**fields: Any) -> Any:
    from airflow_dataflow_ext.operators.dataflow import DataflowStartYamlJobOperator

    return DataflowStartYamlJobOperator(task_id="count", job_name="count", **HERE, **fields)


ON_WORKER: dict[str, Callable[[], Any]] = {
    "a derived class": lambda: derived(**HERE),
    "macros": lambda: of_dag({"user_defined_macros": {"bucket": "b"}}),
    "native objects": lambda: of_dag({"render_template_as_native_obj": True}),
    "another syntax": lambda: of_dag({"jinja_environment_kwargs": {"variable_start_string": "[["}}),
    "lenient names": lambda: of_dag({"template_undefined": Undefined}),
    "another task's output": after_another,
    "a result that is asked for": lambda: classic_task(parameters={"of": "{{ ti.xcom_pull('first') }}"}),
    "an event": lambda: classic_task(parameters={"of": ["{{ triggering_asset_events }}"]}),
    "a result that seems to be of one index": lambda: classic_task(parameters={"of": "{{ ti.xcom_pull('x', key='map_indexes') }}"}),
    "an event inside": lambda: classic_task(parameters={"of": "{{ ti.xcom_pull(triggering_asset_events, map_indexes=-1) }}"}),
    "a field of the task": lambda: classic_task(parameters={"of": "{{ task.job_name }}"}),
    "events of the run": lambda: classic_task(parameters={"of": "{{ dag_run.consumed_asset_events }}"}),
    "another run": lambda: classic_task(job_name="{{ prev_start_date_success }}"),
    "a template file": lambda: classic_task(job_name="{% include 'name.txt' %}"),
    "a wrong template": lambda: classic_task(job_name="{{ name"),
    "a file on the worker": lambda: yaml(yaml_pipeline_file="pipeline.yaml"),
    "a number as a key": lambda: yaml(yaml_pipeline={"pipeline": {1: "x"}}),
    "room that may be waited for": lambda: flex(when_full="wait", **HERE),
    "several outputs": lambda: classic_task(multiple_outputs=True),
    "a result over which a task is mapped": lambda: mapped_over(),
    "a large body": lambda: yaml(yaml_pipeline="x" * 50_000),
}


@pytest.mark.parametrize("why", ON_WORKER)
def test_what_only_a_worker_can_begin_starts_on_one(why: str) -> None:
    assert ON_WORKER[why]().start_trigger_args is None


THERE = (
    "{{ ti.xcom_pull('first', map_indexes=-1) }}",
    "{{ ti.map_index }}-{{ run_id }}",
    "{{ dag_run.conf['n'] }}",
    "{{ var.value.x }}{% set n = task.task_id %}{% for c in n %}{{ c }}{% endfor %}{{ macros.ds_add(ds, 1) }}",
    "{ }",
)


@pytest.mark.parametrize("text", THERE)
def test_what_the_triggerer_can_render_starts_there(text: str) -> None:
    assert of_dag(parameters={"of": text}).start_trigger_args is not None


def test_what_is_changed_after_the_operator_was_made_counts() -> None:
    operator = classic_task()
    operator.parameters = {"of": "a policy"}
    assert operator.start_trigger_args.trigger_kwargs["arguments"]["parameters"] == {"of": "a policy"}


def test_airflow_stores_a_task_that_starts_in_the_triggerer_as_it_is() -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    body = {"launchParameter": {"jobName": "count", "containerSpec": SPEC, "parameters": {"a": [1, None, True, {"b": 0.5}]}}}
    operator = flex(body=body, **HERE)
    stored = [json.dumps(DagSerialization.to_dict(operator.dag), sort_keys=True) for _ in range(2)]
    task = DagSerialization.from_dict(json.loads(stored[0])).get_task("count")
    kwargs = task.start_trigger_args.trigger_kwargs
    assert stored[0] == stored[1]
    assert started(kwargs).arguments == operator.start_trigger_args.trigger_kwargs["arguments"]


def started(kwargs: Any) -> Any:
    """The trigger, by Airflow's own way over its database."""
    from airflow.models.trigger import Trigger
    from airflow.serialization.decoders import smart_decode_trigger_kwargs

    from airflow_dataflow_ext.triggers.dataflow_start import DataflowLaunchStartTrigger

    row = Trigger(classpath="x", kwargs=kwargs)
    stored = Trigger._decrypt_kwargs(row.encrypted_kwargs)
    return DataflowLaunchStartTrigger(**{name: smart_decode_trigger_kwargs(value) for name, value in stored.items()})


def test_without_a_triggered_end_there_is_no_triggered_start() -> None:
    from airflow_dataflow_ext.api.rest.errors import InvalidInputError

    with pytest.raises(InvalidInputError, match="start_from_trigger needs end_from_trigger=True"):
        classic(deferrable=True, start_from_trigger=True)


@pytest.mark.parametrize(("error", "job"), [("Trigger timeout", "CANCELLED"), ("Unknown", "RUNNING")])
def test_a_worker_that_ends_the_task_knows_what_the_triggerer_has_launched(
    emulator: Emulator, start: Any, die: Any, error: str, job: str
) -> None:
    emulator.scripts.play("*", ENDLESS_JOB, on_cancel=AT_ONCE)
    task = start()
    die("after writing launched")
    task.dies()
    worker = TaskInstance(task.operator, xcoms=task.xcoms)
    worker.fail(error)
    assert (task.xcoms["dataflow_launch"]["failed"], states(emulator)) == (True, [job])


def test_flags_and_values_that_are_templates_are_read_in_the_triggerer(emulator: Emulator, start: Callable[..., Airflow]) -> None:
    environment = {"maxWorkers": "{{ params.lines }}", "network": None}
    task = start(environment=environment, append_job_name="{{ params.lines == 0 }}", wait_until_finished="{{ params.lines == 0 }}")
    assert task.run() == "success"
    (entry,) = emulator.jobs.all()
    assert (entry["job"]["name"], entry["environment"]["maxWorkers"]) == ("count", 3)


def test_a_flag_that_renders_to_neither_fails_in_the_triggerer_and_launches_nothing(
    emulator: Emulator, start: Callable[..., Airflow]
) -> None:
    assert start(append_job_name="{{ params.lines }}").run() == "failed"
    assert len(emulator.jobs) == 0
