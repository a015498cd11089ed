"""The emulated org keeps the rules of the real one, for whoever asks: plain HTTP, and simple_salesforce."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_dataflow_ext.emulator import Emulator, ManualClock, WaveNode
from airflow_dataflow_ext.transport.sessions import LocalAdapter

if TYPE_CHECKING:
    from simple_salesforce import Salesforce

Json = dict[str, Any]


class Org:
    """Calls the emulated org, with a session and without HTML entities, unless said otherwise."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.headers = {"Authorization": f"Bearer {emulator.wave.sessions.issue()}", "X-Chatter-Entity-Encoding": "false"}

    def send(self, verb: str, path: str, body: Any = None, *, version: int = 59, **headers: str) -> requests.Response:
        url = f"{self.emulator.url}/services/data/v{version}.0/wave/{path}"
        return requests.request(verb, url, json=body, headers={**self.headers, **headers}, timeout=60)

    def __call__(self, verb: str, path: str, body: Any = None, *, version: int = 59) -> Json:
        reply = self.send(verb, path, body, version=version)
        assert reply.ok, reply.text
        answer: Json = reply.json()
        return answer

    def start(self, label: str = "Sales", version: int = 59) -> Json:
        return self("POST", "dataflowjobs", {"dataflowId": self.dataflow(label), "command": "start"}, version=version)

    def dataflow(self, label: str = "Sales") -> str:
        return next(flow["id"] for flow in self.emulator.wave.dataflows.values() if flow["label"] == label)

    def jobs(self, query: str = "", version: int = 59) -> list[Json]:
        found: list[Json] = self("GET", f"dataflowjobs{query}", version=version)["dataflowJobs"]
        return found


@pytest.fixture
def org(still_emulator: Emulator) -> Org:
    return Org(still_emulator)


def test_a_start_is_answered_201_with_a_queued_handle(org: Org) -> None:
    reply = org.send("POST", "dataflowjobs", {"dataflowId": org.dataflow(), "command": "Start"})
    assert reply.status_code == 201
    job = reply.json()
    assert (job["id"][:3], job["status"], job["progress"], job["type"]) == ("030", "Queued", 0, "dataflowjob")
    assert job["nodesUrl"] == f"/services/data/v59.0/wave/dataflowjobs/{job['id']}/nodes"


def test_a_start_up_to_version_49_gives_no_id(org: Org) -> None:
    assert org.start(version=49) == {"progress": 0, "status": "Queued", "type": "dataflowjob"}
    assert "progress" not in org.start("Service", version=45)


def test_a_run_goes_from_queued_over_running_to_its_end_and_counts_its_rows(org: Org, clock: ManualClock) -> None:
    org.emulator.wave.scripts.play("Sales", wait=5, preprocessing=2, seconds=10, nodes=[WaveNode(name="A", rows_out=7), WaveNode(name="B")])
    handle = org.start()["id"]
    seen = []
    for seconds in (0, 5, 2, 6, 5):
        clock.advance(seconds)
        job = org.jobs()[0]
        nodes = [node["status"] for node in org("GET", f"dataflowjobs/{job['id']}/nodes")["nodes"]]
        seen.append((job["status"], round(job["progress"], 2), nodes))
    assert seen == [
        ("Queued", 0, []),
        ("Preprocessing", 0, ["pending", "pending"]),
        ("Running", 0.17, ["running", "pending"]),
        ("Running", 0.67, ["success", "running"]),
        ("Success", 1, ["success", "success"]),
    ]
    job = org.jobs()[0]
    assert (job["id"][:3], job["jobType"], job["duration"], job["waitTime"]) == ("03C", "user", 12, 5)
    node = org("GET", f"dataflowjobs/{job['id']}/nodes")["nodes"][0]
    assert org("GET", f"dataflowjobs/{job['id']}/nodes/{node['id']}")["outputRows"] == {"processedCount": 7, "failedCount": 0}
    assert org("GET", f"dataflowjobs/{handle}/nodes")["nodes"] == []


@pytest.mark.parametrize(("handle", "seen"), [("follows", "Running"), ("stale", "Queued"), ("gone", 404)])
def test_what_becomes_of_a_handle_can_be_chosen(org: Org, clock: ManualClock, handle: str, seen: object) -> None:
    org.emulator.wave.set(handle=handle)
    job = org.start()
    clock.advance(1)
    reply = org.send("GET", f"dataflowjobs/{job['id']}")
    assert seen == (reply.json()["status"] if reply.ok else reply.status_code)


def test_a_recipe_runs_by_its_target_dataflow(org: Org) -> None:
    recipe = org("GET", "recipes")["recipes"][0]
    assert org.send("GET", f"recipes/{recipe['id']}").status_code == 400
    assert org("GET", f"recipes/{recipe['id']}?format=R3")["targetDataflowId"] == recipe["targetDataflowId"]
    org("POST", "dataflowjobs", {"dataflowId": recipe["targetDataflowId"], "command": "start"})
    job = org.jobs("?jobTypes=Recipe,DataSync")[0]
    assert (job["id"][:3], job["jobType"], job["source"]["id"]) == ("0eP", "recipe_v3", recipe["targetDataflowId"])


def test_the_third_run_of_a_dataflow_fails_at_once_with_a_queue_message(org: Org, clock: ManualClock) -> None:
    org.start()
    clock.advance(1)
    org.start()
    assert "already in the queue" in org.start()["message"]
    assert [job["status"] for job in org.jobs()] == ["Failure", "Queued", "Running"]
    clock.advance(10)
    assert [job["status"] for job in org.jobs()] == ["Failure", "Success", "Success"]


def test_the_third_run_may_also_be_refused(org: Org) -> None:
    org.emulator.wave.set(duplicate="refused")
    org.start()
    org.start()
    reply = org.send("POST", "dataflowjobs", {"dataflowId": org.dataflow(), "command": "start"})
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "INVALID_INPUT")
    assert len(org.jobs()) == 2


def test_a_stop_ends_queued_and_running_runs_and_no_other(org: Org, clock: ManualClock) -> None:
    first = org.start()["id"]
    clock.advance(1)
    second = org.start()["id"]
    for job_id in (first, second):
        assert org("PATCH", f"dataflowjobs/{job_id}", {"command": "stop"})["status"] == "Cancelled"
    assert org.send("PATCH", f"dataflowjobs/{first}", {"command": "stop"}).status_code == 400


def test_the_list_shows_seven_days_unless_a_page_is_asked_for(org: Org, clock: ManualClock) -> None:
    org.start()
    clock.advance(8 * 86_400)
    org.start("Service")
    assert [job["label"] for job in org.jobs()] == ["Service"]
    assert [job["label"] for job in org.jobs("?pageSize=10")] == ["Service", "Sales"]
    assert [job["label"] for job in org.jobs(version=50)] == ["Service"]


def test_the_list_comes_in_pages_of_25_with_a_url_for_the_next(org: Org) -> None:
    flows = [org.emulator.wave.add_dataflow(f"Flow {number}") for number in range(60)]
    for flow in flows:
        org("POST", "dataflowjobs", {"dataflowId": flow, "command": "start"})
    seen, path = [], "dataflowjobs"
    while path:
        page = org("GET", path)
        seen.append(len(page["dataflowJobs"]))
        path = (page["nextPageUrl"] or "").removeprefix("/services/data/v59.0/wave/")
    assert seen == [25, 25, 10]
    assert len(org.jobs(version=50)) == 60


def test_the_list_is_filtered(org: Org, clock: ManualClock) -> None:
    org.start()
    clock.advance(100)
    org.start("Service")
    now = int(clock.now())
    assert [job["label"] for job in org.jobs(f"?dataflowId={org.dataflow()}")] == ["Sales"]
    assert [job["label"] for job in org.jobs(f"?dataflowId={org.dataflow()[:15]}")] == ["Sales"]
    assert [job["label"] for job in org.jobs("?status=Success")] == ["Sales"]
    assert [job["label"] for job in org.jobs("?q=serv")] == ["Service"]
    assert [job["label"] for job in org.jobs(f"?startedAfter={now}")] == ["Service"]
    assert [job["label"] for job in org.jobs(f"?startedBefore={now - 1}")] == ["Sales"]
    assert org.jobs("?licenseType=Sonic") == []
    assert [job["label"] for job in org.jobs(f"?startedAfter={now}", version=51)] == ["Service", "Sales"], "unknown before 53"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("dataflowjobs?dataflowId=05vEM0000000001", "MALFORMED_ID"),
        ("dataflowjobs?pageSize=201", "INVALID_INPUT"),
        ("dataflowjobs?pageSize=0", "INVALID_INPUT"),
        ("dataflowjobs?page=nonsense", "INVALID_INPUT"),
        ("dataflowjobs?status=Asleep", "INVALID_INPUT"),
        ("dataflowjobs/nothing", "MALFORMED_ID"),
    ],
)
def test_what_is_malformed_is_refused_in_a_list(org: Org, path: str, code: str) -> None:
    reply = org.send("GET", path)
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, code)


@pytest.mark.parametrize("content", [b"{", b"command=start", b"[]", b"null", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused_as_such(org: Org, content: bytes) -> None:
    reply = requests.post(f"{org.emulator.url}/services/data/v59.0/wave/dataflowjobs", data=content, headers=org.headers, timeout=60)
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


@pytest.mark.parametrize("path", ["dataflowjobs/03CEM0000000001", "dataflows/02KEM000000zzzz", "nothing/of/the/kind"])
def test_what_is_not_there_is_404_in_a_list(org: Org, path: str) -> None:
    reply = org.send("GET", path)
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_paths_may_be_in_any_case_and_end_with_a_slash(org: Org) -> None:
    job = org.start()
    assert org("GET", f"dataflowJobs/{job['id'][:15]}/")["id"] == job["id"]


def test_a_call_without_a_session_is_refused(org: Org) -> None:
    assert org.send("GET", "dataflows", Authorization="").status_code == 401
    org.emulator.wave.sessions.expire()
    reply = org.send("GET", "dataflows")
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")


def test_each_reply_says_what_is_used_and_beyond_the_allowance_all_is_refused(org: Org) -> None:
    org.emulator.wave.set(api_requests=2)
    assert [org.send("GET", "dataflows").headers["Sforce-Limit-Info"] for _ in range(2)] == ["api-usage=1/2", "api-usage=2/2"]
    reply = org.send("GET", "dataflows")
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert reply.headers["Sforce-Limit-Info"] == "api-usage=2/2"


def test_texts_have_html_entities_unless_a_header_says_otherwise(org: Org) -> None:
    org.emulator.wave.add_dataflow('R&D\'s "best"')
    labels = [
        [flow["label"] for flow in org.send("GET", "dataflows?q=best", **header).json()["dataflows"]]
        for header in ({"X-Chatter-Entity-Encoding": "true"}, {})
    ]
    assert labels == [["R&amp;D&#39;s &quot;best&quot;"], ['R&D\'s "best"']]


def test_progress_may_exceed_1_on_a_failure(org: Org, clock: ManualClock) -> None:
    org.emulator.wave.scripts.play("Sales", status="Failure", progress=1.0667, message="It broke.")
    org.start()
    clock.advance(10)
    job = org.jobs()[0]
    assert (job["status"], job["progress"], job["message"]) == ("Failure", 1.0667, "It broke.")


@pytest.mark.parametrize(
    ("version", "there", "not_there"),
    [
        (42, {"dataflow", "status", "startDate"}, {"source", "jobType", "progress", "executedDate"}),
        (45, {"dataflow"}, {"source", "progress"}),
        (46, {"source", "jobType", "progress", "executedDate"}, {"dataflow", "nodesUrl"}),
        (50, {"nodesUrl", "syncDataflows"}, {"licenseAttributes"}),
        (51, {"licenseAttributes"}, {"waitTime"}),
        (53, {"waitTime"}, {"endDate", "retryCount"}),
        (55, {"endDate", "retryCount"}, {"events"}),
        (59, {"endDate"}, {"events"}),
        (67, {"events"}, {"dataflow"}),
    ],
)
def test_a_job_has_the_fields_of_the_version_in_the_path(
    org: Org, clock: ManualClock, version: int, there: set[str], not_there: set[str]
) -> None:
    org.start()
    clock.advance(10)
    job = org.jobs(version=version)[0]
    assert there <= set(job)
    assert not not_there & set(job)
    assert job["url"].startswith(f"/services/data/v{version}.0/")


def test_nodes_and_limits_come_with_their_versions(org: Org) -> None:
    job = org.start()
    assert org.send("GET", f"dataflowjobs/{job['id']}/nodes", version=49).status_code == 404
    assert org.send("GET", "limits", version=50).status_code == 404
    limit = org("GET", "limits", version=51)["limits"][0]
    assert (limit["type"], limit["current"], limit["interval"]) == ("MaxDailyWorkflowExecutions", 0, "Daily")


def test_a_data_sync_gives_no_id_and_is_listed_as_one(org: Org) -> None:
    connector = next(iter(org.emulator.wave.connectors))
    reply = org.send("POST", f"dataConnectors/{connector}/ingest", {})
    assert reply.status_code == 201
    assert set(reply.json()) == {"message", "url"}
    assert [job["jobType"] for job in org.jobs()] == ["datasync"]


def test_dates_are_in_utc_with_milliseconds(org: Org, clock: ManualClock) -> None:
    org.start()
    created = org.jobs()[0]["createdDate"]
    assert datetime.strptime(created, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp() == pytest.approx(clock.now(), abs=0.001)
    assert created.endswith("Z")
    assert datetime.fromisoformat(created).tzinfo == UTC


def test_control_calls_script_the_org_from_another_process(still_emulator: Emulator, clock: ManualClock) -> None:
    def control(verb: str, path: str, body: Json | None = None) -> Any:
        reply = requests.request(verb, f"{still_emulator.url}/_emulator/{path}", json=body, timeout=60)
        assert reply.ok, reply.text
        return reply.json()

    dataflow = control("POST", "wave/assets", {"kind": "dataflow", "label": "Forecast"})["id"]
    control("POST", "wave/scripts", {"pattern": "Forecast", "status": "Warning", "nodes": [{"name": "A", "rows_failed": 3}]})
    control("POST", "wave/settings", {"stopped": "Failure"})
    org = Org(still_emulator)
    org("POST", "dataflowjobs", {"dataflowId": dataflow, "command": "start"})
    control("POST", "clock", {"advance": 60})
    assert [(job["label"], job["status"]) for job in control("GET", "wave/jobs")] == [("Forecast", "Warning")]
    org.start()
    job = control("GET", "wave/jobs")[-1]["id"]
    assert control("POST", "wave/jobs/status", {"job": job, "status": "Failure"})["status"] == "Failure"
    assert control("POST", "wave/sessions/expire")["expired"] == 1
    control("POST", "wipe")
    assert control("GET", "wave/jobs") == []
    reply = requests.post(f"{still_emulator.url}/_emulator/wave/scripts", json={"patern": "x"}, timeout=60)
    assert (reply.status_code, "patern" in reply.text) == (400, True)


@pytest.fixture
def local_session(emulator: Emulator) -> requests.Session:
    """What simple_salesforce sends to any https host comes to the emulator; nothing else about it is changed."""
    session = requests.Session()
    session.mount("https://", LocalAdapter(emulator.url))
    return session


@pytest.fixture
def salesforce(emulator: Emulator, local_session: requests.Session) -> Salesforce:
    from simple_salesforce import Salesforce

    from airflow_dataflow_ext.emulator.wave.login import PASSWORD, SECURITY_TOKEN, USERNAME

    return Salesforce(username=USERNAME, password=PASSWORD, security_token=SECURITY_TOKEN, session=local_session)


def test_simple_salesforce_starts_reads_lists_and_stops_a_run(emulator: Emulator, salesforce: Salesforce) -> None:
    restful: Callable[..., Any] = salesforce.restful
    dataflow = restful("wave/dataflows")["dataflows"][0]["id"]
    job = restful("wave/dataflowjobs", method="POST", json={"dataflowId": dataflow, "command": "start"}, timeout=60)
    assert restful(f"wave/dataflowjobs/{job['id']}")["status"] == "Queued"
    listed = restful("wave/dataflowjobs", params={"dataflowId": dataflow, "pageSize": 200})["dataflowJobs"]
    stopped = restful(f"wave/dataflowjobs/{listed[0]['id']}", method="PATCH", json={"command": "stop"})
    assert stopped["status"] == "Cancelled"
    assert salesforce.api_usage["api-usage"].used == 5


def test_simple_salesforce_sees_the_errors_that_it_knows_and_logs_in_again(emulator: Emulator, salesforce: Salesforce) -> None:
    from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceResourceNotFound

    with pytest.raises(SalesforceResourceNotFound):
        salesforce.restful("wave/dataflowjobs/03CEM0000000001")
    with pytest.raises(SalesforceMalformedRequest):
        salesforce.restful("wave/dataflowjobs", params={"dataflowId": "05v"})
    emulator.wave.sessions.expire()
    assert salesforce.restful("wave/dataflows")["dataflows"]
    assert emulator.requests.counts["oauth.salesforce.soap"] == 2
