"""Tests of the hook: its verbs, and what it takes from the connection."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google.auth
import pytest
from google.auth.exceptions import DefaultCredentialsError

from airflow_dataflow_ext.api.dataflow.methods import Job, Template
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import (
    InvalidInputError,
    JobError,
    NoAnswerError,
    NotAuthenticatedError,
    NotFoundError,
    PermissionDeniedError,
)
from airflow_dataflow_ext.emulator import Autoscaling, Emulator, JobMessage, Metrics, Stages
from airflow_dataflow_ext.emulator.google.oauth import PROJECT
from tests.airflow_task import SDK
from tests.hooks.conftest import Use

if TYPE_CHECKING:
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

STREAM = [
    (0, "JOB_STATE_RUNNING"),
    (0, JobMessage("It runs.")),
    (0, JobMessage("A detail.", "JOB_MESSAGE_DETAILED")),
    (0, Autoscaling("Worker pool started.", 1, 2)),
    (0, Stages([{"stageId": "F1", "state": "EXECUTION_STATE_RUNNING"}])),
    (0, Metrics([{"name": {"origin": "user", "name": "lines"}, "scalar": 7}])),
]
FLEX = {"launchParameter": {"jobName": "flex", "containerSpecGcsPath": "gs://b/f.json"}}


def make_hook(**arguments: Any) -> DataflowHook:
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    return DataflowHook(**arguments)


@pytest.fixture
def job_id(emulator: Emulator, hook: DataflowHook) -> str:
    """A streaming job that runs and ends as soon as it is stopped."""
    stops = {"on_cancel": [(0, "JOB_STATE_CANCELLED")], "on_drain": [(0, "JOB_STATE_DRAINED")]}
    emulator.scripts.play("stream*", STREAM, type="JOB_TYPE_STREAMING", **stops)
    return str(hook.launch_template("gs://b/t", "stream")["id"])


def test_a_classic_template_is_launched(emulator: Emulator, hook: DataflowHook, use: Use) -> None:
    job = use(hook.launch_template, "gs://b/t", "wc", {"n": 1}, {"maxWorkers": 2})
    (entry,) = emulator.jobs.all()
    assert (entry["job"]["id"], entry["parameters"], entry["environment"]["maxWorkers"]) == (job["id"], {"n": "1"}, 2)
    assert job["name"].startswith("wc-")


def test_a_flex_template_is_launched_under_the_exact_name(emulator: Emulator, hook: DataflowHook, use: Use) -> None:
    job = use(hook.launch_flex_template, FLEX, append_job_name=False)
    assert [job["name"] for job in emulator.jobs.by_name("flex")] == [job["name"]] == ["flex"]


def test_two_launches_are_two_jobs(emulator: Emulator, hook: DataflowHook, use: Use) -> None:
    assert use(hook.launch_template, "gs://b/t", "wc")["id"] != use(hook.launch_template, "gs://b/t", "wc")["id"]


def test_a_launch_whose_answer_is_lost_is_one_job(emulator: Emulator, hook: DataflowHook, use: Use) -> None:
    emulator.faults.add("templates.launch", lost=True)
    job = use(hook.launch_template, "gs://b/t", "wc")
    assert [entry["job"]["id"] for entry in emulator.jobs.all()] == [job["id"]]


def test_a_job_is_read_in_a_view(hook: DataflowHook, job_id: str, use: Use) -> None:
    assert use(hook.get_job, job_id)["currentState"] == "JOB_STATE_RUNNING"
    assert "labels" not in use(hook.get_job, job_id)
    assert "airflow-launch" in use(hook.get_job, job_id, view="JOB_VIEW_DESCRIPTION")["labels"]


def test_jobs_are_listed_by_name_and_filter(hook: DataflowHook, job_id: str, use: Use) -> None:
    name = use(hook.get_job, job_id)["name"]
    assert [job["id"] for job in use(hook.list_jobs, name=name, filter="ACTIVE")] == [job_id]
    assert use(hook.list_jobs, name=name, filter="TERMINATED") == []
    assert use(hook.list_jobs, name="other") == []


def test_a_list_stops_at_its_limit(emulator: Emulator, hook: DataflowHook, use: Use) -> None:
    emulator.settings.page_size = 2
    for _ in range(5):
        hook.launch_template("gs://b/t", "wc")
    assert len(use(hook.list_jobs)) == 5
    assert len(use(hook.list_jobs, limit=3)) == 3
    assert len(use(hook.list_jobs, limit="3")) == 3


@pytest.mark.parametrize("limit", ["some", -1, 2.5, True])
def test_a_limit_that_is_no_number_is_refused_by_name(hook: DataflowHook, use: Use, limit: object) -> None:
    with pytest.raises(InvalidInputError, match=r"^limit must be "):
        use(hook.list_jobs, limit=limit)


def test_a_wait_gives_the_job(emulator: Emulator, hook: DataflowHook, use: Use) -> None:
    emulator.scripts.play("done*", [(0, "JOB_STATE_DONE")])
    job = hook.launch_template("gs://b/t", "done")
    assert use(hook.wait, job["id"])["currentState"] == "JOB_STATE_DONE"


def test_a_wait_for_a_state_ends_there(hook: DataflowHook, job_id: str, use: Use) -> None:
    assert use(hook.wait, job_id, expected_states=["JOB_STATE_RUNNING"])["id"] == job_id


def test_a_wait_may_be_for_one_state(hook: DataflowHook, job_id: str, use: Use) -> None:
    assert use(hook.wait, job_id, expected_states="JOB_STATE_RUNNING")["id"] == job_id


@pytest.mark.parametrize("path", ["https://storage.googleapis.com/b/t", "gs://b/t/", "b/t"])
def test_the_metadata_of_what_is_no_template_is_not_asked_for(hook: DataflowHook, path: str) -> None:
    with pytest.raises(InvalidInputError, match="the template must be a gs://bucket/object path"):
        hook.template_metadata(path)


def test_a_wait_for_a_job_that_fails_says_why(emulator: Emulator, hook: DataflowHook, use: Use) -> None:
    emulator.scripts.play("bad*", [(0, JobMessage("Boom.", "JOB_MESSAGE_ERROR")), (0, "JOB_STATE_FAILED")])
    job = hook.launch_template("gs://b/t", "bad")
    with pytest.raises(JobError, match=r"ended as JOB_STATE_FAILED: Boom\."):
        use(hook.wait, job["id"])


def test_a_job_is_cancelled_to_its_end(hook: DataflowHook, job_id: str, use: Use) -> None:
    assert use(hook.cancel, job_id, poll_sleep=0.05)["currentState"] == "JOB_STATE_CANCELLED"


@pytest.mark.parametrize("verb", ["cancel", "drain"])
@pytest.mark.parametrize("pause", ["some", -1, 0, None])
def test_a_wrong_pause_is_refused_by_name_before_the_job_is_stopped(hook: DataflowHook, job_id: str, verb: str, pause: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^poll_sleep must be "):
        getattr(hook, verb)(job_id, poll_sleep=pause)
    assert hook.get_job(job_id)["currentState"] == "JOB_STATE_RUNNING"


@pytest.mark.parametrize("wait_for", ["some", -1, None])
def test_a_wrong_time_to_wait_is_refused_by_name_before_the_job_is_stopped(hook: DataflowHook, job_id: str, wait_for: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^wait_for must be "):
        hook.cancel(job_id, wait_for=wait_for)
    assert hook.get_job(job_id)["currentState"] == "JOB_STATE_RUNNING"


def test_a_job_is_drained_to_its_end(hook: DataflowHook, job_id: str, use: Use) -> None:
    assert use(hook.drain, job_id, poll_sleep=0.05)["currentState"] == "JOB_STATE_DRAINED"


def test_draining_a_job_that_waits_in_the_queue_cancels_it(emulator: Emulator, hook: DataflowHook, use: Use) -> None:
    emulator.scripts.play("flex*", [(3600, "JOB_STATE_RUNNING")], on_cancel=[], type="JOB_TYPE_STREAMING")
    job = hook.launch_flex_template(FLEX)
    assert use(hook.drain, job["id"], poll_sleep=0.05)["currentState"] == "JOB_STATE_CANCELLED"


def test_a_running_job_is_scaled(hook: DataflowHook, job_id: str, use: Use) -> None:
    mask = "runtime_updatable_params.min_num_workers,runtime_updatable_params.max_num_workers"
    use(hook.update_job, job_id, {"runtimeUpdatableParams": {"minNumWorkers": 2, "maxNumWorkers": 5}}, update_mask=mask)
    assert hook.get_job(job_id, view="JOB_VIEW_ALL")["runtimeUpdatableParams"] == {"minNumWorkers": 2, "maxNumWorkers": 5}


def test_messages_come_by_importance_and_time(hook: DataflowHook, job_id: str, use: Use) -> None:
    assert [message["messageText"] for message in use(hook.messages, job_id)] == ["It runs."]
    detailed = use(hook.messages, job_id, minimum_importance="JOB_MESSAGE_DETAILED")
    assert [message["messageText"] for message in detailed] == ["It runs.", "A detail."]
    assert use(hook.messages, job_id, start_time="2999-01-01T00:00:00Z") == []


def test_a_job_tells_how_it_scales_what_it_counts_and_where_it_is(hook: DataflowHook, job_id: str, use: Use) -> None:
    assert [event["targetNumWorkers"] for event in use(hook.autoscaling_events, job_id)] == ["2"]
    assert {metric["name"]["name"]: metric["scalar"] for metric in use(hook.metrics, job_id)} == {"lines": 7}
    assert [stage["stageId"] for stage in use(hook.execution_details, job_id)] == ["F1"]
    assert len(use(hook.stage_execution_details, job_id, "F1")) == 1


def test_a_template_tells_its_parameters(emulator: Emulator, hook: DataflowHook, use: Use) -> None:
    emulator.objects.write("gs://b/t_metadata", json.dumps({"name": "Word Count"}).encode())
    assert use(hook.template_metadata, "gs://b/t")["metadata"]["name"] == "Word Count"


def test_a_snapshot_is_taken_read_listed_and_deleted(hook: DataflowHook, job_id: str, use: Use) -> None:
    snapshot = use(hook.create_snapshot, job_id, ttl="3600s", description="mine", snapshot_sources=True)
    assert (snapshot["ttl"], snapshot["description"], snapshot["sourceJobId"]) == ("3600s", "mine", job_id)
    assert use(hook.get_snapshot, snapshot["id"])["id"] == snapshot["id"]
    assert [found["id"] for found in use(hook.list_snapshots)] == [snapshot["id"]]
    assert [found["id"] for found in use(hook.list_snapshots, job_id=job_id)] == [snapshot["id"]]
    use(hook.delete_snapshot, snapshot["id"])
    assert use(hook.list_snapshots) == []


def test_a_verb_can_be_a_part_of_a_longer_conversation(hook: DataflowHook, job_id: str) -> None:
    def twice() -> Any:
        first = yield from hook.get_job.conversation(job_id)
        return first, (yield from hook.get_job.conversation(job_id))

    first, second = hook.run(twice())
    assert first == second


def test_a_verb_keeps_its_name_and_its_words() -> None:
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    assert (DataflowHook.get_job.__doc__ or "").startswith("The Job.")
    assert DataflowHook.get_job.__name__ == "get_job"


@pytest.mark.parametrize("job_id", ["", None])
def test_an_empty_job_id_is_refused_before_anything_is_asked(emulator: Emulator, hook: DataflowHook, use: Use, job_id: Any) -> None:
    with pytest.raises(InvalidInputError, match="job_id must not be empty"):
        use(hook.get_job, job_id)
    assert list(emulator.requests) == []


def test_a_missing_job_is_an_error_that_names_it(hook: DataflowHook, use: Use) -> None:
    with pytest.raises(NotFoundError, match=r"jobs/no-such-job was answered 404"):
        use(hook.get_job, "no-such-job")


@pytest.mark.parametrize(
    ("extras", "where", "project", "location"),
    [
        ({}, {}, PROJECT, "us-central1"),
        ({"location": "europe-west1"}, {}, PROJECT, "europe-west1"),
        ({"location": "europe-west1", "project": "other-project"}, {}, "other-project", "europe-west1"),
        ({"location": "europe-west1"}, {"location": "asia-east1", "project_id": "my-own-project"}, "my-own-project", "asia-east1"),
        ({"project": None}, {}, PROJECT, "us-central1"),  # the key file's project
    ],
)
def test_project_and_location_are_the_arguments_then_the_connections(
    emulator: Emulator, connect: Callable[..., None], use: Use, extras: dict[str, Any], where: dict[str, str], project: str, location: str
) -> None:
    connect(**extras)
    use(make_hook().list_jobs, **where)
    assert emulator.requests.of("jobs.list")[-1].path == f"/v1b3/projects/{project}/locations/{location}/jobs"


def test_without_a_project_anywhere_the_connection_is_named(connect: Callable[..., None]) -> None:
    connect(project=None, key_path=None, is_anonymous=True)
    with pytest.raises(InvalidInputError, match="project_id is not given, and connection 'google_cloud_default' names no project"):
        make_hook().list_jobs()


def test_call_takes_another_place_too(emulator: Emulator, hook: DataflowHook, use: Use) -> None:
    use(hook.call, Job.list, projectId="my-own-project", location="asia-east1")
    assert emulator.requests.of("jobs.list")[-1].path == "/v1b3/projects/my-own-project/locations/asia-east1/jobs"


def test_the_endpoint_of_the_environment_is_taken_when_the_connection_has_none(
    emulator: Emulator, connect: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFLOW_ENDPOINT", emulator.url + "/")
    connect(dataflow_endpoint=None)
    assert make_hook().root == emulator.url


def test_the_endpoint_of_the_connection_wins(emulator: Emulator, hook: DataflowHook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFLOW_ENDPOINT", "https://elsewhere.example.com")
    assert hook.root == emulator.url


@pytest.mark.parametrize(("universe", "root"), [("", "https://dataflow.googleapis.com"), ("example.com", "https://dataflow.example.com")])
def test_without_an_endpoint_it_is_googles_of_the_universe(
    connect: Callable[..., None], monkeypatch: pytest.MonkeyPatch, universe: str, root: str
) -> None:
    monkeypatch.delenv("DATAFLOW_ENDPOINT", raising=False)
    monkeypatch.setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", universe)
    connect(dataflow_endpoint=None)
    assert make_hook().root == root


def test_an_endpoint_that_would_show_the_token_is_refused_and_named(connect: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    connect(dataflow_endpoint="http://dataflow.example.com")
    with pytest.raises(InvalidInputError, match="dataflow_endpoint of connection 'google_cloud_default': plain http"):
        make_hook().list_jobs()
    monkeypatch.setenv("DATAFLOW_ENDPOINT", "dataflow.example.com")
    connect(dataflow_endpoint=None)
    with pytest.raises(InvalidInputError, match="DATAFLOW_ENDPOINT must be an address"):
        make_hook().list_jobs()


def test_netrc_does_not_replace_the_token(hook: DataflowHook, use: Use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert use(hook.list_jobs) == []


def test_an_account_is_impersonated(emulator: Emulator, hook: DataflowHook, use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    from google.auth import iam

    monkeypatch.setattr(iam, "_IAM_ENDPOINT", emulator.url + "/v1/projects/-/serviceAccounts/{}:generateAccessToken")
    impersonating = make_hook(impersonation_chain=["delegate@example.com", "target@example.com"])
    assert use(impersonating.list_jobs) == []
    (entry,) = emulator.requests.of("iam.generateAccessToken")
    assert entry.path.endswith("/target@example.com:generateAccessToken")
    assert entry.body["delegates"] == ["delegate@example.com"]


def test_the_connection_that_the_emulator_proposes_works(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in emulator.connections().items():
        monkeypatch.setenv(name, value)
    assert make_hook().test_connection()[0]


def test_a_good_connection_tests_good(emulator: Emulator, hook: DataflowHook) -> None:
    assert hook.test_connection() == (True, f"{emulator.url} answers for project {PROJECT} in us-central1")


def test_a_refused_account_tests_bad(emulator: Emulator, hook: DataflowHook) -> None:
    emulator.faults.add("jobs.list", status=403, message="Not yours.")
    good, text = hook.test_connection()
    assert not good
    assert "Not yours. Check the roles" in text


@pytest.mark.parametrize(
    ("extras", "named"),
    [
        ({"dataflow_endpoint": "http://127.0.0.1:9"}, "nothing listens at 127.0.0.1:9"),
        ({"dataflow_endpoint": "http://example.com"}, "plain http"),
        ({"project": None, "key_path": None, "is_anonymous": True}, "names no project"),
    ],
)
def test_a_bad_connection_tests_bad_at_once(connect: Callable[..., None], extras: dict[str, Any], named: str) -> None:
    connect(**extras)
    good, text = make_hook().test_connection()
    assert not good
    assert named in text


@pytest.mark.parametrize(
    ("extras", "said"),
    [
        (
            {"key_path": "/nowhere/key.json"},
            "key_path of connection 'google_cloud_default' gives no credentials: No such file or directory: '/nowhere/key.json'",
        ),
        ({"key_path": None, "keyfile_dict": "{no json"}, "keyfile_dict of connection 'google_cloud_default' gives no credentials"),
        (
            {"key_path": None, "keyfile_dict": '{"client_email": "a@b.example", "token_uri": "http://127.0.0.1:9", "private_key": 7}'},
            "keyfile_dict of connection 'google_cloud_default' gives no credentials: it is not a service account key: it lacks private_key",
        ),
        (
            {"key_path": None, "keyfile_dict": '{"type": "service_account"}'},
            "keyfile_dict of connection 'google_cloud_default' gives no credentials",
        ),
    ],
)
def test_a_missing_or_damaged_key_is_named_with_its_connection_and_field(
    connect: Callable[..., None], use: Use, extras: dict[str, Any], said: str
) -> None:
    connect(**extras)
    with pytest.raises(InvalidInputError) as wrong:
        use(make_hook().list_jobs)
    assert str(wrong.value).startswith(said)


def test_a_connection_without_a_key_on_a_machine_without_credentials_is_named(
    connect: Callable[..., None], use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(key_path=None)
    monkeypatch.setattr(google.auth, "default", missing_credentials)
    with pytest.raises(NotAuthenticatedError, match=r"^connection 'google_cloud_default' has no key"):
        use(make_hook().list_jobs)


def missing_credentials(**facts: Any) -> None:
    raise DefaultCredentialsError("Your default credentials were not found.")


def test_a_launch_where_nothing_listens_fails_in_seconds_and_asks_for_the_emulator(
    connect: Callable[..., None], use: Use, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(budgets, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(budgets, "NOBODY_FOR", 0.1)
    key = {**emulator.service_account_key(), "token_uri": "http://127.0.0.1:9/token"}
    connect(dataflow_endpoint="http://127.0.0.1:9", key_path=None, keyfile_dict=json.dumps(key))
    with pytest.raises(NoAnswerError) as unsent:
        use(make_hook().launch_template, "gs://b/t", "wc")
    assert "was not sent: nothing listens at 127.0.0.1:9, to which connection 'google_cloud_default' leads;" in str(unsent.value)
    assert str(unsent.value).endswith("does the emulator run there?")
    assert "hecking whether the job" not in caplog.text


def test_a_launch_to_an_address_without_a_certificate_fails_in_seconds_and_says_what_to_check(
    connect: Callable[..., None], use: Use, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(budgets, "NOBODY_FOR", 0.1)
    connect(dataflow_endpoint=emulator.url.replace("http:", "https:"))
    with pytest.raises(NoAnswerError) as unsent:
        use(make_hook().launch_template, "gs://b/t", "wc")
    said = str(unsent.value)
    assert f"was not sent: no TLS with {emulator.url.removeprefix('http://')}, to which connection 'google_cloud_default' leads" in said
    assert "REQUESTS_CA_BUNDLE" in said
    assert "the address of an emulator begins with http://" in said


@pytest.mark.parametrize(
    "extras",
    [
        {"is_anonymous": "False"},
        {"is_anonymous": "false"},
        {"scope": ["https://www.googleapis.com/auth/cloud-platform"]},
        {"scope": " https://www.googleapis.com/auth/cloud-platform , "},
        {"project": f" {PROJECT} "},
        {"location": "None"},
        {"location": ""},
        {"impersonation_chain": "None"},
        {"quota_project_id": "None"},
        {"num_retries": "60"},
    ],
    ids=str,
)
def test_a_field_of_a_connection_may_be_text_in_any_form(connect: Callable[..., None], extras: dict[str, Any]) -> None:
    connect(**extras)
    assert make_hook().test_connection()[0]


def test_blanks_around_an_address_are_not_part_of_it(connect: Callable[..., None], emulator: Emulator) -> None:
    connect(dataflow_endpoint=f" {emulator.url}/ ")
    assert make_hook().root == emulator.url


def test_a_project_number_is_text(connect: Callable[..., None]) -> None:
    connect(project=123456789012)
    assert make_hook().project_of() == "123456789012"


@pytest.mark.parametrize(
    ("extras", "said"),
    [
        ({"is_anonymous": "perhaps"}, "is_anonymous of connection 'google_cloud_default' must be true or false, not 'perhaps'"),
        ({"dataflow_endpoint": 5}, "dataflow_endpoint of connection 'google_cloud_default' must be an address"),
        ({"location": "us-central1-a"}, "location of connection 'google_cloud_default' must be a region"),
    ],
)
def test_a_field_of_a_connection_that_cannot_be_read_is_named(connect: Callable[..., None], extras: dict[str, Any], said: str) -> None:
    connect(**extras)
    with pytest.raises(InvalidInputError, match=said):
        make_hook().list_jobs()


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("dataflow_endpont", "dataflow_endpoint"), ("Dataflow-Endpoint", "dataflow_endpoint"), ("locaton", "location")],
)
def test_a_misspelt_endpoint_or_location_of_a_connection_is_refused(connect: Callable[..., None], misspelt: str, meant: str) -> None:
    connect(**{"dataflow_endpoint": None, misspelt: "http://localhost:8085"})
    with pytest.raises(
        InvalidInputError, match=f"connection 'google_cloud_default' has an unknown field '{misspelt}'.*did you mean '{meant}'"
    ):
        make_hook()
    connect(**{"location": "europe-west1", "scopes": "x", "project_id": "y", misspelt: "z"})  # what is given cannot be meant
    make_hook()


@pytest.mark.parametrize(("extra", "said"), [("[1]", "not list"), ("nonsense", "Expecting value"), ("{'project': 'p'}", "double quotes")])
def test_an_extra_that_holds_no_fields_is_said_to_be_none(extra: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT", json.dumps({"conn_type": "google_cloud_platform", "extra": extra}))
    begin = "the extra of connection 'google_cloud_default' must be a JSON object.*"
    if SDK < (1, 2):  # where Airflow itself stumbles over it
        begin, said = "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT", ""
    with pytest.raises(InvalidInputError, match=f"{begin}{said}"):
        make_hook()


@pytest.mark.parametrize("broken", ['{"conn_type": ', '{"conn_typ": "http"}', '{"conn_type": "http",}'])
def test_a_variable_that_holds_no_connection_is_named(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT", broken)
    with pytest.raises(InvalidInputError, match="AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT holds no connection"):
        make_hook()


def test_a_permission_error_comes_at_once(emulator: Emulator, hook: DataflowHook, use: Use) -> None:
    emulator.faults.add("jobs.list", status=403)
    with pytest.raises(PermissionDeniedError):
        use(hook.list_jobs)


def test_a_key_that_is_not_known_is_an_error(connect: Callable[..., None], emulator: Emulator, use: Use) -> None:
    stranger = {**emulator.service_account_key(), "client_email": "stranger@example.com"}
    connect(key_path=None, keyfile_dict=json.dumps(stranger))
    with pytest.raises(NotAuthenticatedError, match="Check the key"):
        use(make_hook().list_jobs)


def test_retries_end_with_retry_for(emulator: Emulator, hook: DataflowHook, use: Use) -> None:
    emulator.faults.add("jobs.list", status=503, times=None)
    hook.retry_for = 0.5
    with pytest.raises(Exception, match="503"):
        use(hook.list_jobs)
    assert emulator.requests.counts["jobs.list"] == 1


def test_what_a_verb_is_given_is_read_in_the_types_of_its_fields(emulator: Emulator, hook: DataflowHook, job_id: str) -> None:
    scaled = {"runtimeUpdatableParams": {"minNumWorkers": "2", "maxNumWorkers": "4", "latencyTier": None}}
    mask = "runtime_updatable_params.min_num_workers,runtime_updatable_params.max_num_workers"
    assert hook.update_job(job_id, scaled, update_mask=mask)["runtimeUpdatableParams"] == {"minNumWorkers": 2, "maxNumWorkers": 4}
    assert hook.create_snapshot(job_id, ttl=timedelta(hours=1), snapshot_sources="False")["ttl"] == "3600s"
    hook.launch_template("gs://b/t", "2026_Load", "{'n': 1}", {"enableStreamingEngine": "True", "network": None})
    assert emulator.jobs.all()[-1]["environment"]["enableStreamingEngine"] is True
    body = {"jobName": "called", "parameters": {"n": 3, "none": None}, "environment": "{'maxWorkers': '2'}"}
    hook.call(Template.launch, body, gcsPath="gs://b/t")
    assert emulator.jobs.all()[-1]["parameters"] == {"n": "3"}


def test_a_verb_refuses_what_does_not_fit_and_a_zone_elsewhere(emulator: Emulator, hook: DataflowHook) -> None:
    for fields, words in (
        ({"environment": {"maxWorkers": "many"}}, "environment.maxWorkers must be a whole number"),
        ({"environment": {"zone": "europe-west1-d"}}, "no location is given"),
        ({"append_job_name": "perhaps"}, "append_job_name must be true or false"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            hook.launch_template("gs://b/t", "words", **fields)
    assert len(emulator.jobs) == 0
