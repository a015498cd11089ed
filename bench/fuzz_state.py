"""The state of the emulator: set up before a series of requests, and compared after each."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import replace
from typing import Any

from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.emulator import Emulator, WaveScript
from tests.asking import LOCATION, PROJECT, Asker

STREAM = [(0.0, "JOB_STATE_RUNNING")]
BUCKET = "a-bucket"


class State:
    """An emulator with a few jobs, runs and objects, whose whole state can be compared."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.port = int(emulator.url.rpartition(":")[2])
        self.gcs_port = int(emulator.gcs_url.rpartition(":")[2])
        self.ids: dict[str, list[str]] = {}
        self.names: dict[str, str] = {}
        self.session = ""
        self._settings = dict(vars(emulator.settings))
        self._wave_settings = replace(emulator.wave.settings)

    def begin(self) -> None:
        """Reset the emulator, and start a few jobs and runs."""
        emulator = self.emulator
        emulator.wipe()
        self.restore()
        emulator.scripts.play("stream*", STREAM, type="JOB_TYPE_STREAMING")
        ask = Asker(emulator.url)
        stream, batch = ask.launch("stream"), ask.launch_flex("batch")
        snapshot = ask(Job.snapshot, {"ttl": "3600s"}, jobId=stream["id"])
        emulator.wave.scripts.add(WaveScript(pattern="Sales", seconds=60))
        org = emulator.wave
        run = emulator.clock.on_loop(lambda: org.runs.start(next(iter(org.sources().values())), job_type="user", prefix="03C"))
        self._storage("POST", f"b?project={PROJECT}", {"name": BUCKET})
        flow = next(iter(org.dataflows))
        self.names = {"{stream}": stream["id"], "{batch}": batch["id"], "{run}": run.id, "{flow}": flow}
        self.ids = {
            "projectId": [PROJECT],
            "location": [LOCATION],
            "jobId": [stream["id"], batch["id"], run.id, run.handle],
            "snapshotId": [snapshot["id"]],
            "stageId": ["F1"],
            "version": ["59.0", "49.0", "68.0"],
            "nodeId": list(run.node_ids),
            "dataflowId": list(org.dataflows),
            "recipeId": list(org.recipes),
            "connectorId": list(org.connectors),
        }

    def restore(self) -> None:
        """Undo settings of control calls that would affect all later requests."""
        vars(self.emulator.settings).update(self._settings)
        vars(self.emulator.wave.settings).update(vars(self._wave_settings))
        self.emulator.wave.used = 0
        self.emulator.faults.clear()
        self.session = self.session if self.session in self.emulator.wave.sessions else self.emulator.wave.sessions.issue()

    def seen(self, port: int) -> str:
        """The whole state of the emulator, as a text.

        :param port: the port of the request; the objects in Cloud Storage are included only for its port, because no other request can
            change them.
        """
        emulator, world = self.emulator, self.emulator.world
        held: Any = emulator.clock.on_loop(
            lambda: [
                emulator.jobs.all(),
                [(record.messages, record.events, record.metrics, record.stages) for record in world.jobs],
                world.snapshots,
                [(*key, held) for key, held in world.leases.items()],
                [script.to_json() for script in emulator.scripts],
                [fault.to_json() for fault in emulator.faults],
                emulator.wave.all_runs(),
                [script.to_json() for script in emulator.wave.scripts],
                [emulator.wave.dataflows, emulator.wave.recipes, emulator.wave.connectors],
                [vars(emulator.settings), vars(emulator.wave.settings)],
                emulator.clock.now(),
            ]
        )
        return json.dumps([held, self._objects() if port == self.gcs_port else ()], default=str, sort_keys=True)

    def _objects(self) -> list[Any]:
        buckets = self._storage("GET", f"b?project={PROJECT}").get("items", [])
        return [(bucket, self._storage("GET", f"b/{bucket['name']}/o?versions=true").get("items", [])) for bucket in buckets]

    def _storage(self, verb: str, path: str, body: Any = None) -> Any:
        content = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.gcs_port}/storage/v1/{path}", data=content, method=verb)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError:
            return {}
