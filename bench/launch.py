"""The CPU time of one launch in our hook and in the stock Google provider's, over HTTPS to the same local server.

``python -m bench.launch [--calls N] [--plain] [--limit]`` calls both hooks in turn in one process, with anonymous credentials, and
measures the CPU time of the calling thread. ``--plain`` uses HTTP. Only the endpoint of the stock hook is changed. ``--limit`` compares
our hook with the least that any client needs: one bare POST with ``requests``.
"""

from __future__ import annotations

import argparse
import json
import os
import ssl
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.certificates import make_certificates
from bench.measuring import child, figures, table

TEMPLATE = "gs://dataflow-templates/latest/Word_Count"
PARAMETERS = {"inputFile": "gs://b/in.txt", "output": "gs://b/out"}
ENVIRONMENT = {"tempLocation": "gs://b/tmp", "maxWorkers": 3}
WARM_UP = 3


class LaunchServer(BaseHTTPRequestHandler):
    """Answers every launch with a job."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = sent.get("jobName") or sent["launchParameter"]["jobName"]
        job = {"id": "2026-01-01_00_00_00-1", "projectId": "p", "name": name, "location": "us-central1"}
        body = json.dumps({"job": job}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _end_later() -> None:
    """End this process after ten minutes, even if its parent has been killed."""
    time.sleep(600)
    os._exit(0)


@contextmanager
def serving(certificates: Path | None) -> Iterator[str]:
    """Run the server in a separate process, so that its CPU time is not counted."""
    reading, writing = os.pipe()
    child_id = os.fork()
    if not child_id:
        server = ThreadingHTTPServer(("127.0.0.1", 0), LaunchServer)
        if certificates is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        os.write(writing, str(server.server_port).encode())
        threading.Thread(target=_end_later, daemon=True).start()
        server.serve_forever()
    port = int(os.read(reading, 8))
    try:
        yield f"{'https' if certificates else 'http'}://127.0.0.1:{port}"
    finally:
        os.kill(child_id, 9)
        os.waitpid(child_id, 0)


def launches(root: str) -> dict[str, Callable[[int], Any]]:
    """A function for each hook that launches one job."""
    from airflow.providers.google.cloud.hooks.dataflow import DataflowHook as StockHook
    from google.api_core.client_options import ClientOptions

    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    StockHook.get_client_options = lambda *_: ClientOptions(api_endpoint=root)  # type: ignore[method-assign]
    ours, stock = DataflowHook(), StockHook()

    def launch_ours(number: int) -> Any:
        return ours.launch_template(TEMPLATE, f"bench-{number}", PARAMETERS, ENVIRONMENT)

    def launch_stock(number: int) -> Any:
        return stock.launch_job_with_template(
            job_name=f"bench-{number}",
            variables=ENVIRONMENT,
            parameters=PARAMETERS,
            dataflow_template=TEMPLATE,
            project_id="p",
            location="us-central1",
        )

    return {"ours": launch_ours, "stock": launch_stock}


def posts(root: str) -> dict[str, Callable[[int], Any]]:
    """A function that launches with our hook, and one that posts the same body with ``requests`` over an open session."""
    import requests

    from airflow_dataflow_ext.hooks.dataflow import DataflowHook
    from airflow_dataflow_ext.transport.sync import SyncTransport

    hook = DataflowHook()
    sent: list[Any] = []
    plainly = SyncTransport.send

    def send(transport: SyncTransport, request: Any) -> Any:
        sent[:] = [transport, request]
        return plainly(transport, request)

    SyncTransport.send = send  # type: ignore[assignment,method-assign]
    hook.launch_template(TEMPLATE, "bench-0", PARAMETERS, ENVIRONMENT)
    SyncTransport.send = plainly  # type: ignore[method-assign]
    transport, request = sent
    session, url, body = requests.Session(), f"{root}/{request.target}", json.dumps(request.body).encode()
    headers = {"Content-Type": "application/json", **transport._tokens.headers()}

    def launch(number: int) -> Any:
        return hook.launch_template(TEMPLATE, f"bench-{number}", PARAMETERS, ENVIRONMENT)

    def post(_: int) -> Any:
        return session.post(url, data=body, headers=headers, timeout=60).json()["job"]

    return {"ours": launch, "post": post}


def measure(root: str, calls: int, make: Callable[[str], dict[str, Callable[[int], Any]]]) -> dict[str, list[float]]:
    """CPU milliseconds of each measured call."""
    both = make(root)
    spent: dict[str, list[float]] = {who: [] for who in both}
    for number in range(WARM_UP + calls):
        for who, launch in both.items():
            began = time.thread_time()
            job = launch(number)
            took = 1000 * (time.thread_time() - began)
            if not job["id"]:
                raise SystemExit(f"{who} got no job")
            if number >= WARM_UP:
                spent[who].append(took)
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=50, help="measured launches of each hook")
    parser.add_argument("--plain", action="store_true", help="HTTP instead of HTTPS")
    parser.add_argument("--limit", action="store_true", help="compare with a bare POST of the same body over an open session")
    parser.add_argument("--root", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.root:
        figures(measure(arguments.root, arguments.calls, posts if arguments.limit else launches))
        return
    with tempfile.TemporaryDirectory() as made:
        certificates = None if arguments.plain else make_certificates(Path(made))
        with serving(certificates) as root:
            extra = {"project": "p", "is_anonymous": True, "dataflow_endpoint": root}
            environment = {"AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": json.dumps({"conn_type": "google_cloud_platform", "extra": extra})}
            if certificates is not None:
                bundle = str(certificates / "roots.pem")
                environment |= {"REQUESTS_CA_BUNDLE": bundle, "HTTPLIB2_CA_CERTS": bundle}
            words = ["-m", "bench.launch", "--root", root, "--calls", str(arguments.calls), *(["--limit"] if arguments.limit else [])]
            spent = child(words, environment)
    rows = [(who, f"{statistics.median(each):.2f}", f"{statistics.mean(each):.2f}", f"{min(each):.2f}") for who, each in spent.items()]
    table(("hook", "CPU ms per launch, median", "mean", "minimum"), rows)
    ours, other = (statistics.median(each) for each in spent.values())
    name = "cpu_over_post" if arguments.limit else "cpu_ratio"
    figures({name: round(ours / other, 4), "calls": arguments.calls, "tls": not arguments.plain})


if __name__ == "__main__":
    main()
