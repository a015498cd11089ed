"""Every method on every path is answered, in Google's own form."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from airflow_dataflow_ext.api.dataflow.methods import all_methods
from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.emulator import Autoscaling, Describe, Emulator, Fault, JobMessage, ManualClock, Metrics, Stages
from airflow_dataflow_ext.emulator.dataflow.world import answers
from tests.asking import Asker
from tests.discovery import breaches, breaches_of_call

VARIANTS = [variant for method in all_methods() for variant in method.variants()]
TOPIC = "projects/a-project/topics/in"
STREAM = [
    (0, "JOB_STATE_RUNNING"),
    (0, Describe({"jobMetadata": {"sdkVersion": {"version": "2.60.0", "sdkSupportStatus": "SUPPORTED"}}})),
    (0, JobMessage("It runs.")),
    (0, Autoscaling("Worker pool started.", 1, 2)),
    (0, Stages([{"stageId": "F1", "state": "EXECUTION_STATE_RUNNING", "progress": {"currentProgress": 0.5}}])),
    (
        0,
        Metrics(
            [
                {
                    "name": {"origin": "user", "name": "n", "context": {"step": "s1"}},
                    "distribution": {"count": 1, "min": 0, "max": 0, "sum": 0},
                }
            ]
        ),
    ),
]


class World:
    """What every method can be asked about: a running streaming job, a snapshot, templates."""

    def __init__(self, emulator: Emulator, clock: ManualClock) -> None:
        self.emulator = emulator
        emulator.scripts.play("stream", STREAM, type="JOB_TYPE_STREAMING")
        metadata = {"name": "T", "parameters": [{"name": "a", "label": "A", "helpText": "An a.", "isOptional": True}]}
        emulator.objects.write("gs://b/t_metadata", json.dumps(metadata).encode())
        ask = Asker(emulator.url)
        self.job_id = ask.launch("stream", parameters={})["id"]
        snapshot = requests.post(
            f"{emulator.url}/v1b3/projects/a-project/locations/us-central1/jobs/{self.job_id}:snapshot", json={}, timeout=10
        )
        self.snapshot_id = snapshot.json()["id"]
        clock.advance(10)

    def values(self) -> dict[str, Any]:
        """A value for each name in a path."""
        place = {"projectId": "a-project", "location": "us-central1"}
        return {**place, "jobId": self.job_id, "snapshotId": self.snapshot_id, "stageId": "F1"}


@pytest.fixture
def world(still_emulator: Emulator, clock: ManualClock) -> World:
    return World(still_emulator, clock)


QUERIES: dict[str, dict[str, str]] = {
    "templates.get": {"gcsPath": "gs://b/t", "view": "METADATA_ONLY"},
    "templates.launch": {"gcsPath": "gs://b/t"},
    "jobs.get": {"view": "JOB_VIEW_ALL"},
    "jobs.list": {"filter": "ACTIVE", "pageSize": "5", "createTimeRange.startTime": "2020-01-01T00:00:00Z"},
    "jobs.messages.list": {"minimumImportance": "JOB_MESSAGE_BASIC", "startTime": "2020-01-01T00:00:00Z"},
    "jobs.getMetrics": {"startTime": "2020-01-01T00:00:00Z"},
}
ENVIRONMENT = {
    "tempLocation": "gs://b/tmp",
    "maxWorkers": 3,
    "machineType": "n1-standard-1",
    "additionalUserLabels": {"team": "a"},
    "additionalExperiments": ["x"],
    "ipConfiguration": "WORKER_IP_PRIVATE",
    "enableStreamingEngine": True,
}
BODIES: dict[str, dict[str, Any]] = {
    "workerMessages": {"workerMessages": [{"workerHealthReport": {"vmIsHealthy": True}, "time": "2026-01-01T00:00:00Z"}]},
    "jobs.workItems.lease": {"workerId": "w", "requestedLeaseDuration": "60s"},
    "jobs.workItems.reportStatus": {"workerId": "w", "workItemStatuses": [{"workItemId": "1", "reportIndex": "1"}]},
    "templates.create": {"gcsPath": "gs://b/t", "jobName": "created", "environment": ENVIRONMENT, "parameters": {"a": "1"}},
    "templates.launch": {"jobName": "launched", "environment": ENVIRONMENT, "parameters": {"a": "1"}},
    "flexTemplates.launch": {"launchParameter": {"jobName": "flex", "containerSpecGcsPath": "gs://b/f", "environment": ENVIRONMENT}},
    "jobs.create": {
        "name": "graph",
        "type": "JOB_TYPE_BATCH",
        "clientRequestId": "r1",
        "steps": [{"kind": "K", "name": "s", "properties": {}}],
    },
    "jobs.update": {"requestedState": "JOB_STATE_CANCELLED"},
    "jobs.snapshot": {"ttl": "3600s", "snapshotSources": True, "description": "a snapshot"},
    "jobs.debug.getConfig": {"workerId": "w", "componentId": "c"},
    "jobs.debug.sendCapture": {"workerId": "w", "data": "d", "dataFormat": "RAW"},
    "jobs.debug.getWorkerStacktraces": {"workerId": "w"},
}


def query_of(method: Method, world: World) -> dict[str, str]:
    query = dict(QUERIES.get(method.id, {}))
    if method.id == "deleteSnapshots":
        query["snapshotId"] = world.snapshot_id
    return query


@pytest.mark.parametrize("method", VARIANTS, ids=[f"{variant.verb} {variant.path}" for variant in VARIANTS])
def test_request_and_reply_are_as_the_discovery_document_says(method: Method, world: World) -> None:
    values = {name: value for name, value in world.values().items() if name in method.placeholders}
    body = BODIES[method.id] if method.body else None
    query = query_of(method, world)
    path = method.path.format(**values)
    response = requests.request(method.verb, f"{world.emulator.url}/{path}", params=query, json=body, timeout=60)
    assert response.status_code == 200, response.text
    assert breaches_of_call(method.verb, path, query, body, response.json()) == []


def test_there_are_42_paths() -> None:
    assert len(VARIANTS) == 42


def test_replies_carry_what_was_put_in(world: World) -> None:
    base = f"{world.emulator.url}/v1b3/projects/a-project/locations/us-central1/jobs/{world.job_id}"
    messages = requests.get(f"{base}/messages", timeout=60).json()
    assert [entry["messageText"] for entry in messages["jobMessages"]] == ["It runs."]
    assert messages["autoscalingEvents"][0]["targetNumWorkers"] == "2"
    (stage,) = requests.get(f"{base}/executionDetails", timeout=60).json()["stages"]
    assert stage.pop("startTime")
    assert stage == {"stageId": "F1", "state": "EXECUTION_STATE_RUNNING", "progress": {"currentProgress": 0.5}}
    job = requests.get(base, timeout=60).json()
    assert job["jobMetadata"]["sdkVersion"] == {"version": "2.60.0", "sdkSupportStatus": "SUPPORTED"}


def test_a_method_without_an_answer_is_501_and_names_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(answers.rows, "jobs.debug.getConfig")
    path = f"v1b3/projects/a-project/jobs/{world.job_id}/debug/getConfig"
    response = requests.post(f"{world.emulator.url}/{path}", json={}, timeout=60)
    assert response.status_code == 501
    assert response.json()["error"]["status"] == "UNIMPLEMENTED"
    assert "jobs.debug.getConfig" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("schema", "value", "place"),
    [
        ("Job", {"nme": "x"}, ".nme"),
        ("Job", {"name": 1}, ".name"),
        ("Job", {"currentState": "RUNNING"}, ".currentState"),
        ("Job", {"createTime": "today"}, ".createTime"),
        ("Snapshot", {"diskSizeBytes": 12}, ".diskSizeBytes"),
        ("Job", {"labels": {"a": 1}}, ".labels[a]"),
        ("ListJobsResponse", {"jobs": []}, ".jobs"),
        ("ListJobsResponse", {"jobs": [{"name": ""}]}, ".jobs[0].name"),
    ],
)
def test_the_checker_of_these_tests_sees_breaches(schema: str, value: Any, place: str) -> None:
    assert [breach.split(":")[0] for breach in breaches({"$ref": schema}, value, sent_by_service=True)] == [place]


def test_an_error_too_is_said_in_googles_form(world: World) -> None:
    world.emulator.faults.set(Fault(method="jobs.get", status=429, headers={"Retry-After": "7"}))
    response = requests.get(f"{world.emulator.url}/v1b3/projects/a-project/jobs/{world.job_id}", timeout=60)
    error = response.json()["error"]
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    assert (error["code"], error["status"], error["errors"][0]["reason"]) == (429, "RESOURCE_EXHAUSTED", "rateLimitExceeded")
