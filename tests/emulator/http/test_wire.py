"""Bad input, tokens, faults, and the forms in which Google's clients write requests."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import proto
import pytest
import requests
from google.auth.transport.requests import AuthorizedSession
from google.cloud import dataflow_v1beta3
from google.oauth2 import service_account
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.emulator import Emulator, Fault, UnusedFaultsError
from airflow_dataflow_ext.emulator.dataflow.partial import parse, select
from airflow_dataflow_ext.emulator.dataflow.schema import document, read_body
from airflow_dataflow_ext.emulator.http.errors import ApiError
from tests.asking import Asker

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
BASE = "v1b3/projects/a-project/locations/us-central1"


def send(emulator: Emulator, verb: str, path: str, **how: Any) -> requests.Response:
    return requests.request(verb, f"{emulator.url}/{path}", timeout=60, **how)


@pytest.mark.parametrize(
    ("verb", "path", "how", "status", "text"),
    [
        ("POST", f"{BASE}/templates:launch?gcsPath=gs://b/t", {"data": b"{"}, 400, "Invalid JSON payload"),
        ("POST", f"{BASE}/templates:launch?gcsPath=gs://b/t", {"data": b"\xff\xfe"}, 400, "Invalid JSON payload"),
        ("POST", f"{BASE}/templates:launch?gcsPath=gs://b/t", {"json": []}, 400, "LaunchTemplateParameters"),
        ("POST", f"{BASE}/templates:launch?gcsPath=gs://b/t", {"json": {"jobname": "x"}}, 400, 'Unknown name "jobname"'),
        ("POST", f"{BASE}/templates:launch?gcsPath=gs://b/t", {"json": {"jobName": "x", "parameters": {"n": 5}}}, 400, "parameters[n]"),
        ("POST", f"{BASE}/templates:launch?gcsPath=gs://b/t", {"json": {"jobName": "x", "update": "yes"}}, 400, "update"),
        ("POST", f"{BASE}/flexTemplates:launch", {"json": {"launchParameter": {"jobName": "x", "nope": 1}}}, 400, "launchParameter"),
        ("POST", f"{BASE}/templates:launch", {"json": {"jobName": "x"}}, 400, "gcsPath"),
        ("GET", f"{BASE}/jobs?nope=1", {}, 400, 'Unknown name "nope"'),
        ("GET", f"{BASE}/jobs?pageSize=many", {}, 400, "pageSize"),
        ("GET", f"{BASE}/jobs?filter=SOME", {}, 400, "filter"),
        ("GET", f"{BASE}/jobs?createTimeRange.startTime=today", {}, 400, "createTimeRange"),
        ("GET", f"{BASE}/jobs?alt=media", {}, 400, "alt"),
        ("GET", f"{BASE}/jobs?fields=jobs(", {}, 400, "field selection"),
        ("GET", f"{BASE}/jobs/none", {}, 404, "none"),
        ("GET", "v1b3/projects/a-project/nothing", {}, 404, "not found"),
        ("GET", "", {}, 404, "not found"),
        ("DELETE", f"{BASE}/jobs/x", {}, 404, "not found"),
    ],
)
def test_bad_input_is_refused_in_googles_envelope_and_changes_nothing(
    emulator: Emulator, verb: str, path: str, how: dict[str, Any], status: int, text: str
) -> None:
    response = send(emulator, verb, path, **how)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, status)
    assert text in error["message"]
    assert error["message"][0] == "("
    assert error["message"][17:20] == "): "
    assert error["errors"][0]["message"] == error["message"]
    assert len(emulator.jobs) == 0


def test_a_body_of_more_than_20_megabytes_is_refused(emulator: Emulator) -> None:
    response = send(emulator, "POST", f"{BASE}/jobs", data=b" " * (21 * 1024 * 1024))
    assert response.status_code == 400
    assert "size" in response.json()["error"]["message"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
schema_names = st.sampled_from(["LaunchTemplateParameters", "LaunchFlexTemplateRequest", "Job", "CreateJobFromTemplateRequest"])


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A schema and a body whose names are right and whose values are anything."""
    schema = draw(schema_names)
    names = sorted(document()["schemas"][schema]["properties"])
    return schema, draw(st.dictionaries(st.sampled_from(names), json_values, max_size=4))


@given(bodies())
@settings(max_examples=200, deadline=None)
def test_any_body_is_read_or_refused(case: tuple[str, dict[str, Any]]) -> None:
    schema, body = case
    read: dict[str, Any] | None = None
    with contextlib.suppress(ApiError):
        read = read_body(schema, body)
    assert read is None or read_body(schema, read) == read


@given(
    st.dictionaries(st.sampled_from(["jobName", "parameters", "environment", "update", "transformNameMapping"]), json_values, max_size=4)
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_makes_the_emulator_fail(emulator: Emulator, body: dict[str, Any]) -> None:
    before = len(emulator.jobs)
    sent = json.dumps(body).encode()  # Infinity too, which requests would refuse
    response = send(emulator, "POST", f"{BASE}/templates:launch?gcsPath=gs://b/t", data=sent)
    assert response.status_code in (200, 400, 404, 409)
    assert len(emulator.jobs) == before + (response.status_code == 200)


def test_bodies_and_query_names_may_be_in_snake_case(emulator: Emulator) -> None:
    body = {"launch_parameter": {"job_name": "snake", "container_spec_gcs_path": "gs://b/f", "parameters": {"yaml_pipeline": "x"}}}
    job = send(emulator, "POST", f"{BASE}/flexTemplates:launch", json=body).json()["job"]
    assert emulator.jobs.all()[0]["parameters"] == {"yaml_pipeline": "x"}
    listed = send(emulator, "GET", f"{BASE}/jobs?page_size=1").json()["jobs"]
    assert listed[0]["id"] == job["id"]


@pytest.mark.parametrize(
    ("schema", "field", "enum"),
    [
        ("Job", "currentState", dataflow_v1beta3.JobState),
        ("Job", "type", dataflow_v1beta3.JobType),
        ("JobMessage", "messageImportance", dataflow_v1beta3.JobMessageImportance),
        ("RuntimeEnvironment", "ipConfiguration", dataflow_v1beta3.WorkerIPAddressConfiguration),
        ("Snapshot", "state", dataflow_v1beta3.SnapshotState),
        ("Environment", "flexResourceSchedulingGoal", dataflow_v1beta3.FlexResourceSchedulingGoal),
    ],
)
def test_enums_may_be_numbers_with_the_values_of_googles_client(schema: str, field: str, enum: type[proto.Enum]) -> None:
    for member in enum:
        for written in (member.value, member.name):
            assert read_body(schema, {field: written}) == ({field: member.name} if member.value else {})


def test_a_number_of_64_bits_may_come_as_text_or_number() -> None:
    for given_value in (7, "7"):
        assert read_body("WorkItemStatus", {"reportIndex": given_value}) == {"reportIndex": "7"}
    with pytest.raises(ApiError):
        read_body("WorkItemStatus", {"reportIndex": 2**70})


def test_a_part_of_a_reply_can_be_asked_for(emulator: Emulator) -> None:
    Asker(emulator.url, project="a-project").launch("wc")
    reply = send(emulator, "GET", f"{BASE}/jobs?fields=jobs(name,type),nextPageToken").json()
    assert reply == {"jobs": [{"name": "wc", "type": "JOB_TYPE_BATCH"}]}
    dotted = send(emulator, "GET", f"{BASE}/jobs?fields=jobs.name,nextPageToken").json()
    assert dotted == {"jobs": [{"name": "wc"}]}
    snake = send(emulator, "GET", f"{BASE}/jobs?fields=jobs(project_id)").json()
    assert snake == {"jobs": [{"projectId": "a-project"}]}


def test_a_selection_of_fields_is_a_union_with_wildcards() -> None:
    assert select(parse("a/b,c(d/e)"), {"a": {"b": 1, "x": 2}, "c": [{"d": {"e": 1, "f": 2}}], "g": 0}) == {
        "a": {"b": 1},
        "c": [{"d": {"e": 1}}],
    }
    page = {"m": {"x": {"t": 1, "u": 2}, "y": {"t": 3}}, "n": [{"t": 4, "v": 5}]}
    assert select(parse("m/*/t"), page) == {"m": {"x": {"t": 1}, "y": {"t": 3}}}
    assert select(parse("*/t,m/x"), page) == {"m": {"x": {"t": 1, "u": 2}}, "n": [{"t": 4}]}
    for everything in ("m,m/x/t", "m/x/t,m", "m(*)", "m/*"):
        assert select(parse(everything), page) == {"m": page["m"]}


@pytest.mark.parametrize(
    "fields",
    [
        "nope",
        "jobs/nope",
        "jobs(id,environment(workerPools(nope)))",
        "jobs/id/nope",
        "JOBS",
        "jobs()",
        "jobs/",
        "/jobs",
        "jobs(id name)",
        "jobs,,",
    ],
)
def test_a_selection_of_fields_that_a_reply_cannot_have_is_refused(emulator: Emulator, fields: str) -> None:
    response = send(
        emulator, "POST", f"{BASE}/templates:launch?gcsPath=gs://b/t&fields={fields.replace('jobs', 'job')}", json={"jobName": "wc"}
    )
    assert (response.status_code, len(emulator.jobs)) == (400, 0)
    assert "Invalid field selection" in response.json()["error"]["message"]


@pytest.mark.parametrize("fields", ["jobs(labels/team)", "jobs/*/options", "jobs(steps/properties/x)", "*", "jobs(id),"])
def test_a_selection_of_fields_that_a_reply_can_have_is_taken(emulator: Emulator, fields: str) -> None:
    assert send(emulator, "GET", f"{BASE}/jobs?fields={fields}").json() == {}


def test_the_parameters_of_all_methods_may_begin_with_a_dollar_sign(emulator: Emulator) -> None:
    Asker(emulator.url, project="a-project").launch("wc")
    common = "$fields=jobs/name&$.xgafv=2&$alt=json;enum-encoding=int&$prettyPrint=false&quotaUser=me"
    assert send(emulator, "GET", f"{BASE}/jobs?{common}").json() == {"jobs": [{"name": "wc"}]}
    for wrong in ("$alt=proto", "alt=JSON", "$.xgafv=3", "prettyPrint=x", "$nope=1"):
        assert send(emulator, "GET", f"{BASE}/jobs?{wrong}").status_code == 400


# tokens


def session(emulator: Emulator) -> AuthorizedSession:
    credentials = service_account.Credentials.from_service_account_info(emulator.service_account_key(), scopes=SCOPES)
    return AuthorizedSession(credentials)


@pytest.mark.parametrize("auth", ["optional", "required", "off"])
def test_google_auth_gets_a_token_with_the_emulators_key(auth: str) -> None:
    with Emulator(auth=auth) as emulator:
        response = session(emulator).get(f"{emulator.url}/{BASE}/jobs")
        assert (response.status_code, response.json()) == (200, {})
        assert emulator.requests.counts["oauth.token"] == 1


@pytest.mark.parametrize(("auth", "without", "with_a_bad_one"), [("optional", 200, 401), ("required", 401, 401), ("off", 200, 200)])
def test_how_calls_without_a_token_and_with_a_bad_one_fare(auth: str, without: int, with_a_bad_one: int) -> None:
    with Emulator(auth=auth) as emulator:
        assert send(emulator, "GET", f"{BASE}/jobs").status_code == without
        bad = send(emulator, "GET", f"{BASE}/jobs", headers={"Authorization": "Bearer bad"})
        assert bad.status_code == with_a_bad_one
        if with_a_bad_one == 401:
            assert bad.json()["error"]["status"] == "UNAUTHENTICATED"


def test_a_token_comes_after_its_scheme_in_any_case_or_in_the_query() -> None:
    with Emulator(auth="required") as emulator:
        token = emulator.tokens.issue()
        for scheme in ("Bearer", "bearer", "BEARER"):
            assert send(emulator, "GET", f"{BASE}/jobs", headers={"Authorization": f"{scheme} {token}"}).status_code == 200
        for name in ("access_token", "oauth_token"):
            assert send(emulator, "GET", f"{BASE}/jobs?{name}={token}").status_code == 200
            assert send(emulator, "GET", f"{BASE}/jobs?{name}=bad").status_code == 401


@pytest.mark.parametrize("auth", ["optional", "required"])
@pytest.mark.parametrize("header", ["{}", "Basic {}", "Bearer{}", "Token {}", "Bearer"])
def test_a_token_without_its_scheme_is_none(auth: str, header: str) -> None:
    with Emulator(auth=auth) as emulator:
        authorization = header.format(emulator.tokens.issue())
        assert send(emulator, "GET", f"{BASE}/jobs", headers={"Authorization": authorization}).status_code == 401
        session_id = header.format(emulator.wave.sessions.issue())
        runs = send(emulator, "GET", "services/data/v59.0/wave/dataflowjobs", headers={"Authorization": session_id})
        assert (runs.status_code, runs.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")


def test_an_expired_token_is_401_and_google_auth_gets_another(emulator: Emulator) -> None:
    client = session(emulator)
    url = f"{emulator.url}/{BASE}/jobs"
    assert client.get(url).status_code == 200
    token = client.credentials.token
    assert emulator.tokens.expire() == 1
    assert send(emulator, "GET", f"{BASE}/jobs", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert client.get(url).status_code == 200
    assert client.credentials.token != token


def test_tokens_live_as_long_as_they_say() -> None:
    with Emulator(auth="required", token_lifetime=0) as emulator:
        assert send(emulator, "GET", f"{BASE}/jobs", headers={"Authorization": f"Bearer {emulator.tokens.issue()}"}).status_code == 401


def test_a_strangers_key_gets_no_token(emulator: Emulator) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    info = {**emulator.service_account_key(), "private_key": key.private_bytes(*form).decode()}
    credentials = service_account.Credentials.from_service_account_info(info, scopes=SCOPES)
    with pytest.raises(Exception, match="invalid_grant"):
        AuthorizedSession(credentials).get(f"{emulator.url}/{BASE}/jobs")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
        ({}, "unsupported"),
    ],
)
def test_a_wrong_question_for_a_token_is_refused_in_oauths_form(emulator: Emulator, form: dict[str, str], error: str) -> None:
    response = send(emulator, "POST", "token", data=form)
    assert response.status_code == 400
    assert error in response.json()["error"]


def test_a_token_of_an_impersonated_account_is_good(emulator: Emulator) -> None:
    path = "v1/projects/-/serviceAccounts/other@p.iam.gserviceaccount.com:generateAccessToken"
    reply = session(emulator).post(f"{emulator.url}/{path}", json={"scope": SCOPES, "lifetime": "60s"}).json()
    header = {"Authorization": f"Bearer {reply['accessToken']}"}
    assert send(emulator, "GET", f"{BASE}/jobs", headers=header).status_code == 200
    assert reply["expireTime"].endswith("Z")


def test_the_key_outlives_a_restart(tmp_path: Any) -> None:
    keys = []
    for _ in range(2):
        with Emulator(data=tmp_path) as emulator:
            keys.append(emulator.service_account_key()["private_key"])
    assert keys[0] == keys[1]
    assert (tmp_path / "service-account.json").stat().st_mode & 0o077 == 0


# faults


def launch(emulator: Emulator) -> requests.Response:
    return send(emulator, "POST", f"{BASE}/templates:launch?gcsPath=gs://b/t", json={"jobName": "wc"})


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 403])
def test_a_status_fault_does_nothing_and_answers_so(emulator: Emulator, status: int) -> None:
    emulator.faults.add("templates.launch", status=status, reason="rateLimitExceeded", headers={"Retry-After": "3"})
    response = launch(emulator)
    assert (response.status_code, response.headers["Retry-After"]) == (status, "3")
    assert response.json()["error"]["errors"][0]["reason"] == "rateLimitExceeded"
    assert len(emulator.jobs) == 0
    assert launch(emulator).status_code == 200


@pytest.mark.parametrize(("fault", "jobs"), [({"reset": True}, 0), ({"lost": True}, 1)])
def test_a_reset_comes_before_the_effect_and_a_lost_reply_after(emulator: Emulator, fault: dict[str, Any], jobs: int) -> None:
    emulator.faults.add("templates.launch", **fault)
    with pytest.raises(requests.ConnectionError):
        launch(emulator)
    assert len(emulator.jobs) == jobs
    assert emulator.requests.of("templates.launch")[0].status == 0


def test_a_body_can_be_cut_in_two_ways(emulator: Emulator) -> None:
    launch(emulator)
    emulator.faults.add("jobs.list", cut="length")
    emulator.faults.add("jobs.list", cut="json")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        send(emulator, "GET", f"{BASE}/jobs")
    garbled = send(emulator, "GET", f"{BASE}/jobs")
    assert garbled.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
        garbled.json()


def test_an_expired_fault_is_a_401(emulator: Emulator) -> None:
    emulator.faults.add("jobs.*", expired=True)
    assert send(emulator, "GET", f"{BASE}/jobs").status_code == 401
    assert send(emulator, "GET", f"{BASE}/jobs").status_code == 200


def test_a_delay_lets_a_client_time_out_and_the_emulator_go_on(emulator: Emulator) -> None:
    emulator.faults.add("jobs.list", delay=120)
    with pytest.raises(requests.Timeout):
        requests.get(f"{emulator.url}/{BASE}/jobs", timeout=0.1)
    assert send(emulator, "GET", f"{BASE}/jobs").status_code == 200


def test_the_token_endpoint_can_fail_too(emulator: Emulator) -> None:
    emulator.faults.add("oauth.token", status=500, times=1)
    assert session(emulator).get(f"{emulator.url}/{BASE}/jobs").status_code == 200
    assert [entry.status for entry in emulator.requests.of("oauth.token")] == [500, 200]


def test_a_fault_skips_repeats_and_picks_its_job() -> None:
    fault = Fault(method="jobs.get", status=500, skip=1, times=2, job="wc-*")
    asked = [("jobs.get", "wc-1"), ("jobs.get", "other"), ("jobs.list", "wc-1"), *[("jobs.get", "wc-1")] * 3]
    assert [fault.strikes(method, lambda name=name: name) for method, name in asked] == [False, False, False, True, True, False]
    assert fault.is_used


def test_a_fault_with_a_probability_repeats_itself_with_its_seed() -> None:
    def draw() -> list[bool]:
        fault = Fault(status=500, times=None, probability=0.3, seed=4)
        return [fault.strikes("jobs.get", str) for _ in range(50)]

    assert draw() == draw()
    assert 5 < sum(draw()) < 25


def test_a_fault_matches_the_job_of_a_path_and_of_a_body(emulator: Emulator) -> None:
    emulator.faults.add("templates.launch", status=500, job="wc")
    assert launch(emulator).status_code == 500
    job = launch(emulator).json()["job"]["id"]
    emulator.faults.add("jobs.get", status=500, job="wc")
    assert send(emulator, "GET", f"{BASE}/jobs/{job}").status_code == 500


@pytest.mark.parametrize("wrong", [{}, {"status": 200}, {"status": 500, "reset": True}, {"cut": "half"}])
def test_a_fault_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"exactly one|between|cut must"):
        Fault(**wrong)


def test_an_unused_fault_fails_the_test_that_set_it() -> None:
    emulator = Emulator(strict_faults=True).start()
    emulator.faults.add("jobs.get", status=500)
    emulator.faults.add("jobs.list", status=500)
    send(emulator, "GET", f"{BASE}/jobs")
    with pytest.raises(UnusedFaultsError, match=r"^1 fault.*jobs\.get"):
        emulator.close()


def test_an_error_of_the_test_itself_is_not_hidden_by_unused_faults() -> None:
    emulator = Emulator(strict_faults=True)

    def a_test_that_fails() -> None:
        with emulator:
            emulator.faults.add("jobs.get", status=500)
            raise KeyError("the test's own")

    with pytest.raises(KeyError):
        a_test_that_fails()


def test_requests_are_logged_without_tokens(emulator: Emulator) -> None:
    session(emulator).get(f"{emulator.url}/{BASE}/jobs?pageSize=1")
    launch(emulator)
    assert emulator.requests.counts == {"oauth.token": 1, "jobs.list": 1, "templates.launch": 1}
    entry = emulator.requests.of("templates.launch")[0]
    assert (entry.status, entry.body, entry.query) == (200, {"jobName": "wc"}, {"gcsPath": "gs://b/t"})
    assert "ya29" not in str(list(emulator.requests))
    assert Job.list.id == emulator.requests.of("jobs.list")[0].method
