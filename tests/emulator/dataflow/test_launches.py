"""How a job comes to be, and what is refused."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.methods import FlexTemplate, Job, Template
from airflow_dataflow_ext.emulator import Emulator, ManualClock
from tests.asking import Asker, RefusedError

RUNNING = [(0, "JOB_STATE_RUNNING")]
STREAMING = "JOB_TYPE_STREAMING"
METADATA = {
    "name": "Word Count",
    "parameters": [
        {"name": "inputFile", "label": "Input", "helpText": "A glob.", "regexes": [r"^gs:\/\/[^\n\r]+$"]},
        {"name": "output", "label": "Output", "helpText": "A prefix."},
        {"name": "mode", "label": "Mode", "helpText": "How.", "isOptional": True},
        {"name": "table", "label": "Table", "helpText": "Where.", "parentName": "mode", "parentTriggerValues": ["BQ"]},
    ],
}
GOOD = {"inputFile": "gs://b/in", "output": "gs://b/out"}
FLEX_SPEC = {"image": "img", "sdk_info": {"language": "PYTHON"}, "metadata": METADATA, "default_environment": {"max_workers": 7}}


def put(emulator: Emulator, path: str, value: Any) -> None:
    emulator.objects.write(path, json.dumps(value).encode())


def refusal(ask: Asker, *args: Any, **kwargs: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        ask(*args, **kwargs)
    return caught.value


def test_a_classic_launch_is_answered_without_a_state_and_with_the_epoch(ask: Asker) -> None:
    job = ask.launch("wc")
    assert "currentState" not in job
    assert job["currentStateTime"] == "1970-01-01T00:00:00Z"
    assert job["type"] == "JOB_TYPE_BATCH"


def test_a_flex_launch_is_answered_without_a_type_and_waits_in_the_queue(ask: Asker) -> None:
    job = ask.launch_flex("f")
    assert "type" not in job
    assert ask.state(job) == "JOB_STATE_QUEUED"


def test_the_job_id_begins_with_us_pacific_time() -> None:
    with Emulator(clock=ManualClock(start=datetime(2025, 1, 26, 14, 34, 4, tzinfo=UTC).timestamp())) as emulator:
        job = Asker(emulator.url, "europe-west1").launch("wc")
    assert job["createTime"] == "2025-01-26T14:34:04.000000Z"
    assert re.fullmatch(r"2025-01-26_06_34_04-\d{18,20}", job["id"])


def test_the_labels_of_a_flex_job_show_once_its_launcher_has_run(ask: Asker, clock: ManualClock) -> None:
    job = ask.launch_flex("f", environment={"additionalUserLabels": {"team": "a"}})
    assert "labels" not in ask.job(job)
    clock.advance(0.5)
    assert ask.job(job)["labels"] == {"team": "a"}
    assert ask.job(job)["type"] == "JOB_TYPE_BATCH"


def test_the_labels_of_a_flex_job_whose_launcher_fails_never_show(ask: Asker, still_emulator: Emulator, clock: ManualClock) -> None:
    still_emulator.scripts.play("f", [(1, "JOB_STATE_FAILED")])
    job = ask.launch_flex("f", environment={"additionalUserLabels": {"team": "a"}})
    clock.advance(2)
    shown = ask.job(job)
    assert shown["currentState"] == "JOB_STATE_FAILED"
    assert not {"labels", "type"} & set(shown)


def test_the_labels_of_a_classic_job_show_at_once_but_not_in_a_summary(ask: Asker) -> None:
    job = ask.launch("wc", environment={"additionalUserLabels": {"team": "a"}})
    assert ask.job(job, "JOB_VIEW_DESCRIPTION")["labels"] == {"team": "a"}
    assert "labels" not in ask.job(job, "JOB_VIEW_SUMMARY")


@pytest.mark.parametrize("kind", ["classic", "flex"])
def test_a_second_launch_of_an_active_name_is_409(ask: Asker, kind: str) -> None:
    launch = ask.launch if kind == "classic" else ask.launch_flex
    launch("twin")
    with pytest.raises(RefusedError) as caught:
        launch("twin")
    assert (caught.value.status, caught.value.error["status"]) == (409, "ALREADY_EXISTS")
    assert caught.value.error["errors"][0]["reason"] == "alreadyExists"
    assert "There is already an active job named twin" in caught.value.error["message"]


def test_a_name_is_free_again_once_its_job_has_ended(ask: Asker, clock: ManualClock) -> None:
    first = ask.launch("again")
    clock.advance(60)
    assert ask.state(first) == "JOB_STATE_DONE"
    assert ask.launch("again")["id"] != first["id"]


def test_a_name_is_taken_in_its_own_region_and_project_only(still_emulator: Emulator, ask: Asker) -> None:
    ids = {ask.launch("wc")["id"]}
    ids.add(Asker(still_emulator.url, "europe-west1").launch("wc")["id"])
    ids.add(Asker(still_emulator.url, project="another-project").launch("wc")["id"])
    assert len(ids) == 3


def test_jobs_create_gives_the_active_twin_with_200(ask: Asker, still_emulator: Emulator) -> None:
    first = ask(Job.create, {"name": "graph", "clientRequestId": "one"})
    second = ask(Job.create, {"name": "graph", "clientRequestId": "two"})
    assert second["id"] == first["id"]
    assert second["clientRequestId"] == "one"
    assert len(still_emulator.jobs) == 1


def test_jobs_create_with_the_same_request_id_fails(ask: Asker) -> None:
    ask(Job.create, {"name": "graph", "clientRequestId": "one"})
    assert refusal(ask, Job.create, {"name": "graph", "clientRequestId": "one"}).status == 409


@pytest.mark.parametrize("name", ["", "Upper", "1st", "under_score", "ends-", "a" * 1025, 5])
def test_a_wrong_job_name_is_refused(ask: Asker, still_emulator: Emulator, name: Any) -> None:
    error = refusal(ask, Template.launch, {"jobName": name}, gcsPath="gs://b/t")
    assert (error.status, error.error["status"]) == (400, "INVALID_ARGUMENT")
    assert len(still_emulator.jobs) == 0


@pytest.mark.parametrize(
    "labels", [{"Team": "a"}, {"team": "A b"}, {"": "a"}, {"k" * 64: "a"}, {"k": "v" * 64}, {"1k": "a"}, {f"k{i}": "" for i in range(65)}]
)
def test_wrong_labels_are_refused(ask: Asker, labels: dict[str, str]) -> None:
    body = {"jobName": "wc", "environment": {"additionalUserLabels": labels}}
    assert refusal(ask, Template.launch, body, gcsPath="gs://b/t").status == 400
    assert refusal(ask, Job.create, {"name": "wc", "labels": labels}).status == 400


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"tempLocation": "/tmp"}, "tempLocation"),
        ({"workerRegion": "r", "workerZone": "z"}, "workerZone"),
        ({"maxWorkers": 1001}, "maxWorkers"),
        ({"ipConfiguration": "PUBLIC"}, "ipConfiguration"),
        ({"maxWorkers": "many"}, "maxWorkers"),
    ],
)
def test_a_wrong_environment_is_refused_and_names_the_field(ask: Asker, environment: dict[str, Any], named: str) -> None:
    error = refusal(ask, Template.launch, {"jobName": "wc", "environment": environment}, gcsPath="gs://b/t")
    assert error.status == 400
    assert named in error.error["message"]


@pytest.mark.parametrize("path", ["b/t", "gs://b", "", "https://b/t"])
def test_a_template_path_must_be_one_of_cloud_storage(ask: Asker, path: str) -> None:
    assert refusal(ask, Template.launch, {"jobName": "wc"}, gcsPath=path).status == 400


@pytest.mark.parametrize("kind", ["classic", "flex"])
def test_validate_only_checks_and_starts_nothing(ask: Asker, still_emulator: Emulator, kind: str) -> None:
    if kind == "classic":
        reply = ask(Template.launch, {"jobName": "wc"}, gcsPath="gs://b/t", validateOnly=True)
        refused = refusal(ask, Template.launch, {"jobName": "W"}, gcsPath="gs://b/t", validateOnly=True)
    else:
        launch = {"jobName": "wc", "containerSpecGcsPath": "gs://b/f"}
        reply = ask(FlexTemplate.launch, {"launchParameter": launch, "validateOnly": True})
        refused = refusal(ask, FlexTemplate.launch, {"launchParameter": {**launch, "jobName": "W"}, "validateOnly": True})
    assert reply == {}
    assert refused.status == 400
    assert len(still_emulator.jobs) == 0


@pytest.mark.parametrize(
    ("parameters", "breaches"),
    [
        ({}, {"inputFile": "Missing required parameter", "output": "Missing required parameter"}),
        ({**GOOD, "inputFile": "in"}, {"inputFile": r"Parameter didn't match regex '^gs:\/\/[^\n\r]+$'"}),
        ({**GOOD, "inputfile": "gs://b/in"}, {"inputfile": "Unrecognized parameter"}),
        ({**GOOD, "mode": "BQ"}, {"table": "Missing required parameter"}),
    ],
)
@pytest.mark.parametrize("kind", ["classic", "flex"])
def test_parameters_are_checked_where_there_is_metadata(
    ask: Asker, still_emulator: Emulator, kind: str, parameters: dict[str, str], breaches: dict[str, str]
) -> None:
    put(still_emulator, "gs://b/t_metadata", {**METADATA, "mainClass": "org.example.WordCount"})
    put(still_emulator, "gs://b/f", FLEX_SPEC)
    launch, path = (ask.launch, "gs://b/t") if kind == "classic" else (ask.launch_flex, "gs://b/f")
    with pytest.raises(RefusedError) as caught:
        launch("wc", template=path, parameters=parameters)
    detail = caught.value.error["details"][0]
    assert {entry["parameter"]: entry["description"] for entry in detail["parameterViolations"]} == breaches
    for name, text in breaches.items():
        assert f"\n{name}: {text}" in caught.value.error["message"]
    assert len(still_emulator.jobs) == 0


def test_good_parameters_pass_and_without_metadata_any_do(ask: Asker, still_emulator: Emulator) -> None:
    ask.launch("free", template="gs://b/other", parameters={"anything": "goes"})
    put(still_emulator, "gs://b/f", FLEX_SPEC)
    job = ask.launch_flex("checked", template="gs://b/f", parameters={**GOOD, "mode": "FILE"})
    pool = ask.job(job)["environment"]["workerPools"][0]
    assert pool["autoscalingSettings"] == {"maxNumWorkers": 7}


def test_a_container_spec_is_no_classic_template_and_the_other_way_round(ask: Asker, still_emulator: Emulator) -> None:
    put(still_emulator, "gs://b/f", FLEX_SPEC)
    put(still_emulator, "gs://b/c", {"steps": []})
    assert "invalid" in refusal(ask, Template.launch, {"jobName": "wc"}, gcsPath="gs://b/f").error["message"]
    launch = {"jobName": "wc", "containerSpecGcsPath": "gs://b/c"}
    assert refusal(ask, FlexTemplate.launch, {"launchParameter": launch}).status == 400


def test_a_spec_can_be_given_in_the_call(ask: Asker, still_emulator: Emulator) -> None:
    launch = {"jobName": "inline", "containerSpec": {"image": "img"}}
    job = ask(FlexTemplate.launch, {"launchParameter": launch})["job"]
    assert job["name"] == "inline"
    both = {**launch, "containerSpecGcsPath": "gs://b/f"}
    assert refusal(ask, FlexTemplate.launch, {"launchParameter": both}).status == 400


def test_the_metadata_of_a_template_is_said(ask: Asker, still_emulator: Emulator) -> None:
    put(still_emulator, "gs://b/f", FLEX_SPEC)
    put(still_emulator, "gs://b/t_metadata", METADATA)
    flex = ask(Template.get, gcsPath="gs://b/f")
    assert (flex["templateType"], flex["runtimeMetadata"]["sdkInfo"]["language"]) == ("FLEX", "PYTHON")
    assert flex["metadata"]["parameters"][2]["isOptional"] is True
    assert ask(Template.get, gcsPath="gs://b/t")["templateType"] == "LEGACY"


@pytest.mark.parametrize("content", [None, b"{", b'{"image": "x", "metadata": 5}'])
def test_an_unreadable_template_is_said_in_the_status_of_a_200(ask: Asker, still_emulator: Emulator, content: bytes | None) -> None:
    if content is not None:
        still_emulator.objects.write("gs://b/x", content)
    reply = ask(Template.get, gcsPath="gs://b/x")
    assert set(reply) == {"status"}
    assert reply["status"]["code"] == 3


def test_a_replacement_takes_over_when_it_runs(ask: Asker, still_emulator: Emulator, clock: ManualClock) -> None:
    still_emulator.scripts.play("stream", [(1, "JOB_STATE_RUNNING")], type=STREAMING)
    old = ask.launch("stream")
    clock.advance(1)
    new = ask.launch("stream", update=True, transformNameMapping={"a": "b"})
    assert new["replaceJobId"] == old["id"] != new["id"]
    assert ask.state(old) == "JOB_STATE_RUNNING"
    clock.advance(1)
    assert ask.state(new) == "JOB_STATE_RUNNING"
    assert (ask.state(old), ask.job(old)["replacedByJobId"]) == ("JOB_STATE_UPDATED", new["id"])
    assert ask.job(new)["transformNameMapping"] == {"a": "b"}


def test_a_replacement_that_fails_leaves_the_old_job_running(ask: Asker, still_emulator: Emulator, clock: ManualClock) -> None:
    still_emulator.scripts.play("stream", RUNNING, type=STREAMING)
    old = ask.launch("stream")
    still_emulator.scripts.play("stream", [(1, "JOB_STATE_FAILED")], type=STREAMING)
    new = ask.launch("stream", update=True)
    clock.advance(1)
    assert ask.state(new) == "JOB_STATE_FAILED"
    assert ask.state(old) == "JOB_STATE_RUNNING"
    assert "replacedByJobId" not in ask.job(old)


def test_a_replacement_needs_a_job_that_runs_or_drains(ask: Asker) -> None:
    for launch in (lambda: ask.launch("wc", update=True), lambda: ask.launch_flex("wc", update=True)):
        with pytest.raises(RefusedError, match="in RUNNING OR DRAINING state") as caught:
            launch()
        assert caught.value.status == 404
    ask.launch("wc")
    with pytest.raises(RefusedError, match="in RUNNING OR DRAINING state"):
        ask.launch("wc", update=True)


def test_a_batch_job_cannot_be_replaced(ask: Asker, still_emulator: Emulator) -> None:
    still_emulator.scripts.play("wc", RUNNING)
    ask.launch("wc")
    with pytest.raises(RefusedError, match="only streaming jobs"):
        ask.launch("wc", update=True)


def test_create_or_update_launches_first_and_replaces_after(ask: Asker, still_emulator: Emulator) -> None:
    still_emulator.scripts.play("stream", RUNNING, type=STREAMING)
    environment = {"additionalExperiments": ["create_or_update_job"]}
    first = ask.launch("stream", environment=environment)
    second = ask.launch("stream", environment=environment)
    assert second["replaceJobId"] == first["id"]
    assert ask.state(first) == "JOB_STATE_UPDATED"


def test_jobs_create_replaces_by_id(ask: Asker, still_emulator: Emulator) -> None:
    still_emulator.scripts.play("stream", RUNNING, type=STREAMING)
    old = ask(Job.create, {"name": "stream", "type": STREAMING})
    new = ask(Job.create, {"name": "stream", "type": STREAMING, "replaceJobId": old["id"]})
    assert ask.state(old) == "JOB_STATE_UPDATED"
    assert ask.job(new)["replaceJobId"] == old["id"]
    assert refusal(ask, Job.create, {"name": "stream", "replaceJobId": "none"}).status == 404


def test_a_new_job_may_not_be_readable_yet(ask: Asker, still_emulator: Emulator, clock: ManualClock) -> None:
    still_emulator.settings.read_lag = 0.5
    job = ask.launch("wc")
    assert refusal(ask, Job.get, jobId=job["id"]).status == 404
    assert ask(Job.list) == {}
    clock.advance(0.5)
    assert ask.job(job)["id"] == job["id"]
    assert len(ask(Job.list)["jobs"]) == 1


def test_a_wide_path_means_us_central1_unless_a_location_is_given(still_emulator: Emulator) -> None:
    wide = Asker(still_emulator.url, location=None)
    here = wide(Template.create, {"jobName": "wc", "gcsPath": "gs://b/t"})
    there = wide(Template.create, {"jobName": "wc", "gcsPath": "gs://b/t", "location": "europe-west1"})
    assert (here["location"], there["location"]) == ("us-central1", "europe-west1")
    assert wide(Job.get.wide, jobId=here["id"])["id"] == here["id"]
    assert refusal(wide, Job.get.wide, jobId=there["id"]).status == 404
    request = Job.get.wide.request(jobId=there["id"], location="europe-west1", projectId="a-project")
    assert wide(request.method, jobId=there["id"], location="europe-west1")["id"] == there["id"]
