"""The hook for CRM Analytics against the emulated org: every verb in both forms, every version, and the org's allowance."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.errors import (
    AllowanceSpentError,
    BusyError,
    InvalidInputError,
    JobError,
    NoAnswerError,
    NotAuthenticatedError,
    NotFoundError,
    PermissionDeniedError,
)
from airflow_dataflow_ext.api.wave import methods as wave
from airflow_dataflow_ext.emulator import Emulator, WaveNode

if TYPE_CHECKING:
    from airflow_dataflow_ext.hooks.wave import WaveHook

Use = Callable[..., Any]
CONNECTION = "AIRFLOW_CONN_SALESFORCE_DEFAULT"
VERSIONS = (42, 45, 46, 49, 50, 55, 59, 67)
QUICK = 0.02


@pytest.fixture
def hook(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> WaveHook:
    return connected(emulator, monkeypatch)


def connected(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, **extras: Any) -> WaveHook:
    """A hook for the emulated org, with more extras in its connection, and with short pauses."""
    from airflow_dataflow_ext.hooks.wave import WaveHook

    connection = json.loads(emulator.connections()[CONNECTION])
    connection["extra"] |= extras
    monkeypatch.setenv(CONNECTION, json.dumps(connection))
    monkeypatch.setattr(budgets, "FIRST_PAUSE", QUICK)
    monkeypatch.setattr(budgets, "LOOKUP_PAUSES", (0.0, QUICK, QUICK))
    monkeypatch.setattr(budgets, "RUN_PAUSES", (0.0, QUICK))
    monkeypatch.setattr(budgets, "RUN_EVERY", QUICK)
    monkeypatch.setattr(budgets, "WAVE_POLL_SLEEP", QUICK)
    emulator.wave.scripts.play("*", wait=0.05, seconds=0.2)
    return WaveHook(retry_for=5.0)


def dataflow(emulator: Emulator, label: str = "Sales") -> str:
    return next(flow["id"] for flow in emulator.wave.dataflows.values() if flow["label"] == label)


def test_a_dataflow_is_started_by_id_name_or_label(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    flow = emulator.wave.add_dataflow("My flow", "my_flow")
    for called in (flow, flow[:15], "my_flow", "My flow"):
        job = use(hook.start_dataflow, called)
        assert job["source"]["id"] == flow
    assert [run["label"] for run in emulator.wave.all_runs()] == ["My flow"] * 4


def test_a_recipe_is_started_by_its_target_dataflow(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    recipe = next(iter(emulator.wave.recipes.values()))
    for called in (recipe["id"], recipe["label"]):
        assert use(hook.start_recipe, called)["source"]["id"] == recipe["targetDataflowId"]


def test_the_job_of_a_start_is_the_listed_run_and_not_the_handle(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    job = use(hook.start_dataflow, "Sales")
    run = emulator.wave.all_runs()[0]
    assert (job["id"], run["handle"][:3]) == (run["id"], "030")


def test_waiting_gives_the_job_with_its_nodes_and_logs_the_way(
    emulator: Emulator, hook: WaveHook, use: Use, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.wave.scripts.play("Sales", wait=0.05, seconds=1, nodes=[WaveNode(name="Extract", rows_out=12)])
    caplog.set_level(logging.INFO, logger=hook.log.name)
    job = use(hook.wait, use(hook.start_dataflow, "Sales")["id"], poll_sleep=0.1)
    assert (job["status"], job["progress"]) == ("Success", 1)
    assert [(node["name"], node["outputRows"]["processedCount"]) for node in job["nodes"]] == [("Extract", 12)]


def test_a_bad_end_names_the_run_the_message_and_the_node(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    broken = WaveNode(name="Digest", node_type="sfdcDigest", status="error", rows_failed=2, message="Object 'X' isn't there")
    emulator.wave.scripts.play("Sales", wait=0, seconds=0.1, status="Failure", message="1 node failed", nodes=[WaveNode(name="A"), broken])
    job = use(hook.start_dataflow, "Sales")
    with pytest.raises(JobError) as failed:
        use(hook.wait, job["id"], poll_sleep=0.05)
    assert str(failed.value) == (
        f"Run {job['id']} (Sales) ended as Failure: 1 node failed; "
        "node Digest (sfdcDigest) ended as error, 2 rows failed: Object 'X' isn't there"
    )


def test_a_running_dataflow_is_waited_for_adopted_or_refused(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=0.6)
    first = use(hook.start_dataflow, "Sales")
    assert use(hook.start_dataflow, "Sales", if_running="adopt")["id"] == first["id"]
    with pytest.raises(BusyError, match=first["id"]):
        use(hook.start_dataflow, "Sales", if_running="fail")
    use(hook.start_dataflow, "Service", if_running="fail")
    assert len(emulator.wave.all_runs()) == 2


def test_waiting_for_a_running_dataflow_starts_after_its_end(
    emulator: Emulator, hook: WaveHook, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_dataflow_ext.api.wave.wait import RunWatch

    quick = hook.watch(poll_sleep=0.05)
    monkeypatch.setattr(type(hook), "watch", lambda *_: quick)
    assert isinstance(quick, RunWatch)
    use(hook.start_dataflow, "Sales")
    use(hook.start_dataflow, "Sales")
    first, second = emulator.wave.all_runs()
    assert first["status"] == "Success"
    assert second["created"] - first["created"] > 0.2


@pytest.mark.parametrize("pause", ["some", -1, 0, None])
def test_a_wrong_pause_is_refused_by_name_before_the_run_is_stopped(emulator: Emulator, hook: WaveHook, pause: Any) -> None:
    job = hook.start_dataflow("Sales")
    with pytest.raises(InvalidInputError, match=r"^poll_sleep must be "):
        hook.stop(job["id"], poll_sleep=pause)
    assert "wave.jobs.update" not in emulator.requests.counts


@pytest.mark.parametrize("nothing", [None, "", {"id": "03CEM000000000V2AQ"}, 5])
@pytest.mark.parametrize(
    ("verb", "argument"),
    [("wait", "job_id"), ("stop", "job_id"), ("start_dataflow", "dataflow"), ("start_recipe", "recipe"), ("run_data_sync", "connector_id")],
)
def test_what_names_no_run_and_no_dataflow_is_refused_by_name(hook: WaveHook, verb: str, argument: str, nothing: Any) -> None:
    with pytest.raises(InvalidInputError, match=f"^{argument} must |^the org shows no {argument} of the name or label '5'"):
        getattr(hook, verb)(nothing)


@pytest.mark.parametrize("word", ["adpot", "Wait", "", None, True])
def test_a_misspelt_if_running_is_refused_by_name_and_starts_nothing(emulator: Emulator, hook: WaveHook, use: Use, word: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^if_running must be one of wait, adopt, fail, not "):
        use(hook.start_dataflow, "Sales", if_running=word)
    assert emulator.wave.all_runs() == []


@pytest.mark.parametrize(("given", "fails"), [("False", False), ("false ", False), ("True", True), (True, True)])
def test_a_flag_may_be_text_and_no_other_text_is_one(emulator: Emulator, hook: WaveHook, use: Use, given: Any, fails: bool) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=0.1, status="Warning")
    job = use(hook.start_dataflow, "Sales")
    if fails:
        with pytest.raises(JobError, match="ended as Warning"):
            use(hook.wait, job["id"], fail_on_warning=given)
    else:
        assert use(hook.wait, job["id"], fail_on_warning=given)["status"] == "Warning"
    with pytest.raises(InvalidInputError, match=r"^fail_on_warning must be true or false, not 'maybe'"):
        use(hook.wait, job["id"], fail_on_warning="maybe")


@pytest.mark.parametrize("since", [0, "2026-01-01", "2026-01-01T00:00:00Z", date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)])
@pytest.mark.parametrize("version", ["50.0", "59.0"])
def test_the_newest_run_is_looked_for_since_any_form_of_a_time(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, use: Use, since: Any, version: str
) -> None:
    hook = connected(emulator, monkeypatch, version=version)
    job = use(hook.start_dataflow, "Sales")
    assert use(hook.newest_job, "Sales", since=since)["id"] == job["id"]
    assert use(hook.newest_job, "Sales", since="2999-01-01") is None


@pytest.mark.parametrize("since", ["yesterday", "5", None, float("nan"), True, timedelta(days=1), {}])
def test_what_is_no_time_is_refused_by_name(hook: WaveHook, since: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^since must be "):
        hook.newest_job("Sales", since=since)


def test_a_filter_of_several_values_may_be_a_list(hook: WaveHook, use: Use) -> None:
    job = use(hook.start_dataflow, "Sales")
    assert [found["id"] for found in use(hook.list_jobs, jobTypes=["User", "Recipe"])] == [job["id"]]
    assert len(use(hook.limits, ["MaxDailyWorkflowExecutions", "Other"])) == 1


@pytest.mark.parametrize("version", ["v58.0", "V58", "58", 58, 58.0, "58.0 ", "58.00"])
def test_a_version_may_be_written_as_in_an_url_or_as_a_number(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, use: Use, version: Any
) -> None:
    hook = connected(emulator, monkeypatch, version=version)
    assert use(hook.start_dataflow, "Sales")["status"] == "Queued"
    assert hook.version == "58.0"
    assert all("/58.0" in entry.path or "/v58.0/" in entry.path for entry in emulator.requests), "the login, too"


@pytest.mark.parametrize("version", ["latest", "58.5", "5", "41.0", "５８", True, ["58.0"]])
def test_what_is_no_version_is_refused_with_the_connections_name(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, version: Any) -> None:
    hook = connected(emulator, monkeypatch, version=version)
    with pytest.raises(
        InvalidInputError, match=r"^version of connection 'salesforce_default' must be a number such as 59\.0, from 42\.0 on"
    ):
        hook.start_dataflow("Sales")


@pytest.mark.parametrize("path", ["/", "//", "/services/data/v59.0/", "/lightning/page/home"])
def test_the_path_of_an_instance_url_does_not_matter(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, use: Use, path: str) -> None:
    hook = connected(emulator, monkeypatch, instance_url=emulator.url + path)
    assert use(hook.start_dataflow, "Sales")["status"] == "Queued"


@pytest.mark.parametrize("verb", ["wait", "stop"])
@pytest.mark.parametrize("kind", ["dataflow", "recipe"])
def test_the_id_of_what_a_run_runs_is_no_run(emulator: Emulator, hook: WaveHook, verb: str, kind: str) -> None:
    asset = next(iter(getattr(emulator.wave, f"{kind}s")))
    with pytest.raises(InvalidInputError, match=f"^job_id must be the id of a run, and '{asset}' is the id of a {kind}$"):
        getattr(hook, verb)(asset)


def test_the_id_of_another_kind_of_asset_is_named_as_such(emulator: Emulator, hook: WaveHook) -> None:
    recipe, flow = next(iter(emulator.wave.recipes)), dataflow(emulator)
    with pytest.raises(InvalidInputError, match=f"no dataflow of the name or label '{recipe}'; it is the id of a recipe$"):
        hook.start_dataflow(recipe)
    with pytest.raises(InvalidInputError, match=f"no recipe of the name or label '{flow}'; it is the id of a dataflow$"):
        hook.start_recipe(flow)


def test_a_run_is_stopped_queued_or_running_and_an_ended_one_is_fine(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    emulator.wave.scripts.play("*", wait=0.3, seconds=60)
    job = use(hook.start_dataflow, "Sales")
    for _ in range(2):
        assert use(hook.stop, job["id"], poll_sleep=0.05)["status"] == "Cancelled"
    assert emulator.requests.counts["wave.jobs.update"] == 1


def test_a_run_that_ends_while_it_is_stopped_is_fine(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    emulator.wave.scripts.play("*", wait=0, seconds=0.3)
    job = use(hook.start_dataflow, "Sales")
    emulator.faults.add("wave.jobs.update", status=400, delay=0.5, message="The job has ended.")
    assert use(hook.stop, job["id"], poll_sleep=0.05)["status"] == "Success"


def test_a_data_sync_is_started_and_found(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    other = emulator.wave.add_connector("Other")
    connector = next(id for id, found in emulator.wave.connectors.items() if found["label"] == "SFDC_LOCAL")
    use(hook.run_data_sync, other)
    job = use(hook.run_data_sync, connector)
    assert (job["label"], job["jobType"]) == ("SFDC_LOCAL", "datasync")


def test_everything_is_listed_and_read(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    job = use(hook.wait, use(hook.start_dataflow, "Sales")["id"], poll_sleep=0.05)
    flow = dataflow(emulator)
    assert use(hook.get_job, job["id"])["status"] == "Success"
    assert [found["id"] for found in use(hook.list_jobs, dataflowId=flow, status="Success")] == [job["id"]]
    assert use(hook.list_jobs, limit=0) == []
    assert use(hook.newest_job, "Sales")["id"] == job["id"]
    assert use(hook.newest_job, "Service") is None
    nodes = use(hook.nodes, job["id"])
    assert use(hook.node, job["id"], nodes[0]["id"])["name"] == nodes[0]["name"]
    assert {found["label"] for found in use(hook.list_dataflows)} == {"Sales", "Service"}
    assert [found["label"] for found in use(hook.list_dataflows, q="Serv")] == ["Service"]
    assert {name: node["parameters"] for name, node in use(hook.get_dataflow, flow)["definition"].items()} == {
        "Extract_Account": {},
        "Extract_Opportunity": {},
        "Augment_Account": {"left": "Extract_Opportunity", "right": "Extract_Account"},
        "Register_Sales": {"source": "Augment_Account"},
    }
    assert use(hook.dataflow_histories, flow)[0]["id"].startswith("0Rm")
    recipe = use(hook.list_recipes)[0]
    assert use(hook.get_recipe, recipe["id"]) == recipe
    assert use(hook.limits)[0]["current"] == 1
    assert use(hook.limits, types="Other") == []
    assert use(hook.call, wave.DataflowJob.get, jobId=job["id"])["id"] == job["id"]


def test_all_pages_of_a_list_are_read(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    for number in range(60):
        emulator.wave.add_recipe(f"Recipe {number}")
    assert len(use(hook.list_recipes)) == 61
    assert emulator.requests.counts["wave.recipes.list"] == 3


def test_a_version_that_the_org_does_not_have_yet_is_named(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, use: Use) -> None:
    hook = connected(emulator, monkeypatch, version="99.0")
    with pytest.raises(NotFoundError, match="Check the version in the connection's extra"):
        use(hook.list_dataflows)


@pytest.mark.parametrize("version", [59, 59.0, " 59.0 ", "59", "None", ""])
def test_the_version_of_the_api_may_be_a_number_or_a_text(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, version: Any) -> None:
    hook = connected(emulator, monkeypatch, version=version)
    hook.list_jobs()
    assert hook.version == "59.0"


def test_a_proxy_without_a_scheme_is_an_http_one(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = connected(emulator, monkeypatch, proxies='{"https": "127.0.0.1:9", "http": null}')
    assert hook._proxies == {"https": "http://127.0.0.1:9"}


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_starts_follows_and_stops_runs(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, use: Use, version: int) -> None:
    hook = connected(emulator, monkeypatch, version=f"{version}.0")
    use(hook.start_dataflow, "Service")
    started = use(hook.start_dataflow, "Sales")
    done = use(hook.wait, started["id"], poll_sleep=0.05)
    assert (done["id"], done["status"]) == (emulator.wave.all_runs()[1]["id"], "Success")
    assert ("nodes" in done) == (version >= 50)
    assert use(hook.stop, use(hook.start_dataflow, "Sales")["id"], poll_sleep=0.05)["status"] in ("Cancelled", "Failure")
    assert len(emulator.wave.all_runs()) == 3
    paths = {entry.path.split("/")[3] for entry in emulator.requests if entry.method.startswith("wave.")}
    assert paths == {f"v{version}.0"}


@pytest.mark.parametrize("version", [42, 49, 50])
def test_what_a_version_does_not_have_is_said_before_anything_is_sent(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    hook = connected(emulator, monkeypatch, version=f"{version}.0")
    with pytest.raises(InvalidInputError, match=r"needs version 51\.0"):
        hook.limits()
    with pytest.raises(InvalidInputError, match=r"startedAfter .* needs version 53\.0"):
        hook.list_jobs(startedAfter=0)
    assert len(emulator.requests) == 0


def test_a_data_sync_needs_job_types(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = connected(emulator, monkeypatch, version="45.0")
    with pytest.raises(InvalidInputError, match=r"version 46\.0"):
        hook.run_data_sync(next(iter(emulator.wave.connectors)))


@pytest.mark.parametrize("called", ["Sale", "sales", ""])
def test_a_dataflow_that_is_not_there_is_named(hook: WaveHook, called: str) -> None:
    with pytest.raises(InvalidInputError, match=f"'{called}'"):
        hook.start_dataflow(called)


def test_two_dataflows_of_one_label_are_kept_apart_by_their_ids(emulator: Emulator, hook: WaveHook) -> None:
    twin = emulator.wave.add_dataflow("Sales", "Sales_2")
    assert hook.start_dataflow("Sales")["source"]["id"] == dataflow(emulator), "a name wins over a label"
    emulator.wave.add_dataflow("Sales 2", "Twin_1")
    emulator.wave.add_dataflow("Sales 2", "Twin_2")
    with pytest.raises(InvalidInputError, match="2 dataflows have the label 'Sales 2'"):
        hook.start_dataflow("Sales 2")
    assert hook.start_dataflow("Sales_2")["source"]["id"] == twin


def test_refusals_are_clear(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    with pytest.raises(NotFoundError, match=r"404 NOT_FOUND: The requested resource does not exist\. Check the id, the org"):
        use(hook.get_job, "03CEM0000000001")
    emulator.faults.add("wave.jobs.start", status=403, code="INSUFFICIENT_ACCESS", message="no edit")
    with pytest.raises(PermissionDeniedError, match=r"403 INSUFFICIENT_ACCESS: no edit\. Check the permissions of the user"):
        use(hook.start_dataflow, "Sales")


@pytest.mark.parametrize(
    "trouble", [{"status": 500}, {"status": 503}, {"status": 429}, {"reset": True}, {"cut": "length"}, {"cut": "json"}]
)
def test_a_hiccup_is_asked_again(emulator: Emulator, hook: WaveHook, use: Use, trouble: dict[str, Any]) -> None:
    emulator.faults.add("wave.dataflows.list", **trouble, times=2)
    assert len(use(hook.list_dataflows)) == 2


@pytest.mark.parametrize(
    "trouble", [{"lost": True}, {"reset": True}, {"status": 503}, {"status": 500}, {"cut": "length"}, {"cut": "json"}, {"expired": True}]
)
def test_a_start_whose_answer_is_lost_starts_one_run(emulator: Emulator, hook: WaveHook, use: Use, trouble: dict[str, Any]) -> None:
    emulator.faults.add("wave.jobs.start", **trouble)
    job = use(hook.start_dataflow, "Sales")
    assert [run["id"] for run in emulator.wave.all_runs()] == [job["id"]]


def test_the_list_may_show_a_new_run_late(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, use: Use) -> None:
    hook = connected(emulator, monkeypatch, version="49.0")
    emulator.wave.set(list_lag=0.2)
    assert use(hook.start_dataflow, "Sales")["id"] == emulator.wave.all_runs()[0]["id"]


@pytest.mark.parametrize("handle", ["follows", "gone", "stale"])
def test_a_handle_is_enough_until_the_run_is_listed(emulator: Emulator, hook: WaveHook, use: Use, handle: str) -> None:
    emulator.wave.set(list_lag=0.2, handle=handle)
    emulator.wave.scripts.play("*", wait=0.5, seconds=0.2)
    assert use(hook.start_dataflow, "Sales")["id"] == emulator.wave.all_runs()[0]["handle"]


def test_an_expired_session_is_logged_in_again_once(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    use(hook.list_dataflows)
    emulator.wave.sessions.expire()
    assert use(hook.list_dataflows)
    assert emulator.requests.counts["oauth.salesforce.soap"] == 2


def test_many_calls_that_meet_an_expired_session_log_in_once(emulator: Emulator, hook: WaveHook) -> None:
    async def calls() -> None:
        await hook.list_dataflows.aio()
        emulator.wave.sessions.expire()
        await asyncio.gather(*(hook.list_dataflows.aio() for _ in range(20)))

    asyncio.run(calls())
    assert emulator.requests.counts["oauth.salesforce.soap"] == 2


def test_a_session_that_is_never_good_ends_the_call(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    emulator.faults.add("wave.dataflows.list", expired=True, times=None)
    with pytest.raises(NotAuthenticatedError, match="INVALID_SESSION_ID"):
        use(hook.list_dataflows)
    assert emulator.requests.counts["wave.dataflows.list"] == 2


def test_trouble_of_the_login_is_waited_out(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    emulator.faults.add("oauth.salesforce.soap", status=503, times=2)
    emulator.faults.add("oauth.salesforce.soap", reset=True)
    assert use(hook.list_dataflows)
    emulator.faults.clear()


def test_a_login_that_never_answers_ends_the_call(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    hook.retry_for = 0.1
    emulator.faults.add("oauth.salesforce.soap", reset=True, times=None)
    with pytest.raises(NoAnswerError, match="no login to Salesforce"):
        use(hook.list_dataflows)
    with pytest.raises(NoAnswerError, match="no login to Salesforce"):
        _ = hook.root


def test_logins_and_calls_end_in_time(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    hook.timeout, hook.retry_for = 0.2, 0.1
    emulator.faults.add("oauth.salesforce.soap", delay=1.0)
    with pytest.raises(NoAnswerError, match=r"[Tt]imed? ?out"):
        use(hook.list_dataflows)
    hook.retry_for = 1.0
    use(hook.list_dataflows)
    hook.retry_for = 0.1
    emulator.faults.add("wave.dataflows.list", delay=1.0)
    with pytest.raises(NoAnswerError, match=r"[Tt]imed? ?out"):
        use(hook.list_dataflows)


def test_the_log_warns_near_the_allowance(emulator: Emulator, hook: WaveHook, monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(hook.log, "warning", lambda text, *values: warned.append(text % values))
    emulator.wave.set(api_requests=20)
    for _ in range(20):
        hook.list_dataflows()
    assert [text.split(" API")[0] for text in warned] == [f"The org has used {used} of its 20" for used in (16, 17, 18, 19, 20)]
    assert (hook.allowance.used, hook.allowance.limit) == (20, 20)


def test_beyond_the_allowance_the_error_says_so_at_once(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    emulator.wave.set(api_requests=1)
    use(hook.list_dataflows)
    with pytest.raises(AllowanceSpentError, match=r"REQUEST_LIMIT_EXCEEDED.*of the last 24 hours are used up \(api-usage=1/1\)"):
        use(hook.list_dataflows)
    assert emulator.requests.counts["wave.dataflows.list"] == 2


def test_texts_come_without_html_entities(emulator: Emulator, hook: WaveHook, use: Use) -> None:
    emulator.wave.add_dataflow("R&D's")
    assert "R&D's" in [flow["label"] for flow in use(hook.list_dataflows)]
