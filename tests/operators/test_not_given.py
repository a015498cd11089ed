"""What a task is about, an id or a name, is there or the task fails at once: nothing is sought, awaited or done under the name None."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from tests.airflow_task import TaskInstance, needs_3_3

SENSOR: dict[str, Any] = {"timeout": 20, "poll_interval": 0.05}
DONE: dict[str, Any] = {"expected_statuses": "JOB_STATE_DONE"}
ABOUT: list[tuple[str, str, dict[str, Any]]] = [
    ("DataflowStopJobOperator", "job_id", {}),
    ("DataflowStopJobOperator", "job_name", {}),
    ("DataflowStopJobOperator", "job_name_prefix", {}),
    ("DataflowUpdateJobOperator", "job_id", {"archived": True}),
    ("DataflowCreateSnapshotOperator", "job_id", {}),
    ("DataflowDeleteSnapshotOperator", "snapshot_id", {}),
    ("DataflowRunPipelineOperator", "pipeline_name", {}),
    ("DataflowDeletePipelineOperator", "pipeline_name", {}),
    ("DataflowTemplatedJobStartOperator", "job_name", {"template": "gs://b/t", "wait_until_finished": False}),
    ("DataflowStartYamlJobOperator", "job_name", {"yaml_pipeline": "pipeline: {}", "wait_until_finished": False}),
    ("DataflowJobStatusSensor", "job_id", {**DONE, **SENSOR}),
    ("DataflowJobMetricsSensor", "job_id", SENSOR),
    ("DataflowJobMetricsSensor", "metric", {"job_id": "j", "at_least": 1, **SENSOR}),
    ("DataflowSnapshotSensor", "snapshot_id", SENSOR),
    ("WaveStartDataflowOperator", "dataflow", {}),
    ("WaveStartDataflowOperator", "recipe", {}),
    ("WaveRunDataSyncOperator", "connector_id", {}),
    ("WaveStopDataflowJobOperator", "job_id", {}),
    ("WaveDataflowJobSensor", "job_id", SENSOR),
    ("WaveDataflowJobSensor", "recipe", SENSOR),
]


def modules() -> Iterator[Any]:
    from airflow_dataflow_ext.operators import dataflow, wave
    from airflow_dataflow_ext.sensors import dataflow as sensors
    from airflow_dataflow_ext.sensors import wave as wave_sensors

    yield from (dataflow, wave, sensors, wave_sensors)


def task(name: str, *, params: dict[str, Any] | None = None, native: bool = False, **fields: Any) -> TaskInstance:
    """An instance of the operator or sensor of this name."""
    from airflow.sdk import DAG

    make = next(getattr(module, name) for module in modules() if hasattr(module, name))
    with DAG("about", params=params, render_template_as_native_obj=native):
        return TaskInstance(make(task_id="it", **fields))


def refused(instance: TaskInstance) -> str:
    """What a task says that fails for good."""
    from airflow_dataflow_ext.task.compat import AirflowFailException

    ended = instance.run()
    assert isinstance(ended.error, AirflowFailException), ended
    return str(ended.error)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(("name", "argument", "fields"), ABOUT)
def test_what_renders_to_none_fails_the_task_at_once(
    emulator: Emulator, name: str, argument: str, fields: dict[str, Any], native: bool
) -> None:
    said = refused(task(name, params={"x": None}, native=native, **{argument: "{{ params.x }}"}, **fields))
    assert "None" in said
    services = {"jobs", "snapshots", "pipelines", "templates", "flexTemplates"}
    assert not [entry for entry in emulator.requests if entry.method and entry.method.partition(".")[0] in services]


@pytest.mark.parametrize("native", [False, True])
def test_a_whole_job_in_place_of_its_id_is_said_to_be_one(emulator: Emulator, native: bool) -> None:
    params = {"job": {"id": "2026-01-01_00_00_00-1", "name": "feed"}}
    said = refused(task("DataflowJobStatusSensor", params=params, native=native, job_id="{{ params.job }}", **DONE, **SENSOR))
    assert said.startswith("job_id must be an id, not ")
    assert said.endswith("of a whole job, or another resource, give its 'id'")


ID_OF = "of a whole job, or another resource, give its 'id'"


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(
    ("name", "argument", "hint", "fields"),
    [
        ("WaveStopDataflowJobOperator", "job_id", ID_OF, {}),
        ("WaveRunDataSyncOperator", "connector_id", ID_OF, {}),
        ("WaveDataflowJobSensor", "job_id", ID_OF, SENSOR),
        ("DataflowSnapshotSensor", "snapshot_id", ID_OF, SENSOR),
        ("DataflowDeleteSnapshotOperator", "snapshot_id", ID_OF, {}),
        ("DataflowCreateJobOperator", "snapshot_id", ID_OF, {"job": {"name": "j", "type": "JOB_TYPE_BATCH", "stepsLocation": "gs://b/g"}}),
        ("DataflowRunPipelineOperator", "pipeline_name", "of a whole pipeline, give its 'name'", {}),
    ],
)
def test_another_tasks_whole_result_in_place_of_its_id_is_said_to_be_one(
    emulator: Emulator, name: str, argument: str, hint: str, fields: dict[str, Any], native: bool
) -> None:
    whole = {"id": "03CEM000000000V2AQ", "name": "projects/p/locations/l/pipelines/p"}
    said = refused(task(name, params={"whole": whole}, native=native, **{argument: "{{ params.whole }}"}, **fields))
    assert said.endswith(hint)
    assert argument in said or name == "DataflowRunPipelineOperator"
    assert len(emulator.jobs) == 0


@pytest.mark.parametrize("value", [5, b"03CEM000000000V", ["03CEM000000000V2AQ"], " 03CEM000000000V2AQ", "03C"])
def test_what_can_be_no_id_of_salesforce_is_refused_by_name(emulator: Emulator, value: Any) -> None:
    assert refused(task("WaveStopDataflowJobOperator", job_id=value)).startswith("job_id must be a Salesforce id of 15 or 18 letters and")


def test_a_pipelines_place_may_render_to_none(emulator: Emulator) -> None:
    ended = task("DataflowDeletePipelineOperator", pipeline_name="nightly", project_id="{{ none }}", location="{{ none }}").run()
    assert (ended.state, ended.error) == ("success", None)


@pytest.mark.parametrize("job_id", [".", "..", "projects/p/locations/l/jobs/j", ["j"], "j j"])
def test_a_sensor_does_not_wait_for_what_can_be_no_job(emulator: Emulator, job_id: Any) -> None:
    assert refused(task("DataflowJobStatusSensor", job_id=job_id, **DONE, **SENSOR)).startswith("job_id must be an id, not ")


def test_a_prefix_that_is_a_number_is_read_as_text(emulator: Emulator) -> None:
    ended = task("DataflowStopJobOperator", params={"x": 2026}, native=True, job_name_prefix="{{ params.x }}").run()
    assert (ended.state, ended.error) == ("success", None)


@needs_3_3
@pytest.mark.parametrize("value", [None, "None", "", "[]"])
def test_fallback_locations_may_render_to_none(emulator: Emulator, value: Any) -> None:
    fields: dict[str, Any] = {"template": "gs://b/t", "wait_until_finished": False, "fallback_locations": "{{ params.x }}"}
    assert task("DataflowTemplatedJobStartOperator", params={"x": value}, **fields).run().error is None


@pytest.mark.parametrize("argument", ["gcp_conn_id", "salesforce_conn_id"])
def test_a_connection_that_airflow_does_not_have_is_named_in_one_line(emulator: Emulator, argument: str) -> None:
    name, about = ("DataflowStopJobOperator", "job_name") if argument == "gcp_conn_id" else ("WaveStartDataflowOperator", "dataflow")
    fields: dict[str, Any] = {about: "x", argument: "nope"}
    ended = task(name, **fields).run()
    assert str(ended.error) == "Airflow finds no connection 'nope': check the task's connection id"
