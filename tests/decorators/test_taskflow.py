"""@task.dataflow_yaml and @task.dataflow_flex in DAGs that run: a function makes the launch, the task follows the job."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG, task

from airflow_dataflow_ext.emulator import Emulator
from tests.airflow_task import TaskInstance

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

QUICK_JOB = [(0.0, "JOB_STATE_RUNNING"), (0.2, "JOB_STATE_DONE")]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(strict_faults=True) as emulator:
        for name, value in emulator.connections().items():
            monkeypatch.setenv(name, value)
        emulator.scripts.play("*", QUICK_JOB)
        yield emulator


def pipeline(table: str) -> dict[str, Any]:
    return {"pipeline": {"type": "chain", "transforms": [{"type": "ReadFromText", "config": {"path": f"gs://b/{table}"}}]}}


def flex(table: str) -> dict[str, Any]:
    return {"containerSpecGcsPath": "gs://b/f.json", "parameters": {"table": table}}


def a_dag(name: str) -> DAG:
    return DAG(name, start_date=datetime(2026, 1, 1, tzinfo=UTC), schedule=None)


def parameters(emulator: Emulator) -> list[dict[str, Any]]:
    return [entry["parameters"] for entry in emulator.jobs.all()]


def states(run: DagRun) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for ti in run.get_task_instances():
        found.setdefault(ti.task_id, []).append(str(ti.state))
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("deferrable", [False, True])
def test_functions_with_another_tasks_output_as_argument_launch_their_jobs(
    cloud: Emulator, run_dag: Callable[..., DagRun], deferrable: bool
) -> None:
    with a_dag(f"taskflow_{deferrable}") as dag:

        @task
        def which() -> str:
            return "orders"

        @task.dataflow_yaml(poll_sleep=0.05, deferrable=deferrable)
        def load_orders(table: str) -> dict[str, Any]:
            return pipeline(table)

        @task.dataflow_flex(poll_sleep=0.05, deferrable=deferrable)
        def count(table: str, run_id: Any = None) -> dict[str, Any]:
            assert run_id
            return {"launchParameter": {**flex(table), "jobName": "counts"}}

        @task
        def check(job: dict[str, Any]) -> None:
            assert job["currentState"] == "JOB_STATE_DONE"

        table = which()
        check(load_orders(table)) >> count(table)
    assert {state for found in states(run_dag(dag)).values() for state in found} == {"success"}
    yaml, counts = cloud.jobs.all()
    assert "gs://b/orders" in yaml["parameters"]["yaml_pipeline"]
    assert counts["parameters"] == {"table": "orders"}
    assert [entry["job"]["name"].rpartition("-")[0] for entry in (yaml, counts)] == ["load-orders", "counts"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_mapped_function_launches_one_job_for_each_entry(cloud: Emulator, run_dag: Callable[..., DagRun]) -> None:
    with a_dag("taskflow_mapped") as dag:

        @task
        def tables() -> list[str]:
            return ["a", "b", "c"]

        @task.dataflow_flex(poll_sleep=0.05)
        def count(table: str) -> dict[str, Any]:
            return flex(table)

        count.expand(table=tables())
    assert states(run_dag(dag))["count"] == ["success"] * 3
    assert sorted(found["table"] for found in parameters(cloud)) == ["a", "b", "c"]
    names = {entry["job"]["name"] for entry in cloud.jobs.all()}
    assert (len(names), {name.rpartition("-")[0] for name in names}) == (3, {"count"})  # the function has named none


def instance(decorate: Any, function: Any, **fields: Any) -> TaskInstance:
    with a_dag("taskflow"):
        return TaskInstance(decorate(function, poll_sleep=0.05, **fields)().operator)


@pytest.mark.parametrize("returned", [None, "", {}, 3, ["a"]])
@pytest.mark.parametrize("kind", ["dataflow_yaml", "dataflow_flex"])
def test_a_function_that_returns_no_launch_fails_by_its_name(cloud: Emulator, kind: str, returned: Any) -> None:
    def load() -> Any:
        return returned

    ended = instance(getattr(task, kind), load).run()
    assert "the function load must return" in str(ended.error)
    assert cloud.jobs.all() == []


def test_a_launch_whose_parameters_are_text_is_named_after_the_task_too(cloud: Emulator) -> None:
    def load() -> dict[str, Any]:
        return {"launchParameter": json.dumps(flex("orders"))}

    assert instance(task.dataflow_flex, load).run().state == "success"
    assert str(cloud.jobs.all()[0]["job"]["name"]).startswith("load-")


def test_braces_that_a_function_returns_are_beams(cloud: Emulator) -> None:
    def load() -> str:
        return "pipeline: {type: chain, name: '{{ table }}'}"

    assert instance(task.dataflow_yaml, load, jinja_variables={"table": "t"}).run().state == "success"
    assert "{{ table }}" in parameters(cloud)[0]["yaml_pipeline"]


def test_a_function_is_called_once_and_its_job_is_one_xcom(cloud: Emulator) -> None:
    calls: list[int] = []

    def load() -> dict[str, Any]:
        calls.append(1)
        return pipeline("orders")

    loading = instance(task.dataflow_yaml, load)
    assert loading.run().state == "success"
    assert calls == [1]
    assert loading.xcoms["return_value"]["currentState"] == "JOB_STATE_DONE"
    assert "currentState" not in loading.xcoms


def test_a_function_may_skip_its_task(cloud: Emulator) -> None:
    from airflow_dataflow_ext.task.compat import AirflowSkipException

    def load() -> str:
        raise AirflowSkipException

    assert instance(task.dataflow_yaml, load).run().state == "skipped"


def test_what_the_function_returns_is_not_an_argument(cloud: Emulator) -> None:
    with pytest.raises(ValueError, match=r"@task.dataflow_yaml takes no yaml_pipeline"):
        instance(task.dataflow_yaml, lambda: pipeline("t"), yaml_pipeline="pipeline: {}")


def test_a_deferred_task_that_times_out_stops_its_job(cloud: Emulator) -> None:
    cloud.scripts.clear()
    cloud.scripts.play("*", [(0.0, "JOB_STATE_RUNNING")], on_cancel=[(0.0, "JOB_STATE_CANCELLED")])

    def count() -> dict[str, Any]:
        return flex("t")

    waiting = instance(task.dataflow_flex, count, deferrable=True, execution_timeout=timedelta(hours=1))
    assert waiting.enter().state == "deferred"
    waiting.time_out()
    assert [entry["job"]["currentState"] for entry in cloud.jobs.all()] == ["JOB_STATE_CANCELLED"]
