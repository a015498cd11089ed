"""One region with many jobs, in a separate process: over REST for this package, over gRPC for the stock provider.

``python -m bench.waiting_region rest|grpc FOLDER --jobs N`` prints one JSON line with its ports when it is ready; FOLDER contains the
certificate. All jobs run until the control port ends them. The server answers with prepared bytes, because it shares the machine with the
client; it does not check requests as the emulator does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from bench.waiting_control import WARM_UP, Jobs, control, ends_badly, listen

PROJECT, LOCATION = "a-project", "us-central1"
RUNNING, DONE, FAILED = "JOB_STATE_RUNNING", "JOB_STATE_DONE", "JOB_STATE_FAILED"
SAID, WHY = (
    {"id": text, "time": "2026-01-01T00:00:00Z", "messageText": text, "messageImportance": f"JOB_MESSAGE_{importance}"}
    for text, importance in (("Executing operation Read+Count.", "BASIC"), ("A work item failed 4 times.", "ERROR"))
)


def job_ids(count: int) -> list[str]:
    """Job ids in the service's form."""
    return [f"2026-01-01_00_00_00-{10**17 + number}" for number in range(count)]


def end_of(job_id: str) -> str:
    """The state in which a job ends."""
    return FAILED if ends_badly(job_id) else DONE


class Region(Jobs):
    """The jobs of one region, and the number of requests."""

    def __init__(self, count: int) -> None:
        super().__init__(job_ids(count))
        self.requests = 0
        self.order: list[str] = []
        self._bodies = {job_id: self._body(job_id, RUNNING) for job_id in (*self.ids, WARM_UP)}

    def asked(self) -> int:
        return self.requests

    def body(self, job_id: str) -> bytes:
        """The job's summary."""
        return self._bodies[job_id]

    def end(self, job_id: str) -> None:
        self.ended[job_id] = time.monotonic()
        self.order.append(job_id)
        self._bodies[job_id] = self._body(job_id, end_of(job_id))

    def page(self, which: Sequence[str], start: int, size: int) -> bytes:
        """A page of a list; a list of active jobs leaves out those that have ended."""
        found: list[bytes] = []
        position = start
        while position < len(which) and len(found) < size:
            if which is self.order or which[position] not in self.ended:
                found.append(self._bodies[which[position]])
            position += 1
        token = f',"nextPageToken":"{position}"' if position < len(which) else ""
        return b'{"jobs":[' + b",".join(found) + b"]" + token.encode() + b"}"

    @staticmethod
    def _body(job_id: str, state: str) -> bytes:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        version = {"version": "2.77.0", "versionDisplayName": "Apache Beam Python 3.12 SDK", "sdkSupportStatus": "SUPPORTED"}
        times = {"currentStateTime": now, "createTime": now, "startTime": now}
        names = {"id": job_id, "projectId": PROJECT, "name": f"bench-{job_id[-6:]}", "type": "JOB_TYPE_BATCH", "location": LOCATION}
        return json.dumps({**names, "currentState": state, **times, "jobMetadata": {"sdkVersion": version}}).encode()


def answers(region: Region) -> web.Application:
    """The REST interface."""
    said, why = (json.dumps({"jobMessages": messages}).encode() for messages in ([SAID], [SAID, WHY]))

    def reply(body: bytes) -> web.Response:
        region.requests += 1
        return web.Response(body=body, content_type="application/json")

    async def jobs(request: web.Request) -> web.Response:
        which = region.ids if request.query["filter"] == "ACTIVE" else region.order
        return reply(region.page(which, int(request.query.get("pageToken", 0)), int(request.query["pageSize"])))

    async def job(request: web.Request) -> web.Response:
        return reply(region.body(request.match_info["job"]))

    async def messages(request: web.Request) -> web.Response:
        return reply(why if b'"' + FAILED.encode() in region.body(request.match_info["job"]) else said)

    app = web.Application()
    root = f"/v1b3/projects/{PROJECT}/locations/{LOCATION}/jobs"
    app.add_routes([web.get(root, jobs), web.get(root + "/{job}", job), web.get(root + "/{job}/messages", messages)])
    return app


async def serve_rest(region: Region, folder: Path) -> int:
    """Serve the REST interface with TLS, and return the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return await listen(answers(region), context)


async def serve_grpc(region: Region, folder: Path) -> int:
    """Serve the same jobs as ``GetJob`` of the service's gRPC interface, with TLS, and return the port."""
    import grpc
    from google.cloud.dataflow_v1beta3 import types

    request_type, job_type = types.GetJobRequest.pb(types.GetJobRequest()).__class__, types.Job.pb(types.Job()).__class__

    async def get_job(request: Any, _: Any) -> Any:
        region.requests += 1
        facts = json.loads(region.body(request.job_id))
        job = job_type(id=facts["id"], project_id=PROJECT, name=facts["name"], location=LOCATION, type_=1)
        job.current_state = getattr(types.JobState, facts["currentState"]).value
        for moment in (job.create_time, job.start_time, job.current_state_time):
            moment.FromJsonString(facts["createTime"])
        return job

    handler = grpc.unary_unary_rpc_method_handler(get_job, request_type.FromString, job_type.SerializeToString)
    server = grpc.aio.server()
    service = grpc.method_handlers_generic_handler("google.dataflow.v1beta3.JobsV1Beta3", {"GetJob": handler})
    server.add_generic_rpc_handlers((service,))
    pair = (folder / "server.key").read_bytes(), (folder / "server.pem").read_bytes()
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    await server.start()
    region.keep = server  # type: ignore[attr-defined]
    return int(port)


async def serve() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("rest", "grpc"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, required=True)
    asked = parser.parse_args()
    region = Region(asked.jobs)
    port = await (serve_rest if asked.kind == "rest" else serve_grpc)(region, asked.folder)
    print(json.dumps({"port": port, "control": await listen(control(region))}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
