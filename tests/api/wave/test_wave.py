"""CRM Analytics as data, and the conversations about its runs, without a wire."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import launch_once
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.jobs.wait import wait_for_job
from airflow_dataflow_ext.api.rest.error_mapping import error_of
from airflow_dataflow_ext.api.rest.errors import AllowanceSpentError, BusyError, InvalidInputError, LaunchError, PermissionDeniedError
from airflow_dataflow_ext.api.rest.method import Reply
from airflow_dataflow_ext.api.rest.times import rfc3339
from airflow_dataflow_ext.api.wave import lookup
from airflow_dataflow_ext.api.wave import methods as wave
from airflow_dataflow_ext.api.wave.launcher import DataflowStart, WaveLauncher
from airflow_dataflow_ext.api.wave.runs import Listing, RunRef
from airflow_dataflow_ext.api.wave.wait import RecentRuns, RunWatch
from tests.talk import RESET, Talk, ok, refused

FLOW, OTHER = "02K3h000000Mu1oEAC", "02K3h000000Mu1pEAC"
IDENTITY = LaunchIdentity(dag_id="d", run_id="r", task_id="t")
NOW = 1_000_000.0
Json = dict[str, Any]


def job(id: str, status: str = "Running", *, at: float = NOW, flow: str = FLOW, **fields: Any) -> Json:
    return {"id": id, "status": status, "createdDate": rfc3339(at), "source": {"id": flow}, **fields}


def listed(*jobs: Json) -> Json:
    return {"dataflowJobs": list(jobs), "nextPageUrl": None}


def service(version: str = "59.0", **fields: Any) -> WaveLauncher:
    return WaveLauncher(launch=DataflowStart(FLOW), watch=RunWatch(run=RunRef(version=version)), **fields)


@pytest.mark.parametrize("id", ["02K3h000000Mu1oEAC", "03C3h000002pSSeEAM", "0303h000002AYy9AAG", "03L3h00000BvN7cEAF"])
def test_the_short_form_of_an_id_is_completed(id: str) -> None:
    assert wave.full_id(id[:15]) == wave.full_id(id) == id


@pytest.mark.parametrize("id", ["", "02K", "02K3h000000Mu1o!", "02K3h000000Mu1oEA", None])
def test_what_is_no_id_is_refused(id: Any) -> None:
    with pytest.raises(InvalidInputError, match="id must be a Salesforce id"):
        wave.full_id(id)


def test_every_method_has_its_version() -> None:
    assert {method.id for method in wave.all_methods()} == set(wave.SINCE)
    assert {method for method, _ in wave.QUERY_SINCE} <= set(wave.SINCE)


def test_every_call_asks_for_plain_texts() -> None:
    request = wave.call(wave.DataflowJob.get, "59", jobId="03C")
    assert (request.path, dict(request.headers)) == ("services/data/v59.0/wave/dataflowjobs/03C", {"X-Chatter-Entity-Encoding": "false"})


def test_the_next_page_is_asked_as_the_first() -> None:
    first = wave.call(wave.DataflowJob.list, "59.0", pageSize=2)
    following = first.following({"nextPageUrl": "/services/data/v59.0/wave/dataflowjobs?page=abc%3D&pageSize=2"})
    assert following is not None
    assert (following.target, following.headers) == ("services/data/v59.0/wave/dataflowjobs?page=abc%3D&pageSize=2", first.headers)
    assert first.following({"nextPageUrl": None}) is None


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (
            b'[{"errorCode":"INSUFFICIENT_ACCESS","message":"no"}]',
            PermissionDeniedError,
            "403 INSUFFICIENT_ACCESS: no. Check the permissions",
        ),
        (b'[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"no"}]', AllowanceSpentError, "used up (api-usage=5/5)"),
        (b'{"Errors":[{"description":"not now"}]}', PermissionDeniedError, "403: not now"),
        (b"<html><b>Maintenance</b></html>", PermissionDeniedError, "403: Maintenance"),
    ],
)
def test_refusals_in_every_form_become_errors(body: bytes, kind: type[Exception], said: str) -> None:
    reply = Reply(status=403, content=body, headers={"sforce-limit-info": "api-usage=5/5"})
    error = error_of(wave.call(wave.Dataflow.list, "59.0"), reply)
    assert type(error) is kind
    assert said in str(error)


def test_a_launch_looks_first_and_then_names_the_run_that_is_new() -> None:
    old, new = job("03C1", "Success", at=NOW - 5), job("03C2", "Queued", at=NOW + 1)
    talk = Talk(listed(old), {"id": "0309", "status": "Queued"}, refused(404), listed(old, new), now=NOW)
    launched = talk(launch_once(service(), IDENTITY, clear_key=0))
    assert talk.verbs == ["wave.jobs.list", "wave.jobs.start", "wave.jobs.get", "wave.jobs.list"]
    assert (launched.job["id"], launched.record.job_id, launched.record.others) == ("03C2", "03C2", ("03C1",))


def test_a_run_that_was_there_before_the_launch_is_never_ours() -> None:
    old = job("03C1", "Success", at=NOW - 5)
    started = {"id": "0309", "status": "Queued"}
    talk = Talk(listed(old), started, started, listed(old), listed(old), listed(old), now=NOW)
    assert talk(launch_once(service(), IDENTITY, clear_key=0)).job["id"] == "0309"


def test_a_run_that_somebody_asked_for_before_the_service_took_our_start_is_not_ours() -> None:
    theirs, ours = job("03C1", "Queued", at=NOW + 1), job("03C2", "Queued", at=NOW + 2)
    handle = job("0309", "Queued", at=NOW + 2)
    talk = Talk(listed(), {"id": "0309", "status": "Queued"}, handle, listed(theirs, ours), now=NOW)
    assert talk(launch_once(service(), IDENTITY, clear_key=0)).job["id"] == "03C2"


@pytest.mark.parametrize("skew", [-500.0, 0.0, 500.0])
def test_the_clocks_of_worker_and_org_may_differ(skew: float) -> None:
    old, new = job("03C1", "Success", at=NOW + skew - 30), job("03C2", "Queued", at=NOW + skew + 1)
    talk = Talk(listed(old), RESET, listed(old, new), now=NOW)
    assert talk(launch_once(service(), IDENTITY, clear_key=0)).job["id"] == "03C2"
    assert talk.verbs.count("wave.jobs.start") == 1


def test_a_retry_after_a_death_around_the_start_finds_the_run() -> None:
    talk = Talk(listed(), now=NOW)
    with pytest.raises(AssertionError, match="there is no answer left for POST"):  # dies with the start
        talk(launch_once(service(), IDENTITY, clear_key=0))
    assert talk.record["step"] == "intended"
    again = Talk(listed(job("03C2", at=NOW + 1)), record=talk.record, now=NOW + 400)
    assert again(launch_once(service(), IDENTITY, clear_key=0)).adopted
    assert again.verbs == ["wave.jobs.list"]


def test_a_start_without_an_id_whose_run_never_shows_is_not_sent_again() -> None:
    shown = ok(listed())
    talk = Talk(lambda request: ok({"status": "Queued"}) if request.method is wave.DataflowJob.start else shown, now=NOW)
    with pytest.raises(LaunchError, match="accepted the start of dataflow"):
        talk(launch_once(service("49.0"), IDENTITY, clear_key=0))
    assert talk.verbs.count("wave.jobs.start") == 1


def test_a_moving_run_of_the_dataflow_is_busy_or_followed() -> None:
    with pytest.raises(BusyError, match="job 03C1 is Running") as busy:
        Talk(listed(job("03C1"), job("03C0", flow=OTHER)), now=NOW)(launch_once(service(), IDENTITY, clear_key=0))
    assert busy.value.job_id == "03C1"
    launched = Talk(listed(job("03C1")), now=NOW)(launch_once(service(adopt=True), IDENTITY, clear_key=0))
    assert (launched.job["id"], launched.record.foreign, launched.adopted) == ("03C1", True, True)


def test_a_reference_picks_its_run() -> None:
    jobs = Listing([job("03C1", at=NOW), job("03C2", at=NOW + 9), job("03C3", at=NOW + 5), job("0eP1", flow=OTHER, at=NOW + 20)])
    first = RunRef(version="59.0", source_id=FLOW, since=NOW + 1)
    assert [ref.pick(jobs) and ref.pick(jobs)["id"] for ref in (first, RunRef(version="59.0", source_id=FLOW, newest=True))] == [
        "03C3",
        "03C2",
    ]
    assert RunRef(version="59.0", id="0309", source_id=FLOW, since=NOW, others=("03C1", "03C3")).pick(jobs) == jobs.by_id["03C2"]
    assert RunRef(version="59.0", id="0309").pick(jobs) is None
    assert RunRef(version="59.0", source_id=FLOW, since=NOW + 10).pick(jobs) is None


def test_a_data_sync_of_another_connector_is_not_taken_for_ours() -> None:
    ours, other = "0It3h000000Mu1oEAC", "0It3h000000Mu1pEAC"
    run = RunRef(version="59.0", source_id=ours, sync=True)
    theirs = job("03C1", flow=other, jobType="datasync")
    assert run.pick(Listing([theirs])) is None
    of_unknown_kind = job("03C2", flow=FLOW, jobType="datasync")
    assert run.pick(Listing([theirs, of_unknown_kind])) == of_unknown_kind
    mine = job("03C3", flow=ours, jobType="datasync", at=NOW + 9)
    assert run.pick(Listing([theirs, of_unknown_kind, mine])) == mine


def test_a_round_lists_since_the_oldest_watched_run() -> None:
    watches = [RunWatch(run=RunRef(version="59.0", id=f"03C{n}", source_id=FLOW, since=NOW - n * 100)) for n in (1, 3, 2)]
    talk = Talk({**listed(job("03C1")), "nextPageUrl": "/services/data/v59.0/wave/dataflowjobs?page=x"}, listed(job("03C3")), now=NOW)
    found, calls = talk(RecentRuns("59.0").active(watches, {}))
    assert (set(found), calls) == ({"03C1", "03C3"}, 2)
    assert dict(talk.asked[0].query) == {"pageSize": "200", "startedAfter": str(int(NOW - 300))}


def test_a_run_in_its_known_state_is_only_named() -> None:
    watches = [RunWatch(run=RunRef(version="59.0", id=f"03C{n}", source_id=FLOW, since=NOW)) for n in (1, 3)]
    listing = listed(job("03C1", "Running"), job("03C3", "Running"))
    found, _ = Talk(listing, now=NOW)(RecentRuns("59.0").active(watches, {"03C1": "Running", "03C3": "Queued"}))
    assert found == {"03C1": None, "03C3": job("03C3", "Running")}


def test_a_round_of_an_old_version_lists_the_last_seven_days() -> None:
    talk = Talk({"dataflowJobs": [job("03C1")]}, now=NOW)
    found, calls = talk(RecentRuns("49.0").active([RunWatch(run=RunRef(version="49.0", id="03C1"))], {}))
    assert (set(found), calls, talk.asked[0].query) == ({"03C1"}, 1, ())


def test_a_newest_run_that_is_not_there_yet_is_known_from_the_list() -> None:
    watch = RunWatch(run=RunRef(version="59.0", source_id=FLOW, since=NOW - 60, newest=True))
    found, _ = Talk(listed(job("03C1", at=NOW - 61)), now=NOW)(RecentRuns("59.0").active([watch], {}))
    assert found == {watch.job_id: {}}
    assert watch.judge({}) is Phase.MOVING


def test_progress_and_queue_time_go_to_the_log_once_each() -> None:
    seen = [
        job("03C1", "Queued", waitTime=4),
        job("03C1", "Queued", waitTime=5),
        job("03C1", "Queued", waitTime=9),
        job("03C1", progress=0.1),
        job("03C1", progress=0.11),
        job("03C1", progress=1.0666),
        job("03C1", "Failure", progress=1.0666, message="It broke.", duration=8, waitTime=9),
    ]
    talk = Talk(*seen, {"nodes": []}, now=NOW)
    outcome = talk(wait_for_job(RunWatch(run=RunRef(version="59.0", id="03C1"))))
    assert outcome.complaint == "Run 03C1 (no label) ended as Failure: It broke."
    said = [text for text in talk.said if "state" not in text]
    assert said == [
        "In the queue for 4 s",
        "In the queue for 9 s",
        "10% done",
        "100% done",
        "Run 03C1 (no label) ended as Failure, ran 8 s, had waited 9 s in the queue",
    ]


def test_unknown_fields_and_values_break_nothing() -> None:
    strange = job("03C1", "Dreaming", progress="half", waitTime=None, jobType=7, extra={"a": [1]})
    node = {"name": "N", "status": None, "inputRows": None, "outputRows": {"processedCount": "many"}, "duration": "long"}
    talk = Talk(strange, job("03C1", "SUCCESS", duration="?"), {"nodes": [node]}, now=NOW)
    outcome = talk(wait_for_job(RunWatch(run=RunRef(version="59.0", id="03C1"))))
    assert outcome.phase is Phase.SUCCEEDED
    assert any("Dreaming, which is not documented; the wait continues" in text for text in talk.said)


def test_a_handle_is_asked_only_when_the_list_does_not_show_its_run() -> None:
    run = RunRef(version="59.0", id="0309", source_id=FLOW, since=NOW - 60)
    talk = Talk(listed(), job("0309", "Queued"), listed(job("03C1", "Success")), {"nodes": []}, now=NOW)
    assert talk(wait_for_job(RunWatch(run=run))).job["id"] == "03C1"
    assert talk.verbs == ["wave.jobs.list", "wave.jobs.get", "wave.jobs.list", "wave.jobs.nodes.list"]


RECIPES = {"recipes": [{"id": "05v3h000000Mu1oEAC", "name": "Daily_recipe1", "label": "Daily recipe"}]}


@pytest.mark.parametrize("name", ["Dayly recipe", "daily recipe", "Daily recpie"])
def test_a_misspelt_recipe_is_answered_with_the_one_that_was_meant(name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"no recipe of the name or label .*; did you mean 'Daily recipe'\?"):
        Talk(RECIPES)(lookup.recipe_dataflow_id("59.0", name))


@pytest.mark.parametrize("name", ["Something else", "x" * 1100])
def test_a_recipe_that_nothing_resembles_is_shown_short(name: str) -> None:
    with pytest.raises(InvalidInputError, match="check the spelling, and who may see it") as wrong:
        Talk(RECIPES)(lookup.recipe_dataflow_id("59.0", name))
    assert len(str(wrong.value)) < 300
