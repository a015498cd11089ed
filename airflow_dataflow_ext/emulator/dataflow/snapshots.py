"""Snapshots of streaming jobs.

Source: https://cloud.google.com/dataflow/docs/guides/using-snapshots
"""

from __future__ import annotations

import random
import re
from functools import partial

from airflow_dataflow_ext.api.dataflow.methods import Job, Project, Snapshot
from airflow_dataflow_ext.api.dataflow.states import RUNNING, STREAMING
from airflow_dataflow_ext.emulator.dataflow.jobs import JobRecord, Json
from airflow_dataflow_ext.emulator.dataflow.values import duration_of, seconds_of, stamp
from airflow_dataflow_ext.emulator.dataflow.world import Call, World, answers
from airflow_dataflow_ext.emulator.http.errors import invalid, missing, not_now

_DAY = 24 * 3600.0
DEFAULT_TTL = "604800s"
LONGEST = 30 * _DAY
"""Longest lifetime of a snapshot, in seconds; an assumption, since it is not documented."""
_PUBSUB_LIFE = 7 * _DAY
_SIZE = "1048576"
_TOPIC = re.compile(r"projects/[^/]+/(topics|subscriptions)/([^/]+)")


@answers(Job.snapshot)
def take(world: World, call: Call) -> Json:
    record = call.job(world)
    if record.state != RUNNING or record.type != STREAMING:
        raise not_now(f"Job {record.id} is {record.type or 'untyped'} in {record.state}; only a running streaming job has snapshots")
    ttl = call.body.get("ttl", DEFAULT_TTL)
    if not 0 < duration_of(ttl) <= LONGEST:
        raise invalid(f"ttl must be greater than 0 s and at most 30 days; it is {ttl}")
    now = world.clock.now()
    snapshot: Json = {
        "id": str(random.randrange(10**18, 9 * 10**18)),
        "projectId": call.project,
        "region": call.location,
        "sourceJobId": record.id,
        "creationTime": stamp(now),
        "ttl": ttl,
        "state": "PENDING",
        "description": call.body.get("description", ""),
    }
    if call.body.get("snapshotSources"):
        snapshot["pubsubMetadata"] = _sources(record, snapshot["id"], stamp(now + min(_PUBSUB_LIFE, duration_of(ttl))))
    world.snapshots[snapshot["id"]] = snapshot
    world.clock.after(world.settings.snapshot_seconds / 2, lambda: snapshot.update(state="RUNNING"))
    world.clock.after(world.settings.snapshot_seconds, lambda: snapshot.update(state="READY", diskSizeBytes=_SIZE))
    world.clock.after(duration_of(ttl), partial(_expire, world, snapshot["id"]))
    return dict(snapshot)


def restore(world: World, snapshot: Json) -> None:
    """Restore a snapshot after a restart of the emulator; one that was not ready by then has failed."""
    if snapshot["state"] != "READY":
        snapshot = {**snapshot, "state": "FAILED"}
    world.snapshots[snapshot["id"]] = snapshot
    left = seconds_of(snapshot["creationTime"]) + duration_of(snapshot["ttl"]) - world.clock.now()
    world.clock.after(max(0.0, left), partial(_expire, world, snapshot["id"]))


def _expire(world: World, snapshot_id: str) -> None:
    world.snapshots.pop(snapshot_id, None)


def _sources(record: JobRecord, snapshot_id: str, expires: str) -> list[Json]:
    """The Pub/Sub sources that the job's parameters name."""
    found = [match for value in record.work.parameters.values() if (match := _TOPIC.fullmatch(value))]
    name = f"projects/{record.place[0]}/snapshots/dataflow-{snapshot_id}"
    return [{"topicName": match[0], "snapshotName": f"{name}-{match[2]}", "expireTime": expires} for match in found]


@answers(Snapshot.get)
def get(world: World, call: Call) -> Json:
    return _find(world, call, call.path["snapshotId"])


@answers(Snapshot.list)
def list_snapshots(world: World, call: Call) -> Json:
    return {"snapshots": _of(world, call, call.query.get("jobId"))}


@answers(Snapshot.list_of_job)
def list_of_job(world: World, call: Call) -> Json:
    return {"snapshots": _of(world, call, call.job(world).id)}


@answers(Snapshot.delete)
def delete(world: World, call: Call) -> Json:
    del world.snapshots[_find(world, call, call.path["snapshotId"])["id"]]
    return {}


@answers(Project.delete_snapshots)
def delete_snapshots(world: World, call: Call) -> Json:
    if not call.query.get("snapshotId"):
        raise invalid("snapshotId must be given")
    del world.snapshots[_find(world, call, call.query["snapshotId"])["id"]]
    return {}


def _find(world: World, call: Call, snapshot_id: str) -> Json:
    snapshot = world.snapshots.get(snapshot_id)
    if snapshot is None or (snapshot["projectId"], snapshot["region"]) != call.place:
        raise missing(f"Snapshot {snapshot_id} could not be found in project {call.project}, location {call.location}")
    return snapshot


def _of(world: World, call: Call, job_id: str | None) -> list[Json]:
    mine = [entry for entry in world.snapshots.values() if (entry["projectId"], entry["region"]) == call.place]
    return [entry for entry in mine if not job_id or entry["sourceJobId"] == job_id]
