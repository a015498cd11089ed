"""OpenLineage events of a template's launch, as an HTTP server receives them from a whole Airflow task."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from tests.api.dataflow.test_template_check import WORDS, raw

ROOT = Path(__file__).parents[2]
RUN = """
from airflow.utils import db
db.initdb()
from airflow.sdk import DAG
from airflow_dataflow_ext.operators.dataflow import DataflowTemplatedJobStartOperator
from tests.bags import store
with DAG("books", schedule=None) as dag:
    DataflowTemplatedJobStartOperator(
        task_id="count", template="gs://t/x", poll_sleep=0.1, deferrable=True,
        parameters={"inputFile": "gs://books/2026/*.txt", "output": "gs://counts/part"},
    )
store(dag)
assert dag.test().state == "success"
"""


@pytest.fixture
def sink() -> Iterator[tuple[str, list[Any]]]:
    """The URL of a server that takes lineage events, and what it has taken."""
    events: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", events
        server.shutdown()


def test_a_sink_receives_what_the_job_read_and_wrote(emulator: Emulator, sink: tuple[str, list[Any]], tmp_path: Path) -> None:
    url, events = sink
    emulator.objects.write("gs://t/x_metadata", json.dumps(raw(WORDS)["metadata"]).encode())
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0.3, "JOB_STATE_DONE")])
    (tmp_path / "dags").mkdir()
    airflow = {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps({"type": "http", "url": url}),
        "NO_PROXY": "127.0.0.1,localhost",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    env = {**kept, **airflow, **emulator.connections()}
    done = subprocess.run([sys.executable, "-c", RUN], cwd=ROOT, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    ours = [event for event in events if event["job"]["name"] == "books.count"]
    assert {event["eventType"] for event in ours} == {"START", "COMPLETE"}
    for event in ours:
        assert [(data["namespace"], data["name"]) for data in event["inputs"]] == [("gs://books", "2026")]
        assert [(data["namespace"], data["name"]) for data in event["outputs"]] == [("gs://counts", "part")]
