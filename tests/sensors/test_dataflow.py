"""Each sensor ends in the same way on a worker and in the triggerer, and sees what it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.emulator import Autoscaling, Emulator, JobMessage, Metrics, Stages
from tests.airflow_task import TaskInstance, needs_3_3
from tests.sensors.conftest import give_up_after, run_both, same_failure, same_result

RUNNING, DONE = "JOB_STATE_RUNNING", "JOB_STATE_DONE"
Launch = Callable[..., str]


def sensors() -> Any:
    from airflow_dataflow_ext.sensors import dataflow

    return dataflow


def counter(value: float, step: str = "s1") -> dict[str, Any]:
    return {"name": {"origin": "user", "name": "lines", "context": {"step": step}}, "scalar": value}


def stage(name: str, done: float) -> dict[str, Any]:
    return {"stageId": name, "state": "EXECUTION_STATE_RUNNING", "progress": {"currentProgress": done}}


def test_a_job_is_waited_for_until_it_is_in_the_state(launch: Launch) -> None:
    job_id = launch((0, RUNNING), (0.4, DONE))
    both = run_both(sensors().DataflowJobStatusSensor, job_id=job_id, expected_statuses=DONE)
    assert same_result(both)["currentState"] == DONE


def test_a_job_that_ends_in_another_state_fails_the_sensor(launch: Launch) -> None:
    job_id = launch((0, RUNNING), (0.4, "JOB_STATE_CANCELLED"))
    assert "expected was JOB_STATE_DONE" in same_failure(
        run_both(sensors().DataflowJobStatusSensor, job_id=job_id, expected_statuses={DONE})
    )


def test_a_metric_is_waited_for_until_it_is_large_enough(launch: Launch) -> None:
    job_id = launch((0, RUNNING), (0.1, Metrics([counter(99)])), (1.5, Metrics([counter(3), counter(120, "s2")])))
    both = run_both(sensors().DataflowJobMetricsSensor, job_id=job_id, metric="lines", at_least=100)
    assert same_result(both)["scalar"] == 120
    assert "tentative" not in same_result(both)["name"]["context"]


def test_a_metric_of_one_step_does_not_count_for_another(launch: Launch) -> None:
    job_id = launch((0, RUNNING), (0.0, Metrics([counter(500)])), (1.0, Metrics([counter(500), counter(200, "s2")])))
    both = run_both(sensors().DataflowJobMetricsSensor, job_id=job_id, metric="lines", at_least=100, metric_context={"step": "s2"})
    assert same_result(both)["scalar"] == 200


def test_a_job_that_ends_with_the_metric_counts_and_one_that_ends_without_fails(launch: Launch) -> None:
    job_id = launch((0, RUNNING), (0.0, Metrics([counter(99)])), (0.1, DONE))
    assert same_result(run_both(sensors().DataflowJobMetricsSensor, job_id=job_id, metric="lines", at_least=99))["scalar"] == 99
    failure = same_failure(run_both(sensors().DataflowJobMetricsSensor, job_id=job_id, metric="lines", at_least=100))
    assert f"Job {job_id} is in JOB_STATE_DONE, and what the sensor waits for has not happened" in failure


@pytest.mark.parametrize(
    ("name", "step", "field", "value"),
    [
        ("DataflowJobMetricsSensor", Metrics([counter(7)]), "scalar", 7),
        ("DataflowJobMessagesSensor", JobMessage("Workers are there."), "messageText", "Workers are there."),
        ("DataflowJobAutoScalingEventsSensor", Autoscaling("Worker pool started.", 1, 1), "currentNumWorkers", "1"),
    ],
)
def test_without_a_callback_anything_ends_the_wait_and_is_the_result(launch: Launch, name: str, step: Any, field: str, value: Any) -> None:
    job_id = launch((0, RUNNING), (1.0, step))
    assert same_result(run_both(getattr(sensors(), name), job_id=job_id))[0][field] == value


def test_a_callback_says_not_yet_until_it_is_content_and_is_only_asked_when_there_is_something_else(launch: Launch) -> None:
    job_id = launch((0, RUNNING), (0.5, JobMessage("one")), (1.0, JobMessage("two")), (1.5, JobMessage("three")))
    asked: list[list[str]] = []

    def callback(messages: list[dict[str, Any]]) -> Any:
        asked.append([message["messageText"] for message in messages])
        return {"text": asked[-1][-1]} if "two" in asked[-1] else None

    both = run_both(sensors().DataflowJobMessagesSensor, job_id=job_id, callback=callback)
    assert both[1][1].state == "success"
    assert both[0][0].xcoms["return_value"]["text"] == "two"
    in_triggerer = asked[asked.index(["one", "two"]) + 1 :]
    assert len(in_triggerer) == len({tuple(texts) for texts in in_triggerer}) <= 4


def test_a_callback_may_be_content_with_nothing_and_give_a_poke_return_value(launch: Launch) -> None:
    from airflow.sdk import PokeReturnValue

    job_id = launch((0, RUNNING))
    both = run_both(
        sensors().DataflowJobMetricsSensor, job_id=job_id, callback=lambda found: PokeReturnValue(is_done=not found, xcom_value="quiet")
    )
    assert same_result(both) == "quiet"


def test_a_poke_return_value_may_say_it_with_anything_true(launch: Launch) -> None:
    from airflow.sdk import PokeReturnValue

    job_id = launch((0, RUNNING), (0.0, JobMessage("here")))
    told: Any = len
    both = run_both(
        sensors().DataflowJobMessagesSensor, job_id=job_id, callback=lambda found: PokeReturnValue(is_done=told(found), xcom_value="here")
    )
    assert same_result(both) == "here"


@pytest.mark.parametrize("wish", ["soft_fail", "never_fail"])
def test_a_wish_to_skip_that_is_text_is_read(launch: Launch, wish: str) -> None:
    job_id = launch((0, RUNNING), (0.0, "JOB_STATE_FAILED"))
    both = run_both(sensors().DataflowJobStatusSensor, job_id=job_id, expected_statuses=DONE, **{wish: "False"})
    assert "JOB_STATE_FAILED" in same_failure(both)
    with pytest.raises(InvalidInputError, match=f"^{wish} must be true or false, not 'maybe'"):
        sensors().DataflowJobStatusSensor(task_id="wait", job_id=job_id, expected_statuses=DONE, **{wish: "maybe"})


def test_the_end_of_the_job_fails_a_wait_for_its_messages_unless_that_is_turned_off(launch: Launch) -> None:
    job_id = launch((0, RUNNING), (0.0, JobMessage("here")), (0.1, DONE))
    _let_end(job_id)
    assert "JOB_STATE_DONE" in same_failure(run_both(sensors().DataflowJobMessagesSensor, job_id=job_id))
    found = same_result(run_both(sensors().DataflowJobMessagesSensor, job_id=job_id, fail_on_terminal_state=False))
    assert found[0]["messageText"] == "here"


def _let_end(job_id: str) -> None:
    """Let the job end."""
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    DataflowHook().wait(job_id, poll_sleep=0.05)


@pytest.mark.parametrize(("name", "part"), [("F2", 0.6), (None, 0.4)])
def test_progress_is_that_of_a_stage_or_the_mean_of_all(launch: Launch, name: str | None, part: float) -> None:
    early, late = [stage("F1", 0.1), stage("F2", 0.2)], [stage("F1", 0.2), stage("F2", 0.6)]
    job_id = launch((0, RUNNING), (0.1, Stages(early)), (1.2, Stages(late)))
    assert same_result(run_both(sensors().DataflowJobProgressSensor, job_id=job_id, stage=name, at_least=part)) == pytest.approx(part)


def test_a_snapshot_is_waited_for_until_it_is_ready(emulator: Emulator, launch: Launch) -> None:
    emulator.settings.snapshot_seconds = 1.0
    job_id = launch((0, RUNNING), type="JOB_TYPE_STREAMING")
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    snapshot = DataflowHook().create_snapshot(job_id)
    found = same_result(run_both(sensors().DataflowSnapshotSensor, snapshot_id=snapshot["id"]))
    assert (found["id"], found["state"]) == (snapshot["id"], "READY")


async def later(messages: Any) -> bool:
    return bool(messages)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("DataflowJobMetricsSensor", {"metric": "lines"}),
        ("DataflowJobMetricsSensor", {"metric": "lines", "at_least": 1, "callback": bool}),
        ("DataflowJobProgressSensor", {"at_least": 40}),
        ("DataflowJobStatusSensor", {"expected_statuses": "DONE"}),
        ("DataflowJobStatusSensor", {"expected_statuses": None}),
        ("DataflowJobStatusSensor", {"expected_statuses": []}),
        ("DataflowJobStatusSensor", {"expected_statuses": ["JOB_STATE_DONE", None]}),
        ("DataflowJobMessagesSensor", {"callback": "print"}),
        ("DataflowJobMessagesSensor", {"callback": later}),
        ("DataflowJobMessagesSensor", {"timeout": "5m"}),
        ("DataflowJobMessagesSensor", {"poll_interval": 0}),
        ("DataflowJobMessagesSensor", {"callback": bool, "end_from_trigger": True, "deferrable": True}),
        ("DataflowJobMessagesSensor", {"start_from_trigger": True, "deferrable": False}),
    ],
)
def test_a_wrong_argument_fails_the_dag_file(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        getattr(sensors(), name)(task_id="wait", job_id="j", **arguments)


def test_statuses_that_are_another_tasks_output_are_refused_by_name() -> None:
    from airflow.sdk import DAG, BaseOperator

    with DAG("statuses"):
        states = BaseOperator(task_id="states").output
        with pytest.raises(InvalidInputError, match=r"^expected_statuses must be a list, not PlainXComArg "):
            sensors().DataflowJobStatusSensor(task_id="wait", job_id="j", expected_statuses=states)


@pytest.mark.parametrize("several", [{DONE}, (DONE,), iter([DONE]), dict.fromkeys([DONE]).keys(), f'["{DONE}"]'])
def test_several_statuses_may_come_in_any_collection(several: Any) -> None:
    assert sensors().DataflowJobStatusSensor(task_id="wait", job_id="j", expected_statuses=several).expected_statuses == [DONE]


def test_waiting_again_does_not_wait_longer(launch: Launch) -> None:
    steps = [(0.2 * number, JobMessage(str(number))) for number in range(40)]
    job_id = launch((0, RUNNING), *steps)
    (_, worker), (_, triggerer) = run_both(sensors().DataflowJobMessagesSensor, job_id=job_id, callback=lambda _: False, timeout=2)
    assert (type(worker.error).__name__, type(triggerer.error).__name__) == ("AirflowSensorTimeout", "AirflowSensorTimeout")


@pytest.mark.parametrize("wish", ["soft_fail", "never_fail"])
@pytest.mark.parametrize("late", [False, True], ids=["at_the_first_look", "later"])
def test_a_bad_end_is_skipped_whenever_it_comes(launch: Launch, wish: str, late: bool) -> None:
    job_id = launch((0, RUNNING), (1.5 if late else 0, "JOB_STATE_FAILED"))
    both = run_both(sensors().DataflowJobStatusSensor, job_id=job_id, expected_statuses=DONE, **{wish: True})
    assert [ended.state for _, ended in both] == ["skipped", "skipped"]


@needs_3_3
def test_the_triggerer_skips_where_the_sensor_would() -> None:
    from airflow_dataflow_ext.triggers.dataflow_start import DataflowSensorStartTrigger

    sensor = sensors().DataflowJobStatusSensor(
        task_id="wait", job_id="j", expected_statuses=DONE, deferrable=True, end_from_trigger=True, start_from_trigger=True, soft_fail=True
    )
    assert DataflowSensorStartTrigger(**sensor.start_trigger_args.trigger_kwargs).skips is True


def task_of(name: str, **fields: Any) -> TaskInstance:
    from airflow.sdk import DAG

    with DAG("waits"):
        return TaskInstance(getattr(sensors(), name)(**{"task_id": "wait", "poll_interval": 0.05, "timeout": 120, **fields}))


KINDS = pytest.mark.parametrize(
    ("name", "fields"), [("DataflowJobStatusSensor", {"expected_statuses": RUNNING}), ("DataflowJobMessagesSensor", {})]
)


@KINDS
@pytest.mark.parametrize("status", [404, 503])
def test_no_answer_at_the_first_look_is_not_yet(emulator: Emulator, launch: Launch, name: str, fields: dict[str, Any], status: int) -> None:
    job_id = launch((0, RUNNING), (0, JobMessage("here")))
    for deferrable in (False, True):
        emulator.faults.add("jobs.get", status=status, times=1)
        task = task_of(name, job_id=job_id, deferrable=deferrable, **fields)
        first = task.enter()
        assert emulator.faults.unused() == []
        assert first.state == ("deferred" if deferrable else "success"), first.error
        assert first.state == "success" or task.resume(first).state == "success"


@KINDS
def test_a_job_that_stays_unknown_ends_the_wait(
    emulator: Emulator, launch: Launch, monkeypatch: pytest.MonkeyPatch, name: str, fields: dict[str, Any]
) -> None:
    give_up_after(0.3, monkeypatch)
    both = run_both(getattr(sensors(), name), job_id=f"{launch((0, RUNNING))}9", **fields)
    for _, ended in both:
        assert (ended.state, "has not known" in str(ended.error), "404" in str(ended.error)) == ("failed", True, True)


@KINDS
def test_an_outage_does_not_keep_a_worker_longer_than_the_timeout(
    emulator: Emulator, launch: Launch, name: str, fields: dict[str, Any]
) -> None:
    job_id = launch((0, RUNNING))
    emulator.faults.add("jobs.get", status=503, times=None)
    ended = task_of(name, job_id=job_id, deferrable=False, **{**fields, "timeout": 0.5}).run()
    assert (ended.state, type(ended.error).__name__) == ("failed", "AirflowSensorTimeout")


def started(**fields: Any) -> Any:
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator

    with DAG("starts"):
        launched = DataflowTemplatedJobStartOperator(task_id="launch", template="gs://b/t")
        given = {name: value(launched) if callable(value) else value for name, value in fields.items()}
        return sensors().DataflowJobProgressSensor(
            **{"task_id": "wait", "at_least": 0.5, "deferrable": True, "start_from_trigger": True, "job_id": "j", **given}
        )


@needs_3_3
def test_the_output_of_another_task_is_rendered_in_the_triggerer() -> None:
    sensor = started(job_id=lambda launched: launched.output["job_id"], project_id="{{ params.p }}")
    kwargs = sensor.start_trigger_args.trigger_kwargs["arguments"]
    assert kwargs["job_id"] == "{{ ti.xcom_pull(task_ids='launch', key='job_id', map_indexes=-1) }}"
    assert (sensor.start_from_trigger, kwargs["project_id"], sensor.upstream_task_ids) == (True, "{{ params.p }}", {"launch"})


@needs_3_3
@pytest.mark.parametrize(
    "fields",
    [{"stage": "{{ params.stage }}"}, {"gcp_conn_id": "{{ params.conn }}"}, {"impersonation_chain": ["a", "{{ params.account }}"]}],
)
def test_every_field_of_a_sensor_is_rendered_in_the_triggerer(fields: dict[str, Any]) -> None:
    sensor = started(**fields)
    assert sensor.start_trigger_args.trigger_kwargs["arguments"].items() >= fields.items()


@needs_3_3
@pytest.mark.parametrize(
    "fields",
    [
        {"stage": lambda launched: launched.output},
        {"job_id": lambda launched: launched.output.map(str)},
        {"job_id": "{{ ti.xcom_pull('launch') }}"},
        {"location": "{{ triggering_asset_events }}"},
    ],
)
def test_what_only_a_worker_can_render_starts_on_a_worker(fields: dict[str, Any]) -> None:
    sensor = started(**fields)
    assert (sensor.start_from_trigger, sensor.start_trigger_args) == (False, None)
