"""Shared by the tests of the Beam engine: pipelines, launches, and a report that records everything."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

from airflow_dataflow_ext.api.dataflow.states import TERMINAL
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.engines.beam import BeamEngine
from airflow_dataflow_ext.emulator.engines.contract import Work
from airflow_dataflow_ext.emulator.google.gcs import GcsServer

TEXT = "\n".join(topics.values())
PIPELINES = Path(__file__).parents[3] / "dags" / "pipelines"
WORDCOUNT_IMAGE = "us-docker.pkg.dev/example/wordcount:1"
DEADLINE = 90.0

FAILING = """
import apache_beam as beam

def parse(text):
    try:
        return int(text)
    except ValueError as error:
        raise LookupError(f"no order {text}") from error

with beam.Pipeline() as pipeline:
    pipeline | beam.Create(["1", "many"]) | "Parse" >> beam.Map(parse)
"""
NO_PIPELINE = """
try:
    {}["orders"]
except KeyError as error:
    raise LookupError("no such table: orders") from error
"""
CRASHING = "import os; print('about to fall', flush=True); os.abort()"
SLOW = """
import subprocess, sys, time
import apache_beam as beam
from apache_beam.metrics import Metrics

child = subprocess.Popen(["sleep", "600"])
print("helper", child.pid, flush=True)

def crawl(number):
    Metrics.counter("slow", "steps").inc()
    time.sleep(0.2)
    return number

with beam.Pipeline(runner="DataflowRunner") as pipeline:
    pipeline | beam.Create([None]) | beam.FlatMap(lambda _: range(3000)) | "Crawl" >> beam.Map(crawl)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLOW
STREAMING = """
import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.window import FixedWindows

with beam.Pipeline(options=PipelineOptions(streaming=True)) as pipeline:
    (pipeline | PeriodicImpulse(fire_interval=0.2) | beam.WindowInto(FixedWindows(1)) | beam.Map(lambda _: ("ticks", 1))
     | "Sum" >> beam.CombinePerKey(sum) | beam.MapTuple("{}: {}".format) | "Write" >> beam.io.WriteToText("gs://out/ticks"))
"""
YAML = """
pipeline:
  type: chain
  transforms:
    - type: ReadFromText
      config: {path: "gs://in/scores.txt"}
    - type: Filter
      name: Long
      config: {language: python, keep: "len(line) > {{ least }}"}
    - type: WriteToText
      config: {path: "gs://out/long"}
"""


class Recorder:
    """A Report that records everything, and the times of states and messages."""

    def __init__(self) -> None:
        self.states: list[tuple[float, str]] = []
        self.worker_logs: list[str] = []
        self.messages: list[tuple[float, str, str]] = []
        self.events: list[str] = []
        self.metric_list: Sequence[Mapping[str, Any]] = []
        self.stage_list: Sequence[Mapping[str, Any]] = []
        self.stack_list: Sequence[Mapping[str, Any]] = []
        self.fields: dict[str, Any] = {}
        self.changed = asyncio.Event()

    def state(self, state: str) -> None:
        self.states.append((time.monotonic(), state))
        self.changed.set()

    def message(self, text: str, importance: str = "JOB_MESSAGE_BASIC") -> None:
        self.messages.append((time.monotonic(), importance, text))
        self.changed.set()

    def worker_log(self, text: str, severity: str = "ERROR") -> None:
        self.worker_logs.append(text)

    def autoscaling(self, event_type: str, text: str, *, current: int, target: int) -> None:
        self.events.append(text)

    def metrics(self, metrics: Sequence[Mapping[str, Any]]) -> None:
        self.metric_list = metrics
        self.changed.set()

    def stages(self, stages: Sequence[Mapping[str, Any]]) -> None:
        self.stage_list = stages

    def stacks(self, stacks: Sequence[Mapping[str, Any]]) -> None:
        self.stack_list = stacks

    def describe(self, fields: Mapping[str, Any]) -> None:
        self.fields.update(fields)

    @property
    def path(self) -> list[str]:
        return [state.removeprefix("JOB_STATE_") for _, state in self.states]

    def texts(self, importance: str) -> list[str]:
        return [text for _, level, text in self.messages if level == f"JOB_MESSAGE_{importance}"]

    def metric(self, **wanted: str) -> Any:
        """The value of the only metric whose name or context contains these values."""
        found = [m for m in self.metric_list if wanted.items() <= {**m["name"], **m["name"]["context"]}.items()]
        assert len(found) == 1, found
        return found[0].get("scalar", found[0].get("distribution"))

    def ended(self) -> bool:
        return bool(self.states) and self.states[-1][1] in TERMINAL

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                assert not self.ended(), (self.path, self.texts("ERROR"))
                self.changed.clear()
                await self.changed.wait()


Started = Callable[..., contextlib.AbstractAsyncContextManager[BeamEngine]]


def flex(image: str, **parameters: str) -> Work:
    return work_of("flex", image, spec={"image": image}, parameters=parameters)


def work_of(kind: str, name: str, **fields: Any) -> Work:
    job_id = re.sub(r"\W", "-", name)
    return Work(job_id=job_id, job_name="try-it", project_id="my-project", location="europe-west1", kind=kind, **fields)


@contextlib.contextmanager
def killed_at_last(program: str, log_dir: Path, name: str) -> Iterator[None]:
    """Run an engine with a program in a separate process, and kill that process in the end."""
    job = {"job_id": name, "job_name": name, "project_id": "my-project", "location": "l", "kind": "flex", "spec": {"image": name}}
    source = f"""
import asyncio, unittest.mock
from airflow_dataflow_ext.emulator.engines.beam import BeamEngine
from airflow_dataflow_ext.emulator.engines.contract import Work

async def main():
    BeamEngine({ {name: program}!r}, "http://127.0.0.1:1", {str(log_dir)!r}).start(Work(**{job!r}), unittest.mock.Mock())
    await asyncio.sleep(600)

asyncio.run(main())
"""
    engine = subprocess.Popen([sys.executable, "-c", source], cwd=PIPELINES.parents[1])
    try:
        yield
    finally:
        engine.kill()
        engine.wait()


def words(storage: GcsServer | Emulator, prefix: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for path in storage.objects.list(prefix):
        for line in (storage.objects.read(path) or b"").decode().splitlines():
            word, count = line.rsplit(": ", 1)
            counts[word] += int(count)
    return counts
