"""Pipelines as users write them, and a helper that submits them unchanged: ``python pipeline.py --runner=DataflowRunner``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airflow_dataflow_ext.api.dataflow.methods import Message
from airflow_dataflow_ext.emulator import Emulator
from tests.asking import Asker

DEADLINE = 240.0

COUNTED = '''
"""Counts words; its functions use a global of this file and a package that is staged with it."""
import argparse, json, re, sys

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState

import shouting

WORD = re.compile("[a-z]+")


class Words(beam.DoFn):
    def process(self, line):
        found = WORD.findall(line)
        Metrics.counter("words", "lines").inc()
        Metrics.distribution("words", "in_a_line").update(len(found))
        Metrics.string_set("words", "seen").add(found[0])
        Metrics.gauge("words", "last").set(len(found))
        yield from found


parser = argparse.ArgumentParser()
parser.add_argument("--output")
own, rest = parser.parse_known_args()
pipeline = beam.Pipeline(options=PipelineOptions(rest, save_main_session=True))
(pipeline | beam.Create(["a b c", "b c", "c"]) | "Words" >> beam.ParDo(Words()) | "Count" >> beam.combiners.Count.PerElement()
 | "Shout" >> beam.MapTuple(lambda word, count: shouting.shout(word) + f": {count}") | "Write" >> beam.io.WriteToText(own.output))
result = pipeline.run()
state = result.wait_until_finish()
query = result.metrics().query()
counters = {metric.key.metric.name: [metric.key.step, metric.committed] for metric in query["counters"]}
spreads = {m.key.metric.name: [m.committed.count, m.committed.sum, m.committed.max] for m in query["distributions"]}
print(json.dumps({"state": state, "job": result.job_id(), "counters": counters, "distributions": spreads}))
'''
FAILING = """
import logging, sys

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

def parse(text):
    logging.info("parsing %s", text)
    logging.getLogger("chatty").info("a detail")
    return int(text)

with beam.Pipeline(options=PipelineOptions(sys.argv[1:])) as pipeline:
    pipeline | beam.Create(["1", "many"]) | "Parse" >> beam.Map(parse)
"""
SLOW = """
import json, sys, time

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions

def crawl(number):
    Metrics.counter("slow", "steps").inc()
    time.sleep(0.2)

pipeline = beam.Pipeline(options=PipelineOptions(sys.argv[1:]))
pipeline | beam.Create([None]) | beam.FlatMap(lambda _: range(3000)) | "Crawl" >> beam.Map(crawl)
result = pipeline.run()
print(result.job_id(), flush=True)
sys.stdin.readline()
result.cancel()
while not result.is_in_terminal_state():
    time.sleep(0.5)
    state = result.state
print(json.dumps({"state": state}))
"""
TEMPLATE = """
import sys

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

class Options(PipelineOptions):
    @classmethod
    def _add_argparse_args(cls, parser):
        parser.add_value_provider_argument("--input", type=str)
        parser.add_value_provider_argument("--output", type=str)
        parser.add_value_provider_argument("--least", type=int, default=1)

class Frequent(beam.DoFn):
    def __init__(self, least):
        self.least = least

    def process(self, pair):
        if pair[1] >= self.least.get():
            yield f"{pair[0]}: {pair[1]}"

options = Options(sys.argv[1:])
with beam.Pipeline(options=options) as pipeline:
    (pipeline | beam.io.ReadFromText(options.input) | beam.FlatMap(str.split) | beam.combiners.Count.PerElement()
     | beam.ParDo(Frequent(options.least)) | beam.io.WriteToText(options.output))
"""
STREAM = """
import argparse

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.window import FixedWindows

parser = argparse.ArgumentParser()
parser.add_argument("--word")
own, rest = parser.parse_known_args()
pipeline = beam.Pipeline(options=PipelineOptions(rest))
(pipeline | "Clock" >> PeriodicImpulse(fire_interval=0.2) | beam.WindowInto(FixedWindows(1)) | "Tick" >> beam.Map(lambda _: (own.word, 1))
 | "Sum" >> beam.CombinePerKey(sum) | beam.MapTuple("{}: {}".format) | "Write" >> beam.io.WriteToText("gs://streams/" + own.word))
print(pipeline.run().job_id())
"""

WINDOWS = '''
import sys

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.userstate import TimeDomain, TimerSpec, on_timer
from apache_beam.transforms.window import FixedWindows
from apache_beam.utils.timestamp import Timestamp

class Alarm(beam.DoFn):
    """Rings when its window has ended, and soon after it was set."""
    END, SOON = TimerSpec("end", TimeDomain.WATERMARK), TimerSpec("soon", TimeDomain.REAL_TIME)

    def process(self, pair, window=beam.DoFn.WindowParam, end=beam.DoFn.TimerParam(END), soon=beam.DoFn.TimerParam(SOON)):
        end.set(window.end)
        soon.set(Timestamp.now() + 0.1)

    @on_timer(END)
    def ring(self):
        Metrics.counter("alarm", "end").inc()

    @on_timer(SOON)
    def ring_soon(self):
        Metrics.counter("alarm", "soon").inc()

class Keep(beam.DoFn):
    def process(self, pair, window=beam.DoFn.WindowParam):
        with FileSystems.create(f"gs://streams/windows/{window.start.micros // 1000000}") as file:
            file.write(str(pair[1]).encode())

def from_elsewhere(number, step):
    return "ticks", step

pipeline = beam.Pipeline(options=PipelineOptions(sys.argv[1:]))
steps = pipeline | "Steps" >> beam.Create([1])
counts = (pipeline | "Clock" >> PeriodicImpulse(fire_interval=0.2) | beam.WindowInto(FixedWindows(2))
          | "Tick" >> beam.Map(from_elsewhere, beam.pvalue.AsSingleton(steps)) | "Sum" >> beam.CombinePerKey(sum))
counts | "Keep" >> beam.ParDo(Keep())
def with_all(pair, loads):
    for load in loads:
        Metrics.counter("loads", "seen").inc()

loads = pipeline | "Loads" >> PeriodicImpulse(fire_interval=1) | "Load" >> beam.WindowInto(FixedWindows(2))
(pipeline | "Reads" >> PeriodicImpulse(fire_interval=0.5) | "Read" >> beam.WindowInto(FixedWindows(2))
 | "With all" >> beam.Map(with_all, beam.pvalue.AsList(loads)))
counts | "Alarm" >> beam.ParDo(Alarm())
print(pipeline.run().job_id())
'''


class Author:
    """A user with a directory of pipelines and an emulator.

    Only environment variables point to the emulator, and requests to other machines fail.
    """

    def __init__(self, directory: Path, emulator: Emulator) -> None:
        self._directory = directory
        key = directory / "key.json"
        key.write_text(json.dumps(emulator.service_account_key()))
        self._endpoint = emulator.url
        nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "localhost,127.0.0.1"}
        self._environment = {**os.environ, **nowhere, "STORAGE_EMULATOR_HOST": emulator.gcs_url, "GOOGLE_APPLICATION_CREDENTIALS": str(key)}

    def submit(self, source: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start the program of a pipeline, with further environment variables."""
        program = self._directory / f"pipeline_{abs(hash(source))}.py"
        program.write_text(source)
        options = ["--runner=DataflowRunner", f"--dataflow_endpoint={self._endpoint}", "--project=my-project"]
        options += ["--region=us-central1", "--temp_location=gs://staging/temp"]
        return subprocess.Popen(
            [sys.executable, str(program), *options, *arguments],
            env={**self._environment, "PYTHONPATH": str(self._directory / "packages"), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def package(self) -> Path:
        """Build a wheel with the module ``shouting``, which only the author can import, and not the emulator."""
        packages = self._directory / "packages"
        packages.mkdir(exist_ok=True)
        (packages / "shouting.py").write_text("def shout(word):\n    return word.upper() + '!'\n")
        wheel = self._directory / "shouting-1.0-py3-none-any.whl"
        about = "shouting-1.0.dist-info"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.write(packages / "shouting.py", "shouting.py")
            archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
            archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{about}/RECORD", f"shouting.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
        return wheel


def finish(process: subprocess.Popen[str], text: str | None = None) -> tuple[int, str, str]:
    """Wait until a program ends, and return its exit status, output and errors."""
    try:
        output, errors = process.communicate(text, timeout=DEADLINE)
    finally:
        process.kill()
    return process.returncode, output, errors


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def in_state(ask: Asker, job_id: str, state: str) -> bool:
    now = ask.state({"id": job_id})
    assert now == f"JOB_STATE_{state}" or now not in ("JOB_STATE_FAILED", "JOB_STATE_DONE"), errors_of(ask, job_id)
    return now == f"JOB_STATE_{state}"


def errors_of(ask: Asker, job_id: str) -> list[str]:
    found = ask(Message.list, jobId=job_id, minimumImportance="JOB_MESSAGE_ERROR").get("jobMessages", [])
    return [message["messageText"] for message in found]
