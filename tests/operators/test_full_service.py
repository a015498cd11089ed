"""A full service is no failure of the pipeline: the task waits for room or goes elsewhere, one job at a time, or says what is missing."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.emulator import Emulator, JobMessage
from tests.airflow_task import needs_3_3
from tests.api.dataflow.test_capacity import JOBS, ZONE
from tests.operators.launches import classic, flex, instance
from tests.operators.test_data_pipelines import create, run
from tests.operators.test_what_people_read import BOTH

pytestmark = needs_3_3

STOCKOUT: Any = [(0, "JOB_STATE_PENDING"), (0.1, JobMessage(ZONE, "JOB_MESSAGE_ERROR")), (0.2, "JOB_STATE_FAILED")]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause is half a second."""
    monkeypatch.setattr(budgets, "ROOM_PAUSES", (0.5,))


def refuse(emulator: Emulator, times: int = 1) -> None:
    """The next launches are refused, because too many jobs run."""
    emulator.faults.add("templates.launch", status=400, code="FAILED_PRECONDITION", message=JOBS, times=times)


def states(emulator: Emulator) -> list[str]:
    return [str(entry["job"]["currentState"]).removeprefix("JOB_STATE_") for entry in emulator.jobs.all()]


@BOTH
def test_a_refused_launch_fails_with_an_error_of_its_own(emulator: Emulator, deferrable: bool) -> None:
    from airflow_dataflow_ext.exceptions import NoCapacityError

    refuse(emulator)
    ended = instance(deferrable=deferrable).run()
    assert isinstance(ended.error, NoCapacityError)
    first = str(ended.error).splitlines()[0]
    assert "jobs-per-project quota: too many jobs are running; wait for one to end" in first
    assert 'when_full="wait" waits for capacity' in first
    assert (ended.error.job_id, states(emulator)) == ("", [])


@BOTH
def test_a_job_without_machines_fails_with_an_error_of_its_own(emulator: Emulator, deferrable: bool) -> None:
    from airflow_dataflow_ext.exceptions import NoCapacityError

    emulator.scripts.play("*", STOCKOUT)
    task = instance(deferrable=deferrable)
    ended = task.run()
    assert isinstance(ended.error, NoCapacityError)
    assert (ended.error.job_id, ended.error.state) == (task.xcoms["job_id"], "JOB_STATE_FAILED")
    assert "the service had no capacity for it (ZONE_RESOURCE_POOL_EXHAUSTED" in ended.error.reason


@BOTH
def test_a_task_that_waits_launches_when_there_is_room(emulator: Emulator, deferrable: bool) -> None:
    refuse(emulator, times=2)
    task = instance(deferrable=deferrable, when_full="wait")
    assert task.run().state == "success"
    assert states(emulator) == ["DONE"]


@BOTH
def test_a_task_waits_for_room_in_the_triggerer(emulator: Emulator, deferrable: bool) -> None:
    refuse(emulator)
    deferred = instance(deferrable=deferrable, when_full="wait").enter()
    assert deferred.state == "deferred"
    assert deferred.message.classpath == "airflow.providers.standard.triggers.temporal.DateTimeTrigger"


def play_once_one_has_failed(emulator: Emulator) -> None:
    """The first job finds no machines, and a later one does."""
    while "FAILED" not in states(emulator):
        time.sleep(0.05)
    emulator.scripts.play("count-*", [(0, "JOB_STATE_RUNNING"), (0.1, "JOB_STATE_DONE")])


@pytest.mark.parametrize(("deferrable", "end_from_trigger"), [(False, False), (True, False), (True, True)])
def test_a_job_without_machines_is_followed_by_one_that_has_some(emulator: Emulator, deferrable: bool, end_from_trigger: bool) -> None:
    emulator.scripts.play("count-*", STOCKOUT)
    threading.Thread(target=play_once_one_has_failed, args=(emulator,), daemon=True).start()
    assert instance(deferrable=deferrable, when_full="wait", end_from_trigger=end_from_trigger).run().state == "success"
    found = states(emulator)
    assert (set(found[:-1]), found[-1]) == ({"FAILED"}, "DONE")


@BOTH
def test_a_retry_launches_what_was_refused(emulator: Emulator, deferrable: bool) -> None:
    refuse(emulator)
    task = instance(deferrable=deferrable, retries=2)
    assert task.run().state == "failed"
    task.retry()
    assert task.run().state == "success"
    assert states(emulator) == ["DONE"]


HERE, THERE = "us-central1", "us-east1"


@BOTH
@pytest.mark.parametrize("make", [classic, flex], ids=["classic", "flex"])
def test_a_job_goes_where_there_is_room(emulator: Emulator, deferrable: bool, make: Any) -> None:
    emulator.settings.change(full={HERE: "ZONE_RESOURCE_POOL_EXHAUSTED"})
    task = instance(make, deferrable=deferrable, location=HERE, fallback_locations=[THERE], end_from_trigger=deferrable)
    ended = task.run()
    assert ended.state == "success", ended.error
    jobs = [entry["job"] for entry in emulator.jobs.all()]
    assert [(job["location"], job["currentState"]) for job in jobs] == [(HERE, "JOB_STATE_FAILED"), (THERE, "JOB_STATE_DONE")]
    assert task.xcoms["job_id"] == jobs[1]["id"]
    assert f"/{THERE}/{jobs[1]['id']}" in task.xcoms["dataflow_job_link"]
    assert jobs[0]["currentStateTime"] <= jobs[1]["createTime"]


@BOTH
def test_where_every_location_is_full_the_task_says_so_or_waits(emulator: Emulator, deferrable: bool) -> None:
    from airflow_dataflow_ext.exceptions import NoCapacityError

    emulator.settings.change(full=dict.fromkeys((HERE, THERE), "QUOTA_FOR_INSTANCES"))
    task = instance(deferrable=deferrable, location=HERE, fallback_locations=[THERE])
    ended = task.run()
    assert isinstance(ended.error, NoCapacityError)
    assert "QUOTA_FOR_INSTANCES" in ended.error.reason
    threading.Timer(1.0, lambda: emulator.settings.change(full={})).start()
    task = instance(deferrable=deferrable, location=HERE, fallback_locations=[THERE], when_full="wait", task_id="patient")
    assert task.run().state == "success"


@BOTH
@pytest.mark.parametrize("rendered", [f"['{THERE}']", "[]", "{% if false %}x{% endif %}", "{{ none }}", "null"])
def test_each_location_of_a_rendered_text_is_tried_once(emulator: Emulator, deferrable: bool, rendered: str) -> None:
    from airflow_dataflow_ext.exceptions import NoCapacityError

    emulator.settings.change(full=dict.fromkeys((HERE, THERE), "QUOTA_FOR_INSTANCES"))
    ended = instance(deferrable=deferrable, location=HERE, fallback_locations=rendered).run()
    assert isinstance(ended.error, NoCapacityError)
    locations = [entry["job"]["location"] for entry in emulator.jobs.all()]
    assert locations == ([HERE, THERE] if THERE in rendered else [HERE])


def test_a_zone_goes_with_fallback_locations_that_were_rendered_from_nothing(emulator: Emulator) -> None:
    ended = instance(location=HERE, fallback_locations="[]", environment={"workerZone": f"{HERE}-a"}).run()
    assert ended.state == "success", ended.error


@BOTH
def test_a_quota_of_jobs_is_waited_for(emulator: Emulator, deferrable: bool) -> None:
    emulator.scripts.play("other-*", [(0, "JOB_STATE_RUNNING"), (1.0, "JOB_STATE_DONE")])
    emulator.settings.change(jobs_per_project=1)
    assert instance(job_name="other", task_id="other", wait_until_finished=False).run().state == "success"
    task = instance(deferrable=deferrable, when_full="wait")
    assert task.run().state == "success"
    assert states(emulator) == ["DONE", "DONE"]


@BOTH
def test_a_person_who_kills_a_waiting_task_leaves_no_job(emulator: Emulator, deferrable: bool) -> None:
    emulator.settings.change(full={HERE: "ZONE_RESOURCE_POOL_EXHAUSTED"})
    task = instance(deferrable=True, location=HERE, fallback_locations=[THERE])
    failed = task.resume(task.enter())
    assert failed.state == "deferred"  # for the job elsewhere
    task.time_out()
    assert states(emulator) == ["FAILED", "CANCELLED"]


def test_a_pipelines_run_waits_for_room_too(emulator: Emulator) -> None:
    assert create().run().state == "success"
    emulator.settings.change(jobs_per_project=0)
    threading.Timer(1.0, lambda: emulator.settings.change(jobs_per_project=None)).start()
    assert run(when_full="wait").run().state == "success"
    assert states(emulator) == ["DONE"]


@pytest.mark.parametrize("make", [classic, flex], ids=["classic", "flex"])
@pytest.mark.parametrize("option", [{"when_full": "wait"}, {"fallback_locations": ["us-east1"]}], ids=lambda option: next(iter(option)))
def test_what_may_launch_again_begins_on_a_worker(make: Any, option: dict[str, Any]) -> None:
    fields = {"start_from_trigger": True, "end_from_trigger": True, "deferrable": True}
    assert make(**fields).start_from_trigger
    assert not make(**fields, **option).start_from_trigger


def test_a_task_that_has_waited_for_too_long_times_out(emulator: Emulator) -> None:
    from datetime import timedelta

    emulator.settings.change(jobs_per_project=0)
    ended = instance(when_full="wait", execution_timeout=timedelta(seconds=2)).run()
    assert (ended.state, "Timeout" in str(ended.error)) == ("failed", True)
    assert states(emulator) == []


def test_when_full_is_one_of_two() -> None:
    from airflow_dataflow_ext.api.rest.errors import InvalidInputError

    with pytest.raises(InvalidInputError, match="when_full must be one of fail, wait, not 'queue'"):
        instance(when_full="queue")
