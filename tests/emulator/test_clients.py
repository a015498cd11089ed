"""Google's own clients drive the emulator unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import dataflow_v1beta3 as gapic
from google.oauth2 import service_account
from googleapiclient import discovery
from googleapiclient.errors import HttpError

from airflow_dataflow_ext.emulator import Autoscaling, Emulator, JobMessage, ManualClock, Metrics
from tests.asking import LOCATION, PROJECT

PLACE = {"projectId": PROJECT, "location": LOCATION}
GAPIC_PLACE = {"project_id": PROJECT, "location": LOCATION}
STREAM = [
    (0, "JOB_STATE_RUNNING"),
    (0, JobMessage("Workers have started successfully.", "JOB_MESSAGE_DETAILED")),
    (0, JobMessage("A warning.", "JOB_MESSAGE_WARNING")),
    (0, Autoscaling("Worker pool started.", 1, 1)),
    (0, Metrics([{"name": {"origin": "user", "name": "n"}, "scalar": 7}])),
]


@pytest.fixture
def scripted(still_emulator: Emulator) -> Emulator:
    still_emulator.scripts.play("stream*", STREAM, type="JOB_TYPE_STREAMING")
    still_emulator.scripts.play("batch*", [(0, "JOB_STATE_RUNNING")])
    return still_emulator


@pytest.fixture(params=["anonymous", "service account"])
def jobs(request: pytest.FixtureRequest, scripted: Emulator) -> Iterator[Any]:
    """``projects.locations`` of googleapiclient."""
    if request.param == "anonymous":
        credentials: Any = AnonymousCredentials()
    else:
        scopes = ["https://www.googleapis.com/auth/cloud-platform"]
        credentials = service_account.Credentials.from_service_account_info(scripted.service_account_key(), scopes=scopes)
    with discovery.build("dataflow", "v1b3", client_options={"api_endpoint": scripted.url}, credentials=credentials) as service:
        yield service.projects().locations()


def launch(locations: Any, name: str) -> dict[str, Any]:
    job: dict[str, Any] = locations.templates().launch(**PLACE, gcsPath="gs://b/t", body={"jobName": name}).execute()["job"]
    return job


def test_googleapiclient_sends_a_long_query_in_the_body_of_a_post(jobs: Any) -> None:
    names = [launch(jobs, name)["name"] for name in ("batch-1", "batch-2")]
    long = ",".join(["jobs(name)"] * 300)
    assert sorted(job["name"] for job in jobs.jobs().list(**PLACE, fields=long).execute()["jobs"]) == names
    assert jobs.jobs().list(**PLACE, name="n" * 3000).execute() == {}
    assert jobs.templates().get(**PLACE, gcsPath=f"gs://b/{'t' * 3000}").execute()["status"]["code"] == 3


def test_googleapiclient_launches_reads_and_cancels(jobs: Any, clock: ManualClock) -> None:
    job = launch(jobs, "batch")
    here = {**PLACE, "jobId": job["id"]}
    assert jobs.jobs().get(**here).execute()["currentState"] == "JOB_STATE_RUNNING"
    jobs.jobs().update(**here, body={"requestedState": "JOB_STATE_CANCELLED"}).execute()
    clock.advance(2)
    assert jobs.jobs().get(**here).execute()["currentState"] == "JOB_STATE_CANCELLED"


def test_googleapiclient_drains_snapshots_and_reads_messages_and_metrics(jobs: Any, clock: ManualClock) -> None:
    here = {**PLACE, "jobId": launch(jobs, "stream")["id"]}
    messages = jobs.jobs().messages().list(**here, minimumImportance="JOB_MESSAGE_WARNING").execute()
    assert [entry["messageText"] for entry in messages["jobMessages"]] == ["A warning."]
    assert [entry["scalar"] for entry in jobs.jobs().getMetrics(**here).execute()["metrics"]] == [7, 7]
    snapshot = jobs.jobs().snapshot(**here, body={"ttl": "3600s"}).execute()
    clock.advance(4)
    assert jobs.snapshots().get(**PLACE, snapshotId=snapshot["id"]).execute()["state"] == "READY"
    jobs.jobs().update(**here, body={"requestedState": "JOB_STATE_DRAINED"}).execute()
    clock.advance(5)
    assert jobs.jobs().get(**here).execute()["currentState"] == "JOB_STATE_DRAINED"


def test_googleapiclient_pages_through_a_list(jobs: Any) -> None:
    for number in range(5):
        launch(jobs, f"batch-{number}")
    request, sizes = jobs.jobs().list(**PLACE, pageSize=2, filter="ACTIVE"), []
    while request is not None:
        reply = request.execute()
        sizes.append(len(reply["jobs"]))
        request = jobs.jobs().list_next(request, reply)
    assert sizes == [2, 2, 1]


def test_googleapiclient_launches_a_flex_template_and_reads_the_error_of_a_twin(jobs: Any) -> None:
    body = {"launchParameter": {"jobName": "batch", "containerSpecGcsPath": "gs://b/f", "parameters": {"yaml_pipeline": "x"}}}
    assert jobs.flexTemplates().launch(**PLACE, body=body).execute()["job"]["name"] == "batch"
    with pytest.raises(HttpError, match="already an active job named batch") as caught:
        jobs.flexTemplates().launch(**PLACE, body=body).execute()
    assert caught.value.status_code == 409


def test_googleapiclient_retries_what_it_thinks_worth_it(jobs: Any, scripted: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    job = launch(jobs, "batch")
    scripted.faults.add("jobs.get", status=503)
    scripted.faults.add("jobs.get", status=403, reason="rateLimitExceeded")
    assert jobs.jobs().get(**PLACE, jobId=job["id"]).execute(num_retries=2)["id"] == job["id"]


def client(kind: str, emulator: Emulator) -> Any:
    """A client of google-cloud-dataflow-client over REST; plain http is an argument of its transport."""
    service = getattr(gapic, f"{kind}Client")
    transport = service.get_transport_class("rest")
    host = emulator.url.removeprefix("http://")
    return service(transport=transport(host=host, credentials=AnonymousCredentials(), url_scheme="http"))


def test_gapic_launches_lists_in_pages_and_cancels(scripted: Emulator, clock: ManualClock) -> None:
    templates, jobs = client("TemplatesService", scripted), client("JobsV1Beta3", scripted)
    for number in range(3):
        request = {**GAPIC_PLACE, "gcs_path": "gs://b/t", "launch_parameters": {"job_name": f"batch-{number}"}}
        job = templates.launch_template(request).job
    active = gapic.ListJobsRequest.Filter.ACTIVE
    pager = jobs.list_jobs({**GAPIC_PLACE, "page_size": 2, "filter": active})
    assert [len(page.jobs) for page in pager.pages] == [2, 1]
    cancelled = gapic.Job(requested_state=gapic.JobState.JOB_STATE_CANCELLED)
    jobs.update_job({**GAPIC_PLACE, "job_id": job.id, "job": cancelled})
    clock.advance(2)
    shown = jobs.get_job({**GAPIC_PLACE, "job_id": job.id, "view": gapic.JobView.JOB_VIEW_ALL})
    assert shown.current_state == gapic.JobState.JOB_STATE_CANCELLED
    assert shown.type_ == gapic.JobType.JOB_TYPE_BATCH


def test_gapic_reads_messages_and_metrics_and_takes_snapshots(scripted: Emulator, clock: ManualClock) -> None:
    flex, jobs = client("FlexTemplatesService", scripted), client("JobsV1Beta3", scripted)
    launch_parameter = {"job_name": "stream", "container_spec_gcs_path": "gs://b/f"}
    job = flex.launch_flex_template({**GAPIC_PLACE, "launch_parameter": launch_parameter}).job
    here = {**GAPIC_PLACE, "job_id": job.id}
    warning = gapic.JobMessageImportance.JOB_MESSAGE_WARNING
    pager = client("MessagesV1Beta3", scripted).list_job_messages({**here, "minimum_importance": warning})
    assert [entry.message_text for entry in pager] == ["A warning."]
    assert pager.autoscaling_events[0].current_num_workers == 1
    metrics = client("MetricsV1Beta3", scripted).get_job_metrics(here)
    assert [entry.scalar for entry in metrics.metrics] == [7, 7]
    snapshot = jobs.snapshot_job({**here, "ttl": {"seconds": 3600}})
    clock.advance(4)
    shown = client("SnapshotsV1Beta3", scripted).get_snapshot({**GAPIC_PLACE, "snapshot_id": snapshot.id})
    assert (shown.state, shown.disk_size_bytes) == (gapic.SnapshotState.READY, 1048576)
    drained = gapic.Job(requested_state=gapic.JobState.JOB_STATE_DRAINED)
    assert jobs.update_job({**here, "job": drained}).current_state == gapic.JobState.JOB_STATE_DRAINING


def test_gapic_reads_our_errors(scripted: Emulator) -> None:
    jobs, templates = client("JobsV1Beta3", scripted), client("TemplatesService", scripted)
    with pytest.raises(NotFound):
        jobs.get_job({**GAPIC_PLACE, "job_id": "none"})
    request = {**GAPIC_PLACE, "gcs_path": "gs://b/t", "launch_parameters": {"job_name": "batch"}}
    templates.launch_template(request)
    with pytest.raises(Conflict):
        templates.launch_template(request)
    with pytest.raises(BadRequest):
        templates.launch_template({**request, "gcs_path": "b/t"})


def test_an_api_endpoint_with_its_scheme_is_taken_too(scripted: Emulator) -> None:
    options = ClientOptions(api_endpoint=scripted.url)
    jobs = gapic.JobsV1Beta3Client(transport="rest", credentials=AnonymousCredentials(), client_options=options)
    assert list(jobs.list_jobs(GAPIC_PLACE)) == []
