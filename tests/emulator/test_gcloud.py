"""``gcloud dataflow``, unchanged, drives the emulator."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator, Metrics
from tests.asking import LOCATION, PROJECT, Asker
from tests.discovery import breaches_of_call

pytestmark = pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")

Gcloud = Callable[..., Any]
TEMPLATE, SPEC = "gs://b/classic", "gs://b/flex.json"
WORDS = [{"name": {"origin": "user", "name": "words", "context": {"step": "Count"}}, "scalar": 7}]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.scripts.play("batch*", [(0, "JOB_STATE_RUNNING")])
        emulator.scripts.play("stream*", [(0, "JOB_STATE_RUNNING"), (0, Metrics(WORDS))], type="JOB_TYPE_STREAMING")
        emulator.objects.write(SPEC, json.dumps({"image": "i", "sdkInfo": {"language": "PYTHON"}}).encode())
        yield emulator


@pytest.fixture(scope="module")
def environment(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    settings = {
        "CONFIG": str(tmp_path_factory.mktemp("gcloud")),
        "AUTH_DISABLE_CREDENTIALS": "true",
        "CORE_DISABLE_PROMPTS": "1",
        "CORE_DISABLE_USAGE_REPORTING": "true",
        "CORE_PROJECT": PROJECT,
        "API_ENDPOINT_OVERRIDES_DATAFLOW": f"{emulator.url}/",
    }
    return {**os.environ, **{f"CLOUDSDK_{name}": value for name, value in settings.items()}}


@pytest.fixture
def gcloud(emulator: Emulator, environment: dict[str, str]) -> Iterator[Gcloud]:
    """Runs a command and returns its output as JSON; each of its requests must be in the discovery document, and be granted."""
    emulator.requests.clear()

    def run(*command: str) -> Any:
        arguments = ["gcloud", *command, f"--region={LOCATION}", "--format=json"]
        done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")

    yield run
    asked = [entry for entry in emulator.requests if entry.query.get("alt") == "json"]
    assert asked, "nothing came from gcloud"
    for entry in asked:
        assert (entry.status, breaches_of_call(entry.verb, entry.path, entry.query, entry.body, {})) == (200, []), entry


@pytest.fixture
def ask(emulator: Emulator) -> Asker:
    return Asker(emulator.url)


def kept_of(emulator: Emulator, job_id: str) -> dict[str, Any]:
    """A job, with what the emulator keeps of its launch."""
    return next(entry for entry in emulator.jobs.all() if entry["job"]["id"] == job_id)


def test_gcloud_runs_a_classic_template(emulator: Emulator, gcloud: Gcloud) -> None:
    flags = [f"--gcs-location={TEMPLATE}", "--parameters=day=1,least=2", "--max-workers=3", "--staging-location=gs://b/t"]
    answer = gcloud("dataflow", "jobs", "run", "batch-classic", *flags, "--additional-user-labels=team=a")
    (job,) = emulator.jobs.by_name("batch-classic")
    assert (answer["id"], answer["location"], answer["projectId"]) == (job["id"], LOCATION, PROJECT)
    assert job["labels"].items() >= {"team": "a"}.items()
    kept = kept_of(emulator, job["id"])
    assert (kept["kind"], kept["template"], kept["parameters"]) == ("classic", TEMPLATE, {"day": "1", "least": "2"})
    assert kept["environment"].items() >= {"maxWorkers": 3, "tempLocation": "gs://b/t"}.items()


def test_gcloud_runs_a_flex_template(emulator: Emulator, gcloud: Gcloud) -> None:
    flags = [f"--template-file-gcs-location={SPEC}", "--parameters=day=1,least=2", "--max-workers=3"]
    answer = gcloud("dataflow", "flex-template", "run", "batch-flex", *flags, "--additional-user-labels=team=a")
    (job,) = emulator.jobs.by_name("batch-flex")
    assert answer["job"]["id"] == job["id"]
    assert job["labels"].items() >= {"team": "a"}.items()
    kept = kept_of(emulator, job["id"])
    assert (kept["kind"], kept["template"], kept["parameters"]) == ("flex", SPEC, {"day": "1", "least": "2"})
    assert kept["environment"]["maxWorkers"] == 3


def test_gcloud_lists_and_describes(emulator: Emulator, gcloud: Gcloud, ask: Asker) -> None:
    job = ask.launch("batch-listed")
    (listed,) = [entry for entry in gcloud("dataflow", "jobs", "list", "--status=active") if entry["name"] == "batch-listed"]
    assert (listed["id"], listed["state"], listed["type"]) == (job["id"], "Running", "Batch")
    described = gcloud("dataflow", "jobs", "describe", job["id"], "--full")
    (kept,) = emulator.jobs.by_name("batch-listed")
    assert described == kept


@pytest.mark.parametrize(("verb", "state"), [("drain", "JOB_STATE_DRAINED"), ("cancel", "JOB_STATE_CANCELLED")])
def test_gcloud_ends_a_job(gcloud: Gcloud, ask: Asker, verb: str, state: str) -> None:
    job = ask.launch(f"stream-{verb}")
    gcloud("dataflow", "jobs", verb, job["id"])
    assert state in {ask.job(job).get(field) for field in ("requestedState", "currentState")}


def test_gcloud_lists_the_metrics(gcloud: Gcloud, ask: Asker) -> None:
    job = ask.launch("stream-measured")
    (metric,) = gcloud("beta", "dataflow", "metrics", "list", job["id"], "--source=user")
    assert (metric["name"], metric["scalar"]) == (WORDS[0]["name"], 7)


def test_gcloud_takes_a_snapshot_and_lists_it(gcloud: Gcloud, ask: Asker) -> None:
    job = ask.launch("stream-kept")
    taken = gcloud("dataflow", "snapshots", "create", f"--job-id={job['id']}", "--snapshot-ttl=2h")
    (listed,) = gcloud("dataflow", "snapshots", "list", f"--job-id={job['id']}")["snapshots"]
    assert (listed["id"], listed["sourceJobId"], listed["ttl"]) == (taken["id"], job["id"], "7200s")
