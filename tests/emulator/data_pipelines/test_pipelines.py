"""The emulated Data Pipelines: each method in Google's own form, and what it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_dataflow_ext.api.data_pipelines.methods import Pipeline, PipelineJob, all_methods
from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.emulator import Emulator, ManualClock
from tests.asking import Asker, RefusedError
from tests.discovery import breaches_of_call

PARENT = "projects/a-project/locations/us-central1/pipelines/"
CLASSIC = {"dataflowLaunchTemplateRequest": {"gcsPath": "gs://b/t", "projectId": "a-project", "launchParameters": {"jobName": "nightly"}}}
FLEX = {
    "dataflowFlexTemplateRequest": {
        "location": "europe-west1",
        "projectId": "a-project",
        "launchParameter": {"jobName": "nightly", "containerSpecGcsPath": "gs://b/f.json"},
    }
}


def pipeline(**fields: Any) -> dict[str, Any]:
    body = {"name": PARENT + "nightly", "displayName": "nightly", "type": "PIPELINE_TYPE_BATCH", "workload": CLASSIC}
    return {name: value for name, value in {**body, **fields}.items() if value is not None}


@pytest.fixture
def made(ask: Asker) -> dict[str, Any]:
    return ask(Pipeline.create, pipeline(scheduleInfo={"schedule": "0 3 * * *", "timeZone": "UTC"}))


@pytest.mark.parametrize("method", list(all_methods()), ids=lambda method: method.id)
def test_request_and_reply_are_as_the_discovery_document_says(still_emulator: Emulator, made: dict[str, Any], method: Method) -> None:
    bodies: dict[str, dict[str, Any]] = {"pipelines.create": pipeline(name=PARENT + "other"), "pipelines.patch": {"displayName": "new"}}
    query = {"filter": "type:BATCH,status:ALL"} if method.id == "pipelines.list" else {}
    path = method.path.format(projectId="a-project", location="us-central1", pipelineId="nightly")
    body = bodies.get(method.id, {}) if method.body else None
    response = requests.request(method.verb, f"{still_emulator.url}/{path}", params=query, json=body, timeout=60)
    assert response.status_code == 200, response.text
    assert breaches_of_call(method.verb, path, query, body, response.json(), of="datapipelines.v1") == []


def test_a_run_is_a_dataflow_job_that_the_pipeline_lists(ask: Asker, clock: ManualClock, made: dict[str, Any]) -> None:
    first = ask(Pipeline.run, {}, pipelineId="nightly")["job"]
    clock.advance(1)
    second = ask(Pipeline.run, {}, pipelineId="nightly")["job"]
    assert [job["id"] for job in ask(PipelineJob.list, pipelineId="nightly")["jobs"]] == [second["id"], first["id"]]
    assert first["name"] == f"{PARENT}nightly/jobs/{first['id']}"
    assert ask.job(first)["name"] == "nightly-1"
    assert ask(Pipeline.get, pipelineId="nightly")["jobCount"] == 2


def test_a_run_goes_where_its_launch_says(still_emulator: Emulator, ask: Asker) -> None:
    ask(Pipeline.create, pipeline(workload=FLEX))
    job = ask(Pipeline.run, {}, pipelineId="nightly")["job"]
    assert Asker(still_emulator.url, location="europe-west1").job(job)["location"] == "europe-west1"


def test_a_streaming_pipeline_runs_as_soon_as_it_is_created(ask: Asker) -> None:
    assert ask(Pipeline.create, pipeline(type="PIPELINE_TYPE_STREAMING"))["jobCount"] == 1


def test_a_stopped_pipeline_is_archived_and_runs_no_more(ask: Asker, made: dict[str, Any]) -> None:
    stopped = ask(Pipeline.stop, {}, pipelineId="nightly")
    assert (stopped["state"], "scheduleInfo" in stopped) == ("STATE_ARCHIVED", False)
    with pytest.raises(RefusedError, match="FAILED_PRECONDITION"):
        ask(Pipeline.run, {}, pipelineId="nightly")
    assert ask(Pipeline.list, filter="status:ACTIVE") == {}


def test_a_list_comes_in_pages_with_the_newest_first(ask: Asker, made: dict[str, Any]) -> None:
    ask(Pipeline.create, pipeline(name=PARENT + "second"))
    page = ask(Pipeline.list, pageSize=1)
    assert [entry["name"] for entry in page["pipelines"]] == [PARENT + "second"]
    rest = ask(Pipeline.list, pageSize=1, pageToken=page["nextPageToken"])
    assert [entry["name"] for entry in rest["pipelines"]] == [PARENT + "nightly"]
    assert "nextPageToken" not in rest


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"name": "nightly"}, 400, "pipeline name"),
        ({"name": PARENT.replace("us-central1", "europe-west1") + "nightly"}, 400, "pipeline name"),
        ({"displayName": "every night"}, 400, "displayName"),
        ({"type": None}, 400, "type"),
        ({"workload": None}, 400, "workload"),
        ({"workload": {**CLASSIC, **FLEX}}, 400, "workload"),
        ({"scheduleInfo": {"schedule": "daily"}}, 400, "unix-cron"),
        ({"type": "PIPELINE_TYPE_STREAMING", "scheduleInfo": {"schedule": "0 3 * * *"}}, 400, "no schedule"),
        ({"colour": "red"}, 400, "colour"),
    ],
)
def test_a_pipeline_that_cannot_be_is_refused(ask: Asker, fields: dict[str, Any], status: int, said: str) -> None:
    with pytest.raises(RefusedError, match=said) as refused:
        ask(Pipeline.create, pipeline(**fields))
    assert refused.value.status == status
    assert ask(Pipeline.list) == {}


def test_a_second_pipeline_of_the_name_is_refused(ask: Asker, made: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="409 ALREADY_EXISTS"):
        ask(Pipeline.create, pipeline())


def test_a_state_cannot_be_patched(ask: Asker, made: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="state of a pipeline cannot be changed"):
        ask(Pipeline.patch, {"state": "STATE_PAUSED"}, pipelineId="nightly", updateMask="state")


def test_a_mask_names_fields_in_either_case(ask: Asker, made: dict[str, Any]) -> None:
    for mask in ("displayName", "display_name", " display_name , "):
        assert ask(Pipeline.patch, {"displayName": "new"}, pipelineId="nightly", updateMask=mask)["displayName"] == "new"


def test_what_is_not_there_is_404(ask: Asker) -> None:
    for method in (Pipeline.get, Pipeline.delete, PipelineJob.list):
        with pytest.raises(RefusedError, match="404 NOT_FOUND"):
            ask(method, pipelineId="nowhere")


def test_pipelines_outlive_the_emulator(tmp_path: Path) -> None:
    with Emulator(data=tmp_path) as emulator:
        Asker(emulator.url)(Pipeline.create, pipeline())
    with Emulator(data=tmp_path) as emulator:
        assert Asker(emulator.url)(Pipeline.get, pipelineId="nightly")["displayName"] == "nightly"
        emulator.wipe()
        assert Asker(emulator.url)(Pipeline.list) == {}
