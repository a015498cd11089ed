"""Flags of operators and sensors, which are read strictly, and the jobs of a name, which are stopped and no others."""

from __future__ import annotations

import inspect
import logging
from datetime import timedelta
from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from tests.airflow_task import TaskInstance
from tests.operators.test_inputs import CLASSIC, SOON, good, refused, state_of, stream, task

STOP = "DataflowStopJobOperator"
NOT_OURS = {"depends_on_past", "do_xcom_push", "email_on_failure", "email_on_retry", "exponential_backoff", "multiple_outputs"}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "DataflowCreateJobOperator": {"job": {}},
    "DataflowCreatePipelineOperator": {"body": {"name": "p"}},
    "DataflowCreateSnapshotOperator": {"job_id": "j"},
    "DataflowDeletePipelineOperator": {"pipeline_name": "p"},
    "DataflowDeleteSnapshotOperator": {"snapshot_id": "s"},
    "DataflowJobAutoScalingEventsSensor": {"job_id": "j"},
    "DataflowJobMessagesSensor": {"job_id": "j"},
    "DataflowJobMetricsSensor": {"job_id": "j"},
    "DataflowJobProgressSensor": {"job_id": "j", "at_least": 0.5},
    "DataflowJobStatusSensor": {"job_id": "j", "expected_statuses": "JOB_STATE_DONE"},
    "DataflowSnapshotSensor": {"snapshot_id": "s"},
    "DataflowRunPipelineOperator": {"pipeline_name": "p"},
    "DataflowStartFlexTemplateOperator": {"body": {}},
    "DataflowStartYamlJobOperator": {"job_name": "j", "yaml_pipeline": "p"},
    "DataflowStopJobOperator": {"job_id": "j"},
    "DataflowTemplatedJobStartOperator": {"template": "gs://t/x"},
    "DataflowUpdateJobOperator": {"job_id": "j", "archived": True},
    "WaveDataflowJobSensor": {"job_id": "03C000000000001"},
    "WaveRunDataSyncOperator": {"connector_id": "c"},
    "WaveStartDataflowOperator": {"dataflow": "d"},
    "WaveStopDataflowJobOperator": {"job_id": "03C000000000001"},
}
"""What each class needs to be made."""


def classes() -> dict[str, type]:
    """Every operator and sensor that a DAG uses."""
    from airflow_dataflow_ext.operators import dataflow, wave
    from airflow_dataflow_ext.sensors import dataflow as dataflow_sensors
    from airflow_dataflow_ext.sensors import wave as wave_sensors

    modules = (dataflow, wave, dataflow_sensors, wave_sensors)
    found = {
        name: cls for module in modules for name, cls in vars(module).items() if inspect.isclass(cls) and hasattr(cls, "template_fields")
    }
    bases = {base for cls in found.values() for base in cls.__mro__[1:]}
    return {name: cls for name, cls in found.items() if cls not in bases and cls.__module__.startswith("airflow_dataflow_ext.")}


def flags_of(cls: type) -> set[str]:
    """Arguments of ours that are declared as true or false."""
    from airflow.sdk import BaseOperator

    ours = [
        base
        for base in cls.__mro__[: cls.__mro__.index(BaseOperator)]
        if "__init__" in vars(base) and "airflow_dataflow" in base.__module__
    ]
    declared = [parameter for base in ours for parameter in inspect.signature(vars(base)["__init__"]).parameters.values()]
    return {parameter.name for parameter in declared if str(parameter.annotation).startswith("bool")} - {"archived"}


def test_every_class_is_tried() -> None:
    assert set(classes()) == set(ARGUMENTS)
    assert sum(len(flags_of(cls)) for cls in classes().values()) > 50


@pytest.mark.parametrize("name", ARGUMENTS)
def test_each_flag_is_true_false_or_the_text_for_it_when_the_dag_file_is_parsed(name: str) -> None:
    cls = classes()[name]
    for flag in flags_of(cls) - {"start_from_trigger", "end_from_trigger"}:
        for value, meant in (("False", False), ("true", True), (False, False)):
            made = cls(task_id="it", **{**ARGUMENTS[name], flag: value})
            assert getattr(made, flag) is meant, flag
        for wrong in ("no", "", 1, 0, [], "1"):
            with pytest.raises(ValueError, match=f"{flag} must be true or false"):
                cls(task_id="it", **{**ARGUMENTS[name], flag: wrong})


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_flag_is_templated_or_refuses_a_template(name: str) -> None:
    cls: Any = classes()[name]
    for flag in flags_of(cls):
        arguments = {"task_id": "it", **ARGUMENTS[name], flag: "{{ params.x }}"}
        if flag in cls.template_fields:
            assert getattr(cls(**arguments), flag) == "{{ params.x }}"
        else:
            assert flag in ("deferrable", "end_from_trigger", "start_from_trigger")
            with pytest.raises(ValueError, match=f"{flag} must be true or false"):
                cls(**arguments)


@pytest.mark.parametrize("update", ["False", "{{ params.u }}", False])
def test_a_stream_is_never_replaced_by_an_update_that_says_no(emulator: Emulator, update: Any) -> None:
    running = stream(emulator)
    again = task(CLASSIC, task_id="again", job_name="feed", append_job_name=False, update=update, params={"u": False}).run()
    assert again.state == "failed"
    assert "is active in us-central1 under the name 'feed'" in str(again.error)
    assert state_of(emulator, running) == "JOB_STATE_RUNNING"


def test_a_stream_is_replaced_by_an_update_that_says_yes(emulator: Emulator) -> None:
    running = stream(emulator)
    replacement = stream(emulator, task_id="again", update="{{ params.u }}", params={"u": True})
    assert (state_of(emulator, running), state_of(emulator, replacement)) == ("JOB_STATE_UPDATED", "JOB_STATE_RUNNING")


@pytest.mark.parametrize("flag", ["update", "append_job_name", "wait_until_finished", "drain_pipeline", "cancel_on_kill", "reattach"])
def test_a_flag_that_renders_to_neither_is_refused_before_the_launch(emulator: Emulator, flag: str) -> None:
    said = refused(task(CLASSIC, **{flag: "{{ params.x }}", "params": {"x": "perhaps"}}), emulator)
    assert said == f"{flag} must be true or false, not 'perhaps'"


def test_a_flag_that_is_not_given_after_rendering_is_not_given(emulator: Emulator) -> None:
    emulator.scripts.play("*", steps=[(0, "JOB_STATE_DONE")])
    done = good(task(CLASSIC, wait_until_finished="{{ params.w }}", params={"w": None}, poll_sleep=SOON))
    assert done["currentState"] == "JOB_STATE_DONE"


def test_a_sensors_flag_that_renders_to_neither_is_refused(emulator: Emulator) -> None:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.task.compat import AirflowFailException

    with DAG("waits", params={"x": "perhaps"}):
        sensor = classes()["DataflowJobMessagesSensor"](task_id="wait", job_id="j", fail_on_terminal_state="{{ params.x }}")
    error = TaskInstance(sensor).run().error
    assert isinstance(error, AirflowFailException)
    assert str(error) == "fail_on_terminal_state must be true or false, not 'perhaps'"


def test_a_flag_of_a_run_in_crm_analytics_that_renders_to_neither_starts_nothing(emulator: Emulator) -> None:
    from airflow.sdk import DAG

    with DAG("nightly", params={"x": "perhaps"}):
        run = classes()["WaveStartDataflowOperator"](task_id="run", dataflow="Sales", fail_on_warning="{{ params.x }}")
    assert str(TaskInstance(run).run().error) == "fail_on_warning must be true or false, not 'perhaps'"
    assert not [entry for entry in emulator.requests if "dataflowjobs" in entry.path and entry.verb == "POST"]


def test_a_flag_of_a_mapped_task_is_read_as_strictly() -> None:
    from airflow.sdk import DAG

    cls: Any = classes()[CLASSIC]
    with DAG("mapped"):
        mapped = cls.partial(task_id="it", template="gs://t/x").expand(update=["False"])
    assert mapped.unmap({"update": "False"}).update is False
    with pytest.raises(ValueError, match="update must be true or false"):
        mapped.unmap({"update": "no"})


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (CLASSIC, "cancel_timeout"),
        (STOP, "stop_timeout"),
        ("DataflowCreateSnapshotOperator", "ready_timeout"),
        ("WaveStopDataflowJobOperator", "cancel_timeout"),
    ],
)
def test_seconds_may_be_text_or_a_timedelta_and_what_is_none_fails_the_dag_file(name: str, field: str) -> None:
    def made(value: Any) -> Any:
        return getattr(classes()[name](task_id="it", **{**ARGUMENTS[name], field: value}), field)

    assert [made(value) for value in ("600", timedelta(minutes=10), 600, None)] == [600, 600, 600, None]
    for wrong in ("ten minutes", -1, True, float("nan")):
        with pytest.raises(ValueError, match=f"{field} must be"):
            made(wrong)


@pytest.mark.parametrize("name", [CLASSIC, STOP, "WaveStartDataflowOperator"])
def test_the_seconds_between_two_looks_may_be_text_or_a_timedelta_and_are_more_than_0(name: str) -> None:
    def made(value: Any) -> Any:
        return classes()[name](task_id="it", **{**ARGUMENTS[name], "poll_sleep": value}).poll_sleep

    assert [made(value) for value in ("10", timedelta(seconds=10), 10)] == [10, 10, 10]
    for wrong in ("ten", 0, "0", -1, True, None, float("nan")):
        with pytest.raises(ValueError, match="poll_sleep must be"):
            made(wrong)


def test_the_seconds_of_a_sensor_may_be_text_too() -> None:
    from airflow_dataflow_ext.sensors.dataflow import DataflowJobMessagesSensor

    sensor = DataflowJobMessagesSensor(task_id="it", job_id="j", poll_interval="10", timeout="600")
    assert (sensor.poll_interval, sensor.poke_interval, sensor.timeout) == (10, 10, 600)


@pytest.mark.parametrize(
    ("given", "polls", "pokes"),
    [
        ({}, 60, 60),
        ({"poke_interval": 300}, 300, 300),
        ({"poke_interval": "300"}, 300, 300),
        ({"poke_interval": timedelta(minutes=5)}, 300, 300),
        ({"poke_interval": 0}, 60, 0),
        ({"poll_interval": 30}, 30, 30),
        ({"poll_interval": 30, "poke_interval": 300}, 30, 300),
    ],
)
def test_airflows_interval_of_a_sensor_counts_in_the_triggerer_too(given: dict[str, Any], polls: float, pokes: float) -> None:
    from airflow_dataflow_ext.sensors.dataflow import DataflowJobAutoScalingEventsSensor

    sensor = DataflowJobAutoScalingEventsSensor(task_id="it", job_id="j", **given)
    assert (sensor.poll_interval, sensor.poke_interval, sensor.trigger_arguments()["poll_sleep"]) == (polls, pokes, polls)


# Jobs that are stopped by their name


def launched(emulator: Emulator, name: str, **fields: Any) -> str:
    """The id of a stream that a launch operator has started under its own name."""
    return stream(emulator, **{"append_job_name": True, "job_name": name, "task_id": f"t{len(emulator.jobs)}", **fields})


def stopped(emulator: Emulator, *jobs: str) -> list[bool]:
    return [state_of(emulator, job) == "JOB_STATE_DRAINED" for job in jobs]


def test_a_job_that_we_launched_is_stopped_by_the_name_of_its_launch(emulator: Emulator) -> None:
    ours, backfill, other, bare = (launched(emulator, name) for name in ("etl", "etl-backfill", "other", "x"))
    bare = stream(emulator, "etl")
    assert len(good(task(STOP, job_name="etl", poll_sleep=SOON))) == 2
    assert stopped(emulator, ours, bare, backfill, other) == [True, True, False, False]


@pytest.mark.parametrize("name", ["Group_A.count", "2026-load", "load_day", "y" * 1100])
def test_a_name_that_was_made_valid_or_cut_is_found_by_what_the_user_wrote(emulator: Emulator, name: str) -> None:
    ours, other = launched(emulator, name), launched(emulator, "other")
    assert len(good(task(STOP, job_name=name, poll_sleep=SOON))) == 1
    assert stopped(emulator, ours, other) == [True, False]


def test_a_default_name_without_a_suffix_is_found_too(emulator: Emulator) -> None:
    ours = stream(emulator, job_name="{{ task.task_id }}", task_id="Load.Day")
    good(task(STOP, job_name="Load.Day", poll_sleep=SOON))
    assert stopped(emulator, ours) == [True]


def test_a_job_that_only_looks_as_if_we_had_launched_it_goes_on(emulator: Emulator) -> None:
    labels = {"environment": {"additionalUserLabels": {"team": "a"}}}
    lookalike = stream(emulator, "etl-0123456789", **labels)
    assert good(task(STOP, job_name="etl", poll_sleep=SOON)) == []
    assert stopped(emulator, lookalike) == [False]


def test_a_prefix_stops_them_all_and_each_is_logged_before(emulator: Emulator, task_log: pytest.LogCaptureFixture) -> None:
    jobs = [launched(emulator, name) for name in ("etl", "etl-backfill")]
    good(task(STOP, job_name_prefix="etl", poll_sleep=SOON))
    assert stopped(emulator, *jobs) == [True, True]
    for job in jobs:
        assert task_log.text.index(f"Found job {job} in ") < task_log.text.index(f"Draining job {job}")


@pytest.mark.parametrize(("which", "sought"), [("job_name", "named 'etll'"), ("job_name_prefix", "with a name that begins with 'etll'")])
def test_nothing_to_stop_is_a_warning_that_says_what_was_sought_where_and_what_there_is(
    emulator: Emulator, which: str, sought: str, task_log: pytest.LogCaptureFixture
) -> None:
    stream(emulator, "etl-daily")
    assert good(task(STOP, **{which: "etll"}, location="us-central1")) == []
    (warning,) = [
        record.getMessage() for record in task_log.records if record.levelno == logging.WARNING and "to stop" in record.getMessage()
    ]
    assert warning.startswith(f"There is no job to stop: no job {sought}")
    assert "location us-central1" in warning
    assert "similar names: 'etl-daily'" in warning


def test_nothing_to_stop_can_be_an_error(emulator: Emulator) -> None:
    ended = task(STOP, job_name="etl", fail_if_nothing_found="{{ params.f }}", params={"f": True}).run()
    assert ended.state == "failed"
    assert "There is no job to stop: no job named 'etl'" in str(ended.error)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("value", ["", None, " "])
@pytest.mark.parametrize("which", ["job_name", "job_name_prefix", "job_id"])
def test_what_renders_to_nothing_stops_nothing_and_is_no_success(emulator: Emulator, which: str, value: str | None, native: bool) -> None:
    running = stream(emulator)
    said = refused(task(STOP, **{which: "{{ params.x }}"}, params={"x": value}, native=native), emulator)
    assert said.startswith("give one of job_id, job_name and job_name_prefix; none is")
    assert state_of(emulator, running) == "JOB_STATE_RUNNING"
