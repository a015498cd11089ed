"""A full service: it is recognised by its words, a launch of it is tried elsewhere or later, and never two at a time."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from airflow_dataflow_ext.api.dataflow.capacity import fallbacks_of, shortage_in
from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.templates import TemplateLaunch
from airflow_dataflow_ext.api.dataflow.wait import JobWatch, WaitPolicy
from airflow_dataflow_ext.api.jobs.launch_once import pause_before_next
from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidInputError
from airflow_dataflow_ext.api.rest.method import Request
from tests.api.jobs.test_launch_once import INTENDED, PLACE, SERVICE, Region
from tests.talk import Talk, refused

JOBS = (
    "(a228cd0fe9f70479): The workflow could not be created. Causes: (8ac844dc41db82af): Dataflow quota error for jobs-per-project quota. "
    "Project p is running 299 jobs. Please check the quota usage via GCP Console."
)
ZONE = (
    "Startup of the worker pool in zone europe-west1-c failed to bring up any of the desired 1 workers. ZONE_RESOURCE_POOL_EXHAUSTED: "
    "Instance creation failed: The zone 'projects/p/zones/europe-west1-c' does not have enough resources available."
)
LAUNCHER = (
    "Failed to start the VM, launcher-20250320, used for launching because of status code: RESOURCE_EXHAUSTED, reason: One or more "
    "operations had an error: 'operation-1': [ZONE_RESOURCE_POOL_EXHAUSTED] 'The zone does not have enough resources available'.."
)
INSTANCES = "Workflow failed. Causes: Error: Message: Exceeded limit 'QUOTA_FOR_INSTANCES' on resource 'wc-harness'. Limit: 8.0"
TWO = replace(SERVICE, fallbacks=(replace(PLACE, location="l2"),))


@pytest.mark.parametrize(
    ("text", "shortage"),
    [
        (JOBS, "jobs-per-project quota"),
        (ZONE, "ZONE_RESOURCE_POOL_EXHAUSTED"),
        (ZONE.replace("EXHAUSTED", "EXHAUSTED_WITH_DETAILS"), "ZONE_RESOURCE_POOL_EXHAUSTED"),
        (LAUNCHER, "ZONE_RESOURCE_POOL_EXHAUSTED"),
        (INSTANCES, "QUOTA_FOR_INSTANCES"),
    ],
)
def test_the_service_is_understood(text: str, shortage: str) -> None:
    assert shortage_in(text).startswith(f"{shortage}: ")


@pytest.mark.parametrize("text", ["Workflow failed.", "S01 failed: the quota of BigQuery", "No such bucket", ""])
def test_other_failures_are_none_of_it(text: str) -> None:
    assert shortage_in(text) == ""


def full(text: str, status: int = 400) -> Any:
    """A service that refuses every launch."""

    def answer(request: Request) -> Any:
        return refused(status, text) if request.method.id == "templates.launch" else {}

    return answer


@pytest.mark.parametrize("status", [400, 403, 409, 429, 500])
def test_a_refusal_says_which_quota_and_what_helps_and_leaves_no_job(status: int) -> None:
    region = Region()
    region.answers = [full(JOBS, status)]
    with pytest.raises(CallError) as raised:
        region.launch()
    assert raised.value.cause == "capacity"
    assert "jobs-per-project quota: too many jobs are running" in str(raised.value)
    assert 'when_full="wait"' in str(raised.value)
    record = LaunchRecord.read(region.record)
    assert record is not None
    assert (record.step, record.times_full) == ("refused", 1)


def test_a_launch_that_is_refused_for_its_rate_is_asked_again_and_then_counts_as_full() -> None:
    region = Region()
    region.answers = [full("Quota exceeded for quota metric 'Create jobs'.", 429)]
    with pytest.raises(CallError) as raised:
        region.launch()
    assert raised.value.cause == "capacity"
    assert sum(region.slept) > budgets.RETRY_FOR / 2


def test_the_next_launch_goes_to_the_next_place_and_the_record_says_where() -> None:
    region = Region(trouble=("full",))
    with pytest.raises(CallError):
        region.launch(TWO)
    assert region.launch(TWO).record.place == {"project_id": "p", "location": "l2"}
    assert [job.location for job in region.cloud.jobs] == ["l2"]
    assert region.launch(TWO).adopted  # by a retry, which looks where the record says


def test_a_job_is_found_where_it_was_launched_also_when_the_dag_file_says_another_place() -> None:
    region = Region()
    region.launch()
    moved = replace(SERVICE, place=Place(project_id="p", location="l2"))
    assert region.launch(moved).adopted
    assert region.launch(moved, clears=1).job["id"] == "job-2"
    assert [(job.location, job.state) for job in region.cloud.jobs] == [("l", "JOB_STATE_CANCELLED"), ("l2", "JOB_STATE_RUNNING")]


def test_a_lost_launch_that_shows_up_late_keeps_the_next_one_from_going_elsewhere() -> None:
    region = Region(INTENDED, trouble=("", "", "", "", "", "full"))  # five looks that find nothing, then a refusal
    asked = region.serve

    def serve(request: Request) -> Any:
        if region.slept and region.slept[-1] == budgets.SHOWS_UP_WITHIN and not region.cloud.jobs:
            region.holds()
        return asked(request)

    region.answers = [serve]
    assert region.launch(TWO).job["id"] == "job-1"
    assert len(region.cloud.jobs) == 1


def test_a_cleared_task_begins_in_its_own_place() -> None:
    region = Region(trouble=("full",))
    with pytest.raises(CallError):
        region.launch(TWO)
    assert region.launch(TWO, clears=1).record.place["location"] == "l"


@pytest.mark.parametrize(
    ("times_full", "places", "waits", "pause"),
    [
        (1, 1, False, None),
        (1, 1, True, 60),
        (2, 1, True, 120),
        (99, 1, True, 900),
        (1, 2, False, 0),
        (2, 2, False, None),
        (2, 2, True, 60),
        (3, 2, True, 0),
    ],
)
def test_elsewhere_at_once_and_here_again_after_growing_pauses(times_full: int, places: int, waits: bool, pause: float | None) -> None:
    record = replace(INTENDED, step="refused", times_full=times_full).value()
    found = Talk(record=record)(pause_before_next(places=places, waits=waits))
    assert found == pause or (pause and pause <= found <= 1.25 * pause)


class Failed:
    """A job that failed with these error messages, and used so many vCPU seconds."""

    def __init__(self, *messages: str, vcpu: float = 0, metrics: Any = None) -> None:
        self.messages = messages
        name = {"origin": "dataflow/v1b3", "name": "TotalVcpuTime", "context": {}}
        self.metrics = {"metrics": [{"name": name, "scalar": vcpu}]} if metrics is None else metrics

    def __call__(self, request: Request) -> Any:
        if request.method.id == "jobs.getMetrics":
            return self.metrics
        if request.method.id == "jobs.messages.list":
            said = [{"id": text, "time": "2027-01-01T00:00:00Z", "messageText": text} for text in self.messages]
            return {"jobMessages": [{**message, "messageImportance": "JOB_MESSAGE_ERROR"} for message in said]}
        return {"id": "j", "name": "wc", "location": "l", "currentState": "JOB_STATE_FAILED"}


def outcome(service: Failed) -> Any:
    return Talk(service)(wait_for_job(JobWatch(job=PLACE.job("j"), policy=WaitPolicy())))


@pytest.mark.parametrize("text", [ZONE, LAUNCHER, INSTANCES, JOBS])
def test_a_job_that_failed_before_any_work_for_want_of_room_says_so(text: str) -> None:
    found = outcome(Failed(text, "Workflow failed."))
    assert (found.phase, found.cause) == (Phase.FAILED, "capacity")
    assert shortage_in(text) in found.complaint
    assert found.complaint.startswith("Job j (wc) in l ended as JOB_STATE_FAILED: the service had no capacity for it (")


@pytest.mark.parametrize(
    "service",
    [Failed(ZONE, vcpu=4), Failed(ZONE, metrics=refused(403, "no metrics")), Failed("Workflow failed.")],
    ids=["worked", "unknown", "other"],
)
def test_a_job_that_may_have_worked_has_failed_as_any_other(service: Failed) -> None:
    assert (outcome(service).phase, outcome(service).cause) == (Phase.FAILED, "")


LAUNCH = TemplateLaunch(template="gs://b/t", job_name="wc")


@pytest.mark.parametrize(("given", "meant"), [("['l2', 'l3']", ["l2", "l3"]), ('["l2"]', ["l2"])])
def test_fallback_locations_may_be_the_text_that_a_template_renders_to(given: Any, meant: list[str]) -> None:
    assert [place.location for place in fallbacks_of(LAUNCH, PLACE, given)] == meant


@pytest.mark.parametrize(
    ("launch", "locations", "words"),
    [
        (LAUNCH, "l2", "must be a list"),
        (LAUNCH, ["l"], "other locations than l"),
        (LAUNCH, ["l2", "l2"], "each once"),
        (LAUNCH, [""], "fallback_locations must not be empty, and is ''"),
        (LAUNCH, ["us-east1-b"], "'us-east1-b' is a zone; did you mean 'us-east1'"),
        (replace(LAUNCH, environment={"workerZone": "l-a"}), ["l2"], "workerZone is 'l-a', which is in one region"),
        (replace(LAUNCH, environment={"workerPools": [{"zone": "l-a"}]}), ["l2"], "zone is 'l-a', which is in one region"),
        (replace(LAUNCH, environment={"subnetwork": "regions/l/subnetworks/s"}), ["l2"], "subnetwork is"),
        (replace(LAUNCH, update=True), ["l2"], "update replaces a job in its own location"),
    ],
)
def test_fallback_locations_that_cannot_serve_are_refused(launch: TemplateLaunch, locations: Any, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        fallbacks_of(launch, PLACE, locations)
