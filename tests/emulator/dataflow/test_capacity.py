"""A service that is full: it refuses jobs over the quota, and fails those for which there are no machines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_dataflow_ext.api.data_pipelines.methods import Pipeline
from airflow_dataflow_ext.api.dataflow.methods import FlexTemplate, Job, Message, Template
from airflow_dataflow_ext.emulator import Emulator, ManualClock, Settings
from tests.asking import LOCATION, PROJECT, Asker, Json, RefusedError

PARENT = f"projects/{PROJECT}/locations/{LOCATION}/pipelines/"
FULL = {LOCATION: "ZONE_RESOURCE_POOL_EXHAUSTED"}
NO_QUOTA = {LOCATION: "QUOTA_FOR_INSTANCES"}
LACKING = (
    "The zone 'projects/a-project/zones/us-central1-f' does not have enough resources available to fulfill the request.  "
    "Try a different zone, or try again later."
)
POOL = (
    "Startup of the worker pool in zone us-central1-f failed to bring up any of the desired 1 workers. Please refer to "
    "https://cloud.google.com/dataflow/docs/guides/common-errors#worker-pool-failure for help troubleshooting. "
    f"ZONE_RESOURCE_POOL_EXHAUSTED: Instance creation failed: {LACKING}"
)
LAUNCHER = (
    r"Failed to start the VM, launcher-\d+, used for launching because of status code: RESOURCE_EXHAUSTED, reason: One or more "
    rf"operations had an error: 'operation-\d+': \[ZONE_RESOURCE_POOL_EXHAUSTED\] '{re.escape(LACKING)}'\.\."
)
RATE_LIMIT: Json = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "RATE_LIMIT_EXCEEDED",
    "domain": "googleapis.com",
    "metadata": {"service": "dataflow.googleapis.com", "quota_limit_value": "100", "consumer": "projects/123456789012"},
}


def run_pipeline(ask: Asker, name: str) -> Json:
    launch: Json = {"gcsPath": "gs://b/t", "projectId": PROJECT, "location": LOCATION, "launchParameters": {"jobName": name}}
    pipeline = {"displayName": name, "type": "PIPELINE_TYPE_BATCH", "workload": {"dataflowLaunchTemplateRequest": launch}}
    ask(Pipeline.create, {"name": PARENT + name, **pipeline})
    job: Json = ask(Pipeline.run, {}, pipelineId=name)["job"]
    return job


WAYS: Mapping[str, Callable[[Asker, str], Json]] = {
    "classic": lambda ask, name: ask.launch(name),
    "templates.create": lambda ask, name: ask(Template.create, {"jobName": name, "gcsPath": "gs://b/t"}),
    "flex": lambda ask, name: ask.launch_flex(name),
    "jobs.create": lambda ask, name: ask(Job.create, {"name": name, "type": "JOB_TYPE_BATCH"}),
    "pipelines.run": run_pipeline,
}
"""Each way in which a job comes to be."""
every_way = pytest.mark.parametrize("way", WAYS)


def tell(emulator: Emulator, **settings: Any) -> Json:
    """Change settings over the wire; all of them, as they are then."""
    response = requests.post(f"{emulator.url}/_emulator/settings", json=settings, timeout=60)
    assert response.status_code == 200, response.text
    reply: Json = response.json()
    return reply


def errors(ask: Asker, job: Json) -> list[str]:
    reply = ask(Message.list, jobId=job["id"], minimumImportance="JOB_MESSAGE_ERROR")
    return [entry["messageText"] for entry in reply.get("jobMessages", ())]


def assert_nothing_was_done(ask: Asker, job: Json) -> None:
    """No worker, no stage, no element and no second of a processor."""
    assert "autoscalingEvents" not in ask(Message.list, jobId=job["id"])
    assert "metrics" not in ask(Job.get_metrics, jobId=job["id"])
    assert "stages" not in ask(Job.get_execution_details, jobId=job["id"])
    assert "stageStates" not in ask.job(job)


# the quota of jobs


@every_way
def test_a_project_at_its_quota_gets_no_other_job_until_one_has_ended(still_emulator: Emulator, clock: ManualClock, way: str) -> None:
    ask, elsewhere = Asker(still_emulator.url), Asker(still_emulator.url, "europe-west1")
    tell(still_emulator, jobs_per_project=2)
    ask.launch("one")
    elsewhere.launch_flex("two")
    with pytest.raises(RefusedError) as caught:
        WAYS[way](ask, "three")
    error = caught.value.error
    assert (caught.value.status, error["status"], error["errors"][0]["reason"]) == (400, "FAILED_PRECONDITION", "failedPrecondition")
    assert re.fullmatch(
        r"\([0-9a-f]{16}\): The workflow could not be created\. Causes: \([0-9a-f]{16}\): Dataflow quota error for jobs-per-project "
        r"quota\. Project a-project is running 2 jobs\. Please check the quota usage via GCP Console\. If it exceeds the limit, please "
        r"wait for a workflow to finish or contact Google Cloud Support to request an increase in quota\. If it does not, contact "
        r"Google Cloud Support\.",
        error["message"],
    )
    assert [job["job"]["name"] for job in still_emulator.jobs.all()] == ["one", "two"]
    clock.advance(60)
    assert ask.state(WAYS[way](ask, "again")) in ("JOB_STATE_PENDING", "JOB_STATE_QUEUED")


def test_a_pipeline_that_would_run_at_once_is_not_created_either(still_emulator: Emulator, ask: Asker) -> None:
    tell(still_emulator, jobs_per_project=0)
    launch = {"gcsPath": "gs://b/t", "projectId": PROJECT, "launchParameters": {"jobName": "s"}}
    body = {"name": PARENT + "s", "displayName": "s", "workload": {"dataflowLaunchTemplateRequest": launch}}
    with pytest.raises(RefusedError, match="jobs-per-project"):
        ask(Pipeline.create, {**body, "type": "PIPELINE_TYPE_STREAMING"})
    assert ask(Pipeline.list) == {}


def test_the_quota_is_one_for_each_project_and_is_lifted_by_none(still_emulator: Emulator, ask: Asker) -> None:
    tell(still_emulator, jobs_per_project=1)
    ask.launch("one")
    Asker(still_emulator.url, project="another-project").launch("one")
    with pytest.raises(RefusedError, match="is running 1 jobs"):
        ask.launch("two")
    tell(still_emulator, jobs_per_project=None)
    assert ask.launch("two")["name"] == "two"


def test_what_creates_no_job_is_not_refused_for_the_quota(still_emulator: Emulator, ask: Asker) -> None:
    first = ask(Job.create, {"name": "graph", "clientRequestId": "one"})
    tell(still_emulator, jobs_per_project=1)
    assert ask(Job.create, {"name": "graph", "clientRequestId": "two"})["id"] == first["id"]
    assert ask(Template.launch, {"jobName": "wc"}, gcsPath="gs://b/t", validateOnly=True) == {}
    with pytest.raises(RefusedError, match="409 ALREADY_EXISTS"):
        ask.launch("graph")


# the rate of requests


@every_way
def test_a_fault_refuses_a_launch_for_its_rate_with_the_details_of_google(still_emulator: Emulator, ask: Asker, way: str) -> None:
    method = {"classic": "templates.launch", "flex": "flexTemplates.launch"}.get(way, way)
    fault = {"method": method, "status": 429, "details": [RATE_LIMIT]}
    assert requests.post(f"{still_emulator.url}/_emulator/faults", json=fault, timeout=60).json()["details"] == [RATE_LIMIT]
    with pytest.raises(RefusedError) as caught:
        WAYS[way](ask, "wc")
    error = caught.value.error
    assert (caught.value.status, error["status"], error["details"]) == (429, "RESOURCE_EXHAUSTED", [RATE_LIMIT])
    assert error["errors"][0]["reason"] == "rateLimitExceeded"
    assert len(still_emulator.jobs) == 0
    WAYS[way](ask, "again")


# locations without machines


@every_way
def test_a_zone_without_resources_fails_a_job_before_any_work(still_emulator: Emulator, ask: Asker, clock: ManualClock, way: str) -> None:
    still_emulator.scripts.play("wc", [(0, "JOB_STATE_RUNNING"), (1, "JOB_STATE_DONE")])
    tell(still_emulator, full=FULL)
    job = WAYS[way](ask, "wc")
    clock.advance(1)
    waiting = "JOB_STATE_QUEUED" if way == "flex" else "JOB_STATE_PENDING"
    assert (ask.state(job), errors(ask, job)) == (waiting, [])
    clock.advance(60)
    assert ask.state(job) == "JOB_STATE_FAILED"
    if way == "flex":
        (error,) = errors(ask, job)
        assert re.fullmatch(LAUNCHER, error)
        assert "type" not in ask.job(job)
    else:
        assert errors(ask, job) == [POOL, "Workflow failed."]
        assert ask.job(job)["type"] == "JOB_TYPE_BATCH"
    assert_nothing_was_done(ask, job)


@every_way
def test_a_quota_of_compute_engine_fails_a_job_before_any_work(still_emulator: Emulator, ask: Asker, clock: ManualClock, way: str) -> None:
    tell(still_emulator, full=NO_QUOTA)
    job = WAYS[way](ask, "wc")
    clock.advance(1)
    assert ask.state(job) == "JOB_STATE_PENDING"
    clock.advance(60)
    shown = ask.job(job)
    assert shown["currentState"] == "JOB_STATE_FAILED"
    limit = f"Exceeded limit 'QUOTA_FOR_INSTANCES' on resource '{shown['name']}-harness'. Limit: 8.0 HTTP Code: 403"
    assert errors(ask, job) == [f"Workflow failed. Causes: Error: Message: {limit}"]
    assert_nothing_was_done(ask, job)


@pytest.mark.parametrize("full", [FULL, NO_QUOTA])
@every_way
def test_a_full_location_fails_its_own_new_jobs_alone_until_there_is_room(
    still_emulator: Emulator, ask: Asker, clock: ManualClock, way: str, full: dict[str, str]
) -> None:
    before = ask.launch("before")
    tell(still_emulator, full=full)
    during = WAYS[way](ask, "during")
    elsewhere = Asker(still_emulator.url, "europe-west1")
    other = elsewhere.launch_flex("during")
    tell(still_emulator, full={})
    after = WAYS[way](ask, "after")
    clock.advance(60)
    assert [ask.state(job) for job in (before, during, after)] == ["JOB_STATE_DONE", "JOB_STATE_FAILED", "JOB_STATE_DONE"]
    assert elsewhere.state(other) == "JOB_STATE_DONE"


def test_the_zone_is_the_one_that_was_asked_for(still_emulator: Emulator, ask: Asker, clock: ManualClock) -> None:
    still_emulator.settings.full = FULL
    jobs = [
        ask.launch("a", environment={"workerZone": "us-central1-a"}),
        ask.launch("b", environment={"zone": "us-central1-b"}),
        ask(Job.create, {"name": "c", "environment": {"workerZone": "us-central1-c"}}),
        ask(Job.create, {"name": "d", "environment": {"workerPools": [{}, {"zone": "us-central1-d"}]}}),
    ]
    clock.advance(5)
    for job, zone in zip(jobs, ("us-central1-a", "us-central1-b", "us-central1-c", "us-central1-d"), strict=True):
        assert errors(ask, job)[0] == POOL.replace("us-central1-f", zone)


def test_what_counts_is_where_the_workers_run(still_emulator: Emulator, ask: Asker, clock: ManualClock) -> None:
    still_emulator.settings.full = FULL
    elsewhere = Asker(still_emulator.url, "europe-west1")
    fail = [elsewhere.launch("a", environment={"workerRegion": LOCATION}), elsewhere.launch("b", environment={"zone": f"{LOCATION}-b"})]
    run = [
        ask.launch("c", environment={"workerRegion": "europe-west1"}),
        ask.launch_flex("d", environment={"workerZone": "europe-west1-b"}),
        ask(Job.create, {"name": "e", "environment": {"workerRegion": "europe-west1"}}),
    ]
    clock.advance(60)
    assert [elsewhere.state(job) for job in fail] == ["JOB_STATE_FAILED"] * 2
    assert [ask.state(job) for job in run] == ["JOB_STATE_DONE"] * 3


def test_a_job_that_waits_for_workers_in_vain_can_be_cancelled(still_emulator: Emulator, ask: Asker, clock: ManualClock) -> None:
    still_emulator.settings.full = FULL
    jobs = [ask.launch("a"), ask.launch_flex("b")]
    for job in jobs:
        ask.update(job, {"requestedState": "JOB_STATE_CANCELLED"})
    clock.advance(60)
    assert [(ask.state(job), errors(ask, job)) for job in jobs] == [("JOB_STATE_CANCELLED", [])] * 2


def test_a_replacement_without_workers_leaves_the_old_job_running(still_emulator: Emulator, ask: Asker, clock: ManualClock) -> None:
    still_emulator.objects.write("gs://b/s_metadata", json.dumps({"name": "S", "streaming": True}).encode())
    old = ask.launch("s", template="gs://b/s")
    clock.advance(60)
    still_emulator.settings.full = FULL
    new = ask.launch("s", template="gs://b/s", update=True)
    assert new["type"] == "JOB_TYPE_STREAMING"
    clock.advance(60)
    assert [ask.state(job) for job in (old, new)] == ["JOB_STATE_RUNNING", "JOB_STATE_FAILED"]


@pytest.mark.parametrize("engine", ["beam", "auto"])
def test_the_program_of_a_job_without_workers_never_runs(clock: ManualClock, tmp_path: Path, engine: str) -> None:
    program = tmp_path / "program.py"
    program.write_text("raise SystemExit('it has run')")
    settings = Settings(full=FULL)
    with Emulator(engine=engine, clock=clock, data=tmp_path / "data", images={"img": str(program)}, settings=settings) as emulator:
        ask = Asker(emulator.url)
        job = ask(FlexTemplate.launch, {"launchParameter": {"jobName": "f", "containerSpec": {"image": "img"}}})["job"]
        clock.advance(5)
        assert (ask.state(job), len(errors(ask, job))) == ("JOB_STATE_FAILED", 1)
    assert not list((tmp_path / "data").rglob(f"{job['id']}*"))


# how it is set


def test_what_is_set_is_shown_over_the_wire_and_in_python(still_emulator: Emulator) -> None:
    def shown() -> Json:
        settings: Json = requests.get(f"{still_emulator.url}/_emulator/settings", timeout=60).json()
        return {name: settings[name] for name in ("jobs_per_project", "full")}

    assert shown() == {"jobs_per_project": None, "full": {}}
    told = tell(still_emulator, jobs_per_project=5, full=FULL, failed_locations=["x"])
    assert {name: told[name] for name in shown()} == shown() == {"jobs_per_project": 5, "full": FULL}
    assert (still_emulator.settings.jobs_per_project, still_emulator.settings.full) == (5, FULL)
    still_emulator.settings.change(jobs_per_project=None, full=NO_QUOTA)
    assert shown() == {"jobs_per_project": None, "full": NO_QUOTA}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"jobs_per_project": -1}, "jobs_per_project must be at least 0, or None for no limit, not -1"),
        ({"jobs_per_project": "5"}, "jobs_per_project of the settings must be int | None, not '5'"),
        ({"jobs_per_project": True}, "jobs_per_project of the settings must be int | None, not True"),
        ({"full": None}, "full of the settings must be Mapping[str, str], not None"),
        ({"full": {"us-central1": 5}}, "full of the settings must be Mapping[str, str], not {'us-central1': 5}"),
        ({"full": {"us-centrall1": "QUOTA_FOR_INSTANCES"}}, "full names 'us-centrall1', which is not a Dataflow region"),
        (
            {"full": {"us-central1": "FULL"}},
            "full must give ZONE_RESOURCE_POOL_EXHAUSTED or QUOTA_FOR_... as the reason for us-central1, not 'FULL'",
        ),
        ({"full": {"us-central1": "QUOTA_FOR_"}}, "not 'QUOTA_FOR_'"),
    ],
)
def test_a_wrong_value_is_said_and_changes_nothing(still_emulator: Emulator, wrong: dict[str, Any], said: str) -> None:
    before = tell(still_emulator, jobs_per_project=5, full=FULL)
    response = requests.post(f"{still_emulator.url}/_emulator/settings", json={"read_lag": 1, **wrong}, timeout=60)
    assert (response.status_code, said in response.json()["error"]) == (400, True), response.text
    assert requests.get(f"{still_emulator.url}/_emulator/settings", timeout=60).json() == before
    with pytest.raises(ValueError, match=r"jobs_per_project|full"):
        Settings(**wrong)
