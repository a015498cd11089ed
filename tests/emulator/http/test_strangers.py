"""Requests of clients that nobody here wrote: each is taken or refused as by the service, and a refusal changes nothing."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Any
from urllib.parse import quote

import pytest
import requests

from airflow_dataflow_ext.api.dataflow.methods import FlexTemplate, Job, Project, Template
from airflow_dataflow_ext.emulator import Emulator, ManualClock
from tests.asking import Asker, RefusedError

JOBS = "v1b3/projects/a-project/locations/us-central1/jobs"
LAUNCH = "v1b3/projects/a-project/locations/us-central1/templates:launch?gcsPath=gs://b/t"


def post(emulator: Emulator, path: str, content: bytes, **headers: str) -> requests.Response:
    return requests.post(f"{emulator.url}/{path}", data=content, headers=headers, timeout=60)


def refused(response: requests.Response) -> str:
    """The message of a refusal in Google's envelope."""
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, 400)
    return str(error["message"])


def test_what_only_the_service_sets_is_ignored_when_a_job_is_created(ask: Asker, clock: ManualClock) -> None:
    own = {"stageStates": [{}], "satisfiesPzi": True, "pausable": True, "currentState": "JOB_STATE_DONE", "runtimeUpdatableParams": {}}
    job = ask(Job.create, {"name": "wc", "type": "JOB_TYPE_BATCH", **own})
    clock.advance(60)
    shown = ask.job(job)
    assert shown["currentState"] == "JOB_STATE_DONE"
    assert [stage["executionStageName"] for stage in shown["stageStates"]] == ["F1"]
    assert not {"satisfiesPzi", "pausable", "runtimeUpdatableParams"} & set(shown)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"jobName": "wc", "parameters": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001, "too deep"),
        (b"[" * 200_000, "too deep"),
        (b'{"jobName": "wc", "environment": {"numWorkers": NaN}}', "NaN"),
        (b'{"jobName": "wc", "environment": {"numWorkers": -Infinity}}', "Infinity"),
        (b'{"jobName": "wc", "environment": {"numWorkers": 1e400}}', "not a finite number"),
        (b'{"jobName": "wc", "parameters": {"a": "\\ud800"}}', "surrogate"),
        (b'{"jobName": "wc", "parameters": {"a": "\xff"}}', "utf-8"),
        ('{"jobName": "wc"}'.encode("utf-16"), "utf-8"),
        (b"null", "LaunchTemplateParameters"),
    ],
)
def test_json_that_the_service_does_not_read_is_refused_and_starts_nothing(emulator: Emulator, content: bytes, said: str) -> None:
    assert said in refused(post(emulator, LAUNCH, content))
    assert len(emulator.jobs) == 0
    json.dumps(requests.get(f"{emulator.url}/_emulator/requests", timeout=60).json(), allow_nan=False)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_says_it_is_compressed_and_is_not_is_refused(
    emulator: Emulator, encoding: str, capfd: pytest.CaptureFixture[str]
) -> None:
    content = b'{"jobName": "wc"}'
    assert "does not match its headers" in refused(post(emulator, LAUNCH, content, **{"Content-Encoding": encoding}))
    assert requests.post(f"{emulator.url}/_emulator/wipe", data=b"x", headers={"Content-Encoding": encoding}, timeout=60).status_code == 400
    assert "not complete" in refused(post(emulator, LAUNCH, gzip.compress(content)[:-9], **{"Content-Encoding": "gzip"}))
    assert "more than" in refused(post(emulator, LAUNCH, gzip.compress(b" " * 30_000_000), **{"Content-Encoding": "gzip"}))
    assert "tea" in refused(post(emulator, LAUNCH, content, **{"Content-Encoding": "tea"}))
    assert len(emulator.jobs) == 0
    assert post(emulator, LAUNCH, gzip.compress(content), **{"Content-Encoding": "gzip"}).status_code == 200
    assert "Traceback" not in capfd.readouterr().err


CUT_OFF = b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab"


@pytest.mark.parametrize("raw", [b"HELLO\r\n\r\n", b"GET / HTTP/9\r\n\r\n", CUT_OFF])
def test_a_client_that_speaks_no_http_or_goes_away_leaves_no_traceback(
    emulator: Emulator, raw: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(("127.0.0.1", int(emulator.url.rpartition(":")[2])), timeout=60) as wire:
        wire.sendall(raw)
    assert requests.get(f"{emulator.url}/{JOBS}", timeout=60).status_code == 200
    assert [record for record in caplog.records if record.exc_info] == []
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("text", [" 5 ", "\uff15", "+5", "1_0", "0x5", "5.0", "", "-1"])
def test_a_page_size_in_a_form_that_the_service_does_not_read_is_refused(ask: Asker, text: str) -> None:
    with pytest.raises(RefusedError, match="pageSize"):
        ask(Job.list, pageSize=text)


@pytest.mark.parametrize("number", [" 5 ", "\uff15", "+5", "1_0", True, 2**40, 0.5])
def test_a_number_in_a_form_that_the_service_does_not_read_is_refused(ask: Asker, number: Any) -> None:
    with pytest.raises(RefusedError, match=r"environment\.numWorkers"):
        ask.launch("wc", environment={"numWorkers": number})
    assert ask(Job.list) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("labels", {"a": "x" * 10_000_000}),
        ("labels", {"a" * 10_000_000: "x"}),
        ("name", "x" * 10_000_000),
        ("type", "x" * 10_000_000),
        ("x" * 10_000_000, 1),
        ("environment", {f"n{number}": 1 for number in range(200_000)}),
    ],
)
def test_the_refusal_of_a_huge_value_is_short(emulator: Emulator, field: str, value: Any) -> None:
    response = post(emulator, JOBS, json.dumps({"name": "wc", field: value}).encode())
    assert len(refused(response)) < 3000
    assert len(response.content) < 20_000
    assert len(emulator.jobs) == 0


def test_a_field_selection_a_thousand_parentheses_deep_is_refused(emulator: Emulator) -> None:
    assert "field selection" in refused(requests.get(f"{emulator.url}/{JOBS}?fields={'a(' * 1000}", timeout=60))


def test_a_page_token_of_another_question_is_refused(ask: Asker) -> None:
    for number in range(3):
        ask.launch(f"wc-{number}")
    token = ask(Job.list, pageSize=1)["nextPageToken"]
    assert len(ask(Job.list, pageToken=token)["jobs"]) == 2
    with pytest.raises(RefusedError, match="other parameters"):
        ask(Project.list_jobs, pageToken=token)
    with pytest.raises(RefusedError, match="other parameters"):
        ask(Job.list, pageToken=token, filter="ACTIVE")


def test_a_method_without_a_body_refuses_one(emulator: Emulator) -> None:
    response = requests.get(f"{emulator.url}/{JOBS}", json={"name": "wc"}, timeout=60)
    assert "takes no body" in refused(response)


@pytest.mark.parametrize("location", ["us-centrall1", "US-CENTRAL1", "europe", "us-central1-a", "-"])
def test_a_region_that_does_not_exist_is_refused_by_name(still_emulator: Emulator, location: str) -> None:
    with pytest.raises(RefusedError, match=rf"invalid regional endpoint \({location}\)") as caught:
        Asker(still_emulator.url, location=location).launch("wc")
    assert (caught.value.status, caught.value.error["status"]) == (400, "FAILED_PRECONDITION")
    assert len(still_emulator.jobs) == 0


@pytest.mark.parametrize("location", ["us-central1", "europe-west1", "me-central2"])
def test_a_region_of_the_service_is_taken(still_emulator: Emulator, location: str) -> None:
    assert Asker(still_emulator.url, location=location).launch("wc")["location"] == location


@pytest.mark.parametrize("project", ["Not A Project", "UPPER", "under_score", "9lives", "short", "trailing-", "a" * 31, "é"])
def test_a_project_id_that_cannot_be_one_is_refused(still_emulator: Emulator, project: str) -> None:
    path = f"v1b3/projects/{quote(project)}/locations/us-central1/templates:launch?gcsPath=gs://b/t"
    reply = requests.post(f"{still_emulator.url}/{path}", json={"jobName": "wc"}, timeout=60)
    assert reply.status_code == 400
    assert "Invalid project id" in reply.text
    assert len(still_emulator.jobs) == 0


@pytest.mark.parametrize("project", ["a-project", "sixsix", "a" * 30, "example.com:old-project", "123456789012"])
def test_ids_and_numbers_of_projects_are_taken(still_emulator: Emulator, project: str) -> None:
    assert Asker(still_emulator.url, project=project).launch("wc")["projectId"] == project


# the wrong template for the call

SPEC = json.dumps({"image": "gcr.io/p/i", "sdkInfo": {"language": "PYTHON"}}).encode()


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("gs://dataflow-templates-us-central1/latest/flex/Streaming_Data_Generator", None),
        ("gs://dataflow-templates/latest/flex/Yaml_Template", None),
        ("gs://dataflow-templates/2026-01-01-00_RC00/flex/Yaml_Template", None),
        ("gs://mine/spec.json", SPEC),
    ],
)
def test_a_classic_launch_of_a_flex_template_is_400(still_emulator: Emulator, ask: Asker, path: str, content: bytes | None) -> None:
    if content:
        still_emulator.objects.write(path, content)
    for start in (lambda: ask.launch("wc", template=path), lambda: ask(Template.create, {"jobName": "wc", "gcsPath": path})):
        with pytest.raises(RefusedError, match="holds no job graph of a classic template") as caught:
            start()
        assert (caught.value.status, caught.value.error["status"]) == (400, "INVALID_ARGUMENT")
    assert len(still_emulator.jobs) == 0


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("gs://dataflow-templates/latest/Word_Count", None),
        ("gs://dataflow-templates-europe-west1/latest/GCS_Text_to_BigQuery", None),
        ("gs://mine/graph", b'{"steps": []}'),
    ],
)
def test_a_flex_launch_of_a_classic_template_is_400(still_emulator: Emulator, ask: Asker, path: str, content: bytes | None) -> None:
    if content:
        still_emulator.objects.write(path, content)
    with pytest.raises(RefusedError, match="container spec") as caught:
        ask.launch_flex("wc", template=path)
    assert (caught.value.status, caught.value.error["status"]) == (400, "INVALID_ARGUMENT")
    assert len(still_emulator.jobs) == 0


@pytest.mark.parametrize(("parameters", "said"), [({}, "output: Missing"), ({"inputFile": "gs://b/i", "output": "here"}, "didn't match")])
def test_a_launch_of_the_docs_own_example_is_checked_against_its_metadata(ask: Asker, parameters: dict[str, str], said: str) -> None:
    path = "gs://dataflow-templates/latest/Word_Count"
    assert [entry["name"] for entry in ask(Template.get, gcsPath=path)["metadata"]["parameters"]] == ["inputFile", "output"]
    with pytest.raises(RefusedError, match=said):
        ask.launch("wc", template=path, parameters=parameters)


def test_the_yaml_template_has_its_metadata_in_every_region(ask: Asker) -> None:
    for bucket in ("dataflow-templates", "dataflow-templates-europe-west1"):
        reply = ask(Template.get, gcsPath=f"gs://{bucket}/latest/flex/Yaml_Template")
        assert (reply["templateType"], reply["runtimeMetadata"]["sdkInfo"]["language"]) == ("FLEX", "YAML")
        assert {"yaml_pipeline", "yaml_pipeline_file", "jinja_variables"} <= {entry["name"] for entry in reply["metadata"]["parameters"]}


@pytest.mark.parametrize("option", ["workerMachineType", "sdk_container_image", "max_num_workers", "temp_location"])
def test_a_flex_launch_takes_pipeline_options_that_its_metadata_does_not_declare(ask: Asker, option: str) -> None:
    spec = {"image": "gcr.io/p/i", "metadata": {"name": "t", "parameters": [{"name": "rate", "isOptional": True}]}}
    launch = {"jobName": "wc", "containerSpec": spec, "parameters": {option: "1"}}
    assert ask(FlexTemplate.launch, {"launchParameter": launch})["job"]["name"] == "wc"
    with pytest.raises(RefusedError, match="rote: Unrecognized parameter"):
        ask(FlexTemplate.launch, {"launchParameter": {**launch, "jobName": "other", "parameters": {"rote": "1"}}})


# tokens

IMPERSONATE = "v1/projects/-/serviceAccounts/other@p.iam.gserviceaccount.com:generateAccessToken"


@pytest.mark.parametrize("lifetime", ["1h", "3600", 3600, "-5s", "0s", "99999999s", None, [], "\uff15s"])
def test_a_bad_lifetime_of_an_impersonated_token_is_400(emulator: Emulator, lifetime: Any) -> None:
    assert "lifetime" in refused(post(emulator, IMPERSONATE, json.dumps({"scope": ["x"], "lifetime": lifetime}).encode()))


@pytest.mark.parametrize("assertion", ["", "a.b.c", "W10.W10.W10", "\ud800", "x" * 100_000])
def test_an_assertion_that_is_no_jwt_is_an_invalid_grant(emulator: Emulator, assertion: str) -> None:
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion.encode("utf-8", "surrogatepass")}
    response = requests.post(f"{emulator.url}/token", data=form, timeout=60)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


# what another process tells the emulator


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("faults", {"status": "x"}),
        ("faults", {"status": 500, "delay": "long"}),
        ("faults", {"status": 500, "headers": {"A": "b\r\nc"}}),
        ("faults", {"status": 500, "headers": {"A": 5}}),
        ("faults", {"status": 429, "details": "RATE_LIMIT_EXCEEDED"}),
        ("faults", {"status": 429, "details": [{"reason": "RATE_LIMIT_EXCEEDED"}]}),
        ("scripts", {"steps": 5}),
        ("scripts", {"steps": [[0]]}),
        ("scripts", {"steps": [["0", "JOB_STATE_DONE"]]}),
        ("scripts", {"steps": [[0, {"message": 5}]]}),
        ("scripts", {"steps": [[0, {"message": "m", "importance": "LOUD"}]]}),
        ("scripts", {"steps": [[0, {"metrics": [{}]}]]}),
        ("scripts", {"steps": [[0, {"stages": [{"state": "EXECUTION_STATE_RUNNING"}]}]]}),
        ("scripts", {"steps": [[0, {"describe": {"id": 5}}]]}),
        ("clock", {"advance": 1e300}),
        ("clock", {"advance": "5"}),
        ("jobs/state", {"job": "none", "state": "JOB_STATE_DOEN"}),
        ("settings", {"page_size": 0}),
        ("settings", {"page_size": 0.5}),
        ("settings", {"failed_locations": 5}),
        ("wave/scripts", {"nodes": [5]}),
        ("wave/scripts", {"seconds": -1}),
        ("wave/scripts", {"wait": "x"}),
        ("wave/assets", {"kind": "nothing", "label": "x"}),
        ("wave/assets", {"kind": "recipe", "label": 5}),
        ("wave/settings", {"api_requests": "many"}),
        ("wave/jobs/status", {"job": "x", "status": "Success"}),
    ],
)
def test_a_mistake_of_a_test_is_400_and_says_what_is_wrong(still_emulator: Emulator, call: str, body: Any) -> None:
    before = requests.get(f"{still_emulator.url}/_emulator/scripts", timeout=60).json()
    response = requests.post(f"{still_emulator.url}/_emulator/{call}", json=body, timeout=60)
    assert (response.status_code, bool(response.json()["error"])) == (400, True)
    assert requests.get(f"{still_emulator.url}/_emulator/scripts", timeout=60).json() == before
    assert list(still_emulator.faults) == []


def test_the_emulator_is_called_localhost_as_beam_wants_it(emulator: Emulator) -> None:
    assert emulator.url.startswith("http://localhost:")
    google = json.loads(emulator.connections()["AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT"])
    assert google["extra"]["dataflow_endpoint"] == emulator.url


@pytest.mark.parametrize("field", ["createdFromSnapshotId", "stepsLocation", "clientRequestId", "replaceJobId", "location"])
def test_an_empty_field_of_a_new_job_is_one_that_is_not_given(ask: Asker, field: str) -> None:
    steps = [{"kind": "ParallelRead", "name": "s1", "properties": {}}]
    empty = {field: "", "type": 0, "transformNameMapping": {}, "requestedState": "JOB_STATE_UNKNOWN"}
    jobs = [ask.job(ask(Job.create, {"name": name, "steps": steps, **empty})) for name in ("a", "b")]
    assert [job["name"] for job in jobs] == ["a", "b"]
    ask(Job.create, {"name": "c", "steps": [], "stepsLocation": "gs://b/steps.json"})


def test_an_empty_field_of_a_launch_is_one_that_is_not_given(ask: Asker) -> None:
    spec = {"image": "i", "sdkInfo": {"language": "PYTHON"}, "defaultEnvironment": {"machineType": "n2-standard-2"}}
    launch = {"jobName": "flex", "containerSpec": spec, "containerSpecGcsPath": "", "environment": {"machineType": "", "tempLocation": ""}}
    job = ask(FlexTemplate.launch, {"launchParameter": launch})["job"]
    assert ask.job(job, view="JOB_VIEW_ALL")["environment"]["workerPools"][0]["machineType"] == "n2-standard-2"


def test_a_requested_state_of_zero_is_none(ask: Asker, clock: ManualClock) -> None:
    job = ask(Job.create, {"name": "stream", "type": "JOB_TYPE_STREAMING"})
    clock.advance(10)
    changes = {"requestedState": "JOB_STATE_UNKNOWN", "runtimeUpdatableParams": {"maxNumWorkers": 5}}
    changed = ask(Job.update, changes, jobId=job["id"], updateMask="runtimeUpdatableParams.maxNumWorkers")
    assert changed["runtimeUpdatableParams"] == {"maxNumWorkers": 5}


def test_a_text_of_a_zero_is_no_default(ask: Asker, clock: ManualClock) -> None:
    job = ask(Job.create, {"name": "stream", "type": "JOB_TYPE_STREAMING"})
    clock.advance(10)
    assert ask(Job.snapshot, {"description": "0"}, jobId=job["id"])["description"] == "0"


@pytest.mark.parametrize(("number", "read"), [(b"3.0", 3), (b"1e2", 100), (b"30.0e-1", 3), (b'"3"', 3)])
def test_a_whole_number_may_be_written_as_json_does(emulator: Emulator, number: bytes, read: int) -> None:
    body = b'{"jobName": "wc", "environment": {"numWorkers": ' + number + b"}}"
    assert post(emulator, LAUNCH, body).status_code == 200
    assert emulator.jobs.by_name("wc")[0]["environment"]["workerPools"][0]["numWorkers"] == read
