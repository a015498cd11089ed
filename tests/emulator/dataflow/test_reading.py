"""Lists, messages, metrics, stages, snapshots, work items: what readers see."""

from __future__ import annotations

import pytest

from airflow_dataflow_ext.api.dataflow.methods import Debug, Job, Location, Message, Project, Snapshot, Stage, WorkItem
from airflow_dataflow_ext.emulator import Autoscaling, Emulator, ManualClock, Metrics, Stages
from airflow_dataflow_ext.emulator import JobMessage as Says
from airflow_dataflow_ext.emulator.dataflow.values import stamp
from tests.asking import Asker, Json, RefusedError

RUNNING = [(0, "JOB_STATE_RUNNING")]


def names(reply: Json) -> list[str]:
    return [job["name"] for job in reply.get("jobs", ())]


def pages(ask: Asker, size: int, **query: str) -> list[list[str]]:
    found, token = [], None
    while True:
        reply = ask(Job.list, pageSize=size, pageToken=token, **query)
        found.append(names(reply))
        token = reply.get("nextPageToken")
        if token is None:
            return found


@pytest.fixture
def four(still_emulator: Emulator, ask: Asker, clock: ManualClock) -> dict[str, Json]:
    """Two jobs that have ended, b before a, and two that run."""
    still_emulator.scripts.play("*", RUNNING)
    jobs = {}
    for name in "abcd":
        jobs[name] = ask.launch(name)
        clock.advance(1)
    for name in "ba":
        still_emulator.jobs.set_state(jobs[name]["id"], "JOB_STATE_DONE")
        clock.advance(1)
    return jobs


@pytest.mark.parametrize(
    ("kept", "expected"), [("ACTIVE", "dc"), ("TERMINATED", "ab"), ("ALL", "dcab"), ("UNKNOWN", "dcba"), (None, "dcba")]
)
def test_a_list_holds_what_its_filter_says_in_its_order(ask: Asker, four: dict[str, Json], kept: str | None, expected: str) -> None:
    assert names(ask(Job.list, filter=kept)) == list(expected)
    assert pages(ask, 1, **({"filter": kept} if kept else {})) == [[name] for name in expected]


def test_a_token_comes_only_when_more_follows(ask: Asker, four: dict[str, Json]) -> None:
    assert pages(ask, 3) == [["d", "c", "b"], ["a"]]
    assert pages(ask, 4) == [["d", "c", "b", "a"]]
    assert pages(ask, 1, name="c") == [["c"]]


def test_a_job_that_ends_between_two_pages_does_not_shift_the_others(ask: Asker, still_emulator: Emulator, four: dict[str, Json]) -> None:
    first = ask(Job.list, filter="ACTIVE", pageSize=1)
    still_emulator.jobs.set_state(four["d"]["id"], "JOB_STATE_FAILED")
    assert names(ask(Job.list, filter="ACTIVE", pageSize=1, pageToken=first["nextPageToken"])) == ["c"]


def test_a_token_is_good_for_its_own_question_only(ask: Asker, four: dict[str, Json]) -> None:
    token = ask(Job.list, pageSize=1)["nextPageToken"]
    for query in ({"filter": "ACTIVE", "pageToken": token}, {"pageToken": "no token"}, {"pageSize": -1}):
        with pytest.raises(RefusedError, match="400 INVALID_ARGUMENT"):
            ask(Job.list, **query)


def test_the_service_has_the_last_word_on_the_page_size(ask: Asker, still_emulator: Emulator, four: dict[str, Json]) -> None:
    still_emulator.settings.page_cap = 2
    assert names(ask(Job.list, pageSize=1000)) == ["d", "c"]


def test_time_ranges_include_their_start_and_exclude_their_end(ask: Asker, four: dict[str, Json]) -> None:
    born = {name: job["createTime"] for name, job in four.items()}
    query = {"createTimeRange.startTime": born["b"], "createTimeRange.endTime": born["d"]}
    assert names(ask(Job.list, **query)) == ["c", "b"]
    ended = ask.job(four["a"])["currentStateTime"]
    assert names(ask(Job.list, **{"terminationTimeRange.startTime": ended})) == ["a"]
    assert names(ask(Job.list, **{"terminationTimeRange.endTime": ended})) == ["b"]


def test_a_list_shows_summaries_whatever_the_view(ask: Asker) -> None:
    ask.launch("wc", environment={"additionalUserLabels": {"a": "b"}})
    entry = ask(Job.list, view="JOB_VIEW_ALL")["jobs"][0]
    assert not {"labels", "environment", "steps"} & set(entry)


def test_steps_show_in_the_full_view_only(ask: Asker) -> None:
    job = ask(Job.create, {"name": "graph", "steps": [{"kind": "K", "name": "s1"}], "environment": {"workerPools": [{"kind": "harness"}]}})
    assert ask.job(job, "JOB_VIEW_ALL")["steps"] == [{"kind": "K", "name": "s1"}]
    described = ask.job(job, "JOB_VIEW_DESCRIPTION")
    assert "steps" not in described
    assert "workerPools" not in described["environment"]


def test_aggregated_covers_the_regions_and_names_those_out_of_reach(still_emulator: Emulator, ask: Asker) -> None:
    ask.launch("here")
    Asker(still_emulator.url, "europe-west1").launch("there")
    assert set(names(ask(Project.list_jobs))) == {"here", "there"}
    assert names(ask(Project.list_jobs, location="europe-west1")) == ["there"]
    still_emulator.settings.failed_locations = frozenset({"europe-west1"})
    reply = ask(Project.list_jobs)
    assert names(reply) == ["here"]
    assert reply["failedLocation"] == [{"name": "europe-west1"}]
    with pytest.raises(RefusedError, match="not supported"):
        ask(Project.list_jobs, name="here")


@pytest.fixture
def talking(still_emulator: Emulator, ask: Asker) -> Json:
    """A job that says one thing a second, each more important than the one before."""
    words = ["DEBUG", "DETAILED", "BASIC", "WARNING", "ERROR"]
    says = [(float(second), Says(word.lower(), f"JOB_MESSAGE_{word}")) for second, word in enumerate(words)]
    still_emulator.scripts.play("talk", [(0, "JOB_STATE_RUNNING"), (0, Autoscaling("Worker pool started.", 1, 1)), *says])
    return ask.launch("talk")


def said(reply: Json) -> list[str]:
    return [entry["messageText"] for entry in reply.get("jobMessages", ())]


def test_messages_are_those_of_the_least_importance_and_above(ask: Asker, talking: Json, clock: ManualClock) -> None:
    clock.advance(10)
    everything = ["debug", "detailed", "basic", "warning", "error"]
    for position, word in enumerate(everything):
        reply = ask(Message.list, jobId=talking["id"], minimumImportance=f"JOB_MESSAGE_{word.upper()}")
        assert said(reply) == everything[position:]


def test_message_times_include_the_start_and_exclude_the_end(ask: Asker, talking: Json, clock: ManualClock) -> None:
    start = clock.now()
    clock.advance(10)
    reply = ask(Message.list, jobId=talking["id"], startTime=stamp(start + 1), endTime=stamp(start + 3))
    assert said(reply) == ["detailed", "basic"]
    assert "autoscalingEvents" not in reply
    assert len(ask(Message.list, jobId=talking["id"])["autoscalingEvents"]) == 1


def test_messages_come_in_pages_and_events_with_the_first(ask: Asker, talking: Json, clock: ManualClock) -> None:
    clock.advance(10)
    first = ask(Message.list, jobId=talking["id"], pageSize=3)
    rest = ask(Message.list, jobId=talking["id"], pageSize=3, pageToken=first["nextPageToken"])
    assert said(first) + said(rest) == ["debug", "detailed", "basic", "warning", "error"]
    assert "autoscalingEvents" in first
    assert not {"autoscalingEvents", "nextPageToken"} & set(rest)


def metric(name: str, **value: object) -> Json:
    return {"name": {"origin": "user", "name": name, "context": {"namespace": "n", "step": "s1"}}, **value}


def test_metrics_come_as_committed_and_tentative_pairs(ask: Asker, still_emulator: Emulator) -> None:
    still_emulator.scripts.play("wc", [(0, "JOB_STATE_RUNNING"), (0, Metrics([metric("zero", scalar=0)]))])
    found = ask(Job.get_metrics, jobId=ask.launch("wc")["id"])["metrics"]
    assert [entry["scalar"] for entry in found] == [0, 0]
    assert [entry["name"]["context"].get("tentative") for entry in found] == [None, "true"]


def test_a_distribution_comes_with_its_scalars(ask: Asker, still_emulator: Emulator) -> None:
    length = metric("length", distribution={"count": 2, "min": 1, "max": 5, "sum": 6, "mean": 3})
    still_emulator.scripts.play("wc", [(0, "JOB_STATE_RUNNING"), (0, Metrics([length]))])
    found = ask(Job.get_metrics, jobId=ask.launch("wc")["id"])["metrics"]
    committed = {entry["name"]["name"]: entry for entry in found if "tentative" not in entry["name"]["context"]}
    assert committed["length"]["distribution"]["sum"] == 6
    assert {name: entry["scalar"] for name, entry in committed.items() if name != "length"} == {
        "length_COUNT": 2,
        "length_MIN": 1,
        "length_MAX": 5,
        "length_MEAN": 3,
    }


def test_metrics_since_a_time_are_those_that_changed(ask: Asker, still_emulator: Emulator, clock: ManualClock) -> None:
    steps = [
        (0, "JOB_STATE_RUNNING"),
        (0, Metrics([metric("same", scalar=1), metric("grows", scalar=1)])),
        (5, Metrics([metric("same", scalar=1), metric("grows", scalar=2)])),
    ]
    still_emulator.scripts.play("wc", steps)
    job = ask.launch("wc")
    clock.advance(5)
    found = ask(Job.get_metrics, jobId=job["id"], startTime=stamp(clock.now()))["metrics"]
    assert {entry["name"]["name"] for entry in found} == {"grows"}


def test_stages_show_in_the_job_and_one_by_one(ask: Asker, still_emulator: Emulator) -> None:
    still_emulator.scripts.play("wc", [(0, "JOB_STATE_RUNNING"), (0, Stages([{"stageId": "F1", "state": "EXECUTION_STATE_RUNNING"}]))])
    job = ask.launch("wc")
    shown = ask.job(job)["stageStates"][0]
    assert (shown["executionStageName"], shown["executionStageState"]) == ("F1", "JOB_STATE_RUNNING")
    workers = ask(Stage.get_execution_details, jobId=job["id"], stageId="F1")["workers"]
    assert workers[0]["workItems"][0]["state"] == "EXECUTION_STATE_RUNNING"
    with pytest.raises(RefusedError, match="404"):
        ask(Stage.get_execution_details, jobId=job["id"], stageId="F2")


def test_a_stage_of_a_script_has_the_times_at_which_it_began_and_ended(ask: Asker, still_emulator: Emulator, clock: ManualClock) -> None:
    def of(state: str) -> Stages:
        return Stages([{"stageId": "F1", "state": f"EXECUTION_STATE_{state}"}])

    steps = [
        (0, "JOB_STATE_RUNNING"),
        (1, of("NOT_STARTED")),
        (2, of("RUNNING")),
        (4, of("RUNNING")),
        (7, of("SUCCEEDED")),
        (9, of("SUCCEEDED")),
    ]
    still_emulator.scripts.play("wc", steps)
    job, began = ask.launch("wc"), clock.now()

    def times() -> list[str | None]:
        (stage,) = ask(Job.get_execution_details, jobId=job["id"])["stages"]
        return [stage.get("startTime"), stage.get("endTime")]

    clock.advance(1)
    assert times() == [None, None]
    clock.advance(4)
    assert times() == [stamp(began + 2), None]
    clock.advance(5)
    assert times() == [stamp(began + 2), stamp(began + 7)]


@pytest.fixture
def stream(still_emulator: Emulator, ask: Asker) -> Json:
    still_emulator.scripts.play("stream", RUNNING, type="JOB_TYPE_STREAMING")
    return ask.launch("stream", parameters={"topic": "projects/p/topics/in"})


def test_a_snapshot_is_pending_then_ready_then_gone(ask: Asker, stream: Json, clock: ManualClock) -> None:
    taken = ask(Job.snapshot, {"ttl": "3600s", "snapshotSources": True, "description": "d"}, jobId=stream["id"])
    assert (taken["state"], taken["ttl"], taken["sourceJobId"]) == ("PENDING", "3600s", stream["id"])
    assert taken["pubsubMetadata"][0]["topicName"] == "projects/p/topics/in"
    assert "diskSizeBytes" not in taken
    clock.advance(4)
    ready = ask(Snapshot.get, snapshotId=taken["id"])
    assert (ready["state"], ready["diskSizeBytes"]) == ("READY", "1048576")
    assert ask(Snapshot.list_of_job, jobId=stream["id"])["snapshots"] == [ready]
    assert ask(Snapshot.list, jobId="another") == {}
    clock.advance(3600)
    assert ask(Snapshot.list) == {}


def test_a_snapshot_can_be_deleted_by_either_path(ask: Asker, stream: Json) -> None:
    first, second = (ask(Job.snapshot, {}, jobId=stream["id"])["id"] for _ in range(2))
    assert ask(Snapshot.delete, snapshotId=first) == {}
    assert ask(Project.delete_snapshots, snapshotId=second) == {}
    for method in (Snapshot.delete, Project.delete_snapshots):
        with pytest.raises(RefusedError, match="404"):
            ask(method, snapshotId=first)


def test_a_job_starts_from_a_snapshot_that_is_ready(ask: Asker, stream: Json, clock: ManualClock) -> None:
    taken = ask(Job.snapshot, {}, jobId=stream["id"])["id"]
    with pytest.raises(RefusedError, match="FAILED_PRECONDITION"):
        ask(Job.create, {"name": "from-it", "createdFromSnapshotId": taken})
    clock.advance(4)
    job = ask(Job.create, {"name": "from-it", "createdFromSnapshotId": taken})
    assert ask.job(job)["createdFromSnapshotId"] == taken
    with pytest.raises(RefusedError, match="404"):
        ask(Job.create, {"name": "from-none", "createdFromSnapshotId": "none"})


def test_only_a_running_streaming_job_has_snapshots(ask: Asker, stream: Json) -> None:
    batch = ask.launch("batch")
    with pytest.raises(RefusedError, match="FAILED_PRECONDITION"):
        ask(Job.snapshot, {}, jobId=batch["id"])
    for ttl in ("0s", f"{31 * 24 * 3600}s", "a week"):
        with pytest.raises(RefusedError, match="400"):
            ask(Job.snapshot, {"ttl": ttl}, jobId=stream["id"])


def test_a_worker_leases_reports_and_loses_an_item(ask: Asker, still_emulator: Emulator, clock: ManualClock) -> None:
    still_emulator.scripts.play("wc", [(0, "JOB_STATE_RUNNING"), (0, Stages([{"stageId": "F1", "state": "EXECUTION_STATE_RUNNING"}]))])
    job = ask.launch("wc")["id"]
    item = ask(WorkItem.lease, {"workerId": "w"}, jobId=job)["workItems"][0]
    assert ask(WorkItem.lease, {"workerId": "v"}, jobId=job) == {}

    def report(worker: str, index: int) -> Json:
        status = {"workItemId": item["id"], "reportIndex": str(index)}
        state: Json = ask(WorkItem.report_status, {"workerId": worker, "workItemStatuses": [status]}, jobId=job)["workItemServiceStates"][0]
        return state

    assert report("w", 1)["nextReportIndex"] == "2"
    assert "out of sequence" in report("w", 1)["completeWorkStatus"]["message"]
    assert "not leased" in report("v", 2)["completeWorkStatus"]["message"]
    clock.advance(3600)
    assert "not leased" in report("w", 2)["completeWorkStatus"]["message"]
    assert ask(WorkItem.lease, {"workerId": "v"}, jobId=job)["workItems"][0]["initialReportIndex"] == "2"


def test_a_worker_gets_a_response_to_each_message_of_a_kind_that_has_one(ask: Asker) -> None:
    sent = [{"workerHealthReport": {"vmIsHealthy": True}}, {"workerMessageCode": {"code": "X"}}, {"workerMetrics": {}}]
    reply = ask(Location.worker_messages, {"workerMessages": sent})
    assert reply["workerMessageResponses"] == [{"workerHealthReportResponse": {"reportInterval": "60s"}}, {"workerMetricsResponse": {}}]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-01:00"])
def test_a_time_outside_the_years_that_there_are_is_refused(ask: Asker, moment: str) -> None:
    job = ask.launch("wc")
    with pytest.raises(RefusedError, match="Invalid value at 'endTime'"):
        ask(Debug.get_worker_stacktraces, {"workerId": "w", "endTime": moment}, jobId=job["id"])
