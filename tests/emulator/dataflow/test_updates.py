"""Cancel, drain, finish, scale, archive."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.states import DATAFLOW, TERMINAL
from airflow_dataflow_ext.emulator import Emulator, ManualClock
from tests.asking import Asker, Json, RefusedError

CANCEL = {"requestedState": "JOB_STATE_CANCELLED"}
FORCE = {**CANCEL, "labels": {"force_cancel_job": "true"}}
ARCHIVE_MASK = "job_metadata.user_display_properties.archived"
ARCHIVE = {"job_metadata": {"userDisplayProperties": {"archived": "true"}}}
SCALE_MASK = "runtime_updatable_params.min_num_workers,runtime_updatable_params.max_num_workers"


@pytest.fixture
def stream(still_emulator: Emulator, ask: Asker) -> Json:
    still_emulator.scripts.play("stream", [(0, "JOB_STATE_RUNNING")], type="JOB_TYPE_STREAMING")
    return ask.launch("stream")


@pytest.fixture
def batch(still_emulator: Emulator, ask: Asker) -> Json:
    still_emulator.scripts.play("batch", [(0, "JOB_STATE_RUNNING"), (3600, "JOB_STATE_DONE")])
    return ask.launch("batch")


def refused(ask: Asker, job: Json, body: Json, mask: str | None = None) -> RefusedError:
    before = ask.job(job)
    with pytest.raises(RefusedError) as caught:
        ask.update(job, body, mask)
    assert ask.job(job) == before, "a refused update must change nothing"
    return caught.value


def test_a_cancelled_job_goes_through_cancelling(ask: Asker, batch: Json, clock: ManualClock) -> None:
    assert ask.update(batch, CANCEL)["requestedState"] == "JOB_STATE_CANCELLED"
    assert ask.state(batch) == "JOB_STATE_CANCELLING"
    clock.advance(2)
    assert ask.state(batch) == "JOB_STATE_CANCELLED"


def test_a_queued_job_is_cancelled_at_once(ask: Asker, clock: ManualClock) -> None:
    job = ask.launch_flex("f")
    ask.update(job, CANCEL)
    assert ask.state(job) == "JOB_STATE_CANCELLED"
    clock.advance(3600)
    shown = ask.job(job)
    assert shown["currentState"] == "JOB_STATE_CANCELLED"
    assert "type" not in shown, "its launcher never ran"


def test_a_cancelling_job_does_not_run_again(ask: Asker, still_emulator: Emulator, clock: ManualClock) -> None:
    cancelled = [(1, "JOB_STATE_RUNNING"), (2, "JOB_STATE_CANCELLED")]
    still_emulator.scripts.play("wc", [(0, "JOB_STATE_RUNNING"), (1, "JOB_STATE_DONE")], on_cancel=cancelled)
    job = ask.launch("wc")
    ask.update(job, CANCEL)
    clock.advance(1)
    assert ask.state(job) == "JOB_STATE_CANCELLING"
    clock.advance(1)
    assert ask.state(job) == "JOB_STATE_CANCELLED"


def test_a_second_cancel_changes_nothing(ask: Asker, batch: Json, clock: ManualClock) -> None:
    ask.update(batch, CANCEL)
    clock.advance(1.5)
    ask.update(batch, CANCEL)
    clock.advance(0.5)
    assert ask.state(batch) == "JOB_STATE_CANCELLED"


def test_a_script_may_end_a_cancelled_job_otherwise(ask: Asker, still_emulator: Emulator, clock: ManualClock) -> None:
    still_emulator.scripts.play("wc", [(0, "JOB_STATE_RUNNING")], on_cancel=[(1, "JOB_STATE_DONE")])
    job = ask.launch("wc")
    ask.update(job, CANCEL)
    clock.advance(1)
    assert ask.state(job) == "JOB_STATE_DONE"


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_a_job_that_has_ended_cannot_be_cancelled(ask: Asker, still_emulator: Emulator, batch: Json, state: str) -> None:
    still_emulator.jobs.set_state(batch["id"], state)
    error = refused(ask, batch, CANCEL)
    assert (error.status, error.error["status"]) == (400, "FAILED_PRECONDITION")
    assert "has terminated" in error.error["message"]


def test_force_needs_half_an_hour_of_cancelling(ask: Asker, still_emulator: Emulator, clock: ManualClock) -> None:
    still_emulator.scripts.play("stuck", [(0, "JOB_STATE_RUNNING")], on_cancel=[])
    job = ask.launch("stuck")
    assert refused(ask, job, FORCE).error["status"] == "FAILED_PRECONDITION"
    ask.update(job, CANCEL)
    clock.advance(29 * 60)
    assert "30 minutes" in refused(ask, job, FORCE).error["message"]
    clock.advance(60)
    ask.update(job, FORCE)
    assert ask.state(job) == "JOB_STATE_CANCELLED"


@pytest.mark.parametrize("word", ["JOB_STATE_DRAINED", "JOB_STATE_DRAINING"])
def test_both_words_drain_a_streaming_job(ask: Asker, stream: Json, clock: ManualClock, word: str) -> None:
    ask.update(stream, {"requestedState": word})
    assert ask.state(stream) == "JOB_STATE_DRAINING"
    clock.advance(5)
    assert ask.state(stream) == "JOB_STATE_DRAINED"


def test_a_batch_job_cannot_be_drained(ask: Asker, batch: Json) -> None:
    assert refused(ask, batch, {"requestedState": "JOB_STATE_DRAINED"}).error["status"] == "INVALID_ARGUMENT"


def test_a_job_that_does_not_run_yet_cannot_be_drained(ask: Asker, still_emulator: Emulator) -> None:
    still_emulator.scripts.play("late", [(5, "JOB_STATE_RUNNING")], type="JOB_TYPE_STREAMING")
    assert refused(ask, ask.launch("late"), {"requestedState": "JOB_STATE_DRAINED"}).error["status"] == "FAILED_PRECONDITION"


def test_a_draining_job_can_be_cancelled(ask: Asker, stream: Json, clock: ManualClock) -> None:
    ask.update(stream, {"requestedState": "JOB_STATE_DRAINED"})
    ask.update(stream, CANCEL)
    assert ask.state(stream) == "JOB_STATE_CANCELLING"
    clock.advance(60)
    assert ask.state(stream) == "JOB_STATE_CANCELLED"


def test_a_running_job_can_be_finished(ask: Asker, stream: Json, clock: ManualClock) -> None:
    ask.update(stream, {"requestedState": "JOB_STATE_DONE"})
    clock.advance(60)
    assert ask.state(stream) == "JOB_STATE_DONE"


@pytest.mark.parametrize(
    "state", sorted(set(DATAFLOW) - {"JOB_STATE_CANCELLED", "JOB_STATE_DRAINED", "JOB_STATE_DRAINING", "JOB_STATE_DONE"})
)
def test_no_other_state_can_be_asked_of_a_running_job(ask: Asker, batch: Json, state: str) -> None:
    assert refused(ask, batch, {"requestedState": state}).status == 400


def test_mask_and_state_together_are_refused(ask: Asker, stream: Json) -> None:
    body = {**CANCEL, "runtime_updatable_params": {"min_num_workers": 1}}
    assert refused(ask, stream, body, "runtime_updatable_params.min_num_workers").status == 400


def test_an_update_of_nothing_is_refused(ask: Asker, stream: Json) -> None:
    assert refused(ask, stream, {}).status == 400
    assert refused(ask, stream, {"name": "other"}, "name").status == 400


def test_a_streaming_job_is_scaled_with_names_in_either_case(ask: Asker, stream: Json) -> None:
    ask.update(stream, {"runtime_updatable_params": {"min_num_workers": 1, "max_num_workers": 5}}, SCALE_MASK)
    assert ask.job(stream)["runtimeUpdatableParams"] == {"minNumWorkers": 1, "maxNumWorkers": 5}
    ask.update(stream, {"runtimeUpdatableParams": {"workerUtilizationHint": 0.7}}, "runtimeUpdatableParams.workerUtilizationHint")
    assert ask.job(stream)["runtimeUpdatableParams"] == {"minNumWorkers": 1, "maxNumWorkers": 5, "workerUtilizationHint": 0.7}


@pytest.mark.parametrize("bounds", [(5, 1), (0, 5), (1, 2000)])
def test_wrong_bounds_are_refused(ask: Asker, stream: Json, bounds: tuple[int, int]) -> None:
    body: dict[str, Any] = {"runtimeUpdatableParams": {"minNumWorkers": bounds[0], "maxNumWorkers": bounds[1]}}
    assert refused(ask, stream, body, SCALE_MASK).status == 400


def test_a_mask_of_an_unknown_field_and_an_unknown_tier_are_refused(ask: Asker, stream: Json) -> None:
    wanted = {"runtimeUpdatableParams": {"maxNumWorkers": 5, "latencyTier": "low"}}
    for wrong in ("runtimeUpdatableParams.maxWorkers", "runtimeUpdatableParams", "maxNumWorkers", "runtimeUpdatableParams.latencyTier"):
        assert refused(ask, stream, wanted, f"runtimeUpdatableParams.maxNumWorkers,{wrong}").status == 400


def test_a_batch_job_cannot_be_scaled(ask: Asker, batch: Json) -> None:
    body = {"runtimeUpdatableParams": {"minNumWorkers": 1, "maxNumWorkers": 2}}
    assert refused(ask, batch, body, SCALE_MASK).error["status"] == "FAILED_PRECONDITION"


def test_a_job_that_has_ended_can_be_archived_and_no_other(ask: Asker, batch: Json, clock: ManualClock) -> None:
    assert refused(ask, batch, ARCHIVE, ARCHIVE_MASK).error["status"] == "FAILED_PRECONDITION"
    clock.advance(3600)
    ask.update(batch, ARCHIVE, ARCHIVE_MASK)
    assert ask(Job.list)["jobs"][0]["jobMetadata"]["userDisplayProperties"] == {"archived": "true"}


def test_a_finished_job_is_forgotten_after_30_days(ask: Asker, batch: Json, clock: ManualClock) -> None:
    clock.advance(3600 + 29 * 24 * 3600)
    assert ask.state(batch) == "JOB_STATE_DONE"
    clock.advance(24 * 3600)
    with pytest.raises(RefusedError, match="404"):
        ask.job(batch)
    assert ask(Job.list) == {}


def test_an_unknown_job_is_404_for_every_call_that_names_one(ask: Asker) -> None:
    with pytest.raises(RefusedError, match="404 NOT_FOUND"):
        ask.update({"id": "none"}, CANCEL)
