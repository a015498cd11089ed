"""How much longer a job on the emulator takes than the same pipeline in Beam's in-process runner.

``python -m bench.emulator [--runs N] [--lines N]`` times a word count from the call of ``Pipeline.run`` to the job's end, with the
in-process runner that DirectRunner falls back to and with DataflowRunner. The start of the job's process, mostly the import of Beam, is
measured separately. ``over_direct`` in the last line is the job's median time without that start, divided by that of the other runner.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow_dataflow_ext.emulator.engines import beam_child
from bench.measuring import figures, table

IN_PROCESS = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
CHILD = Path(beam_child.__file__).with_name("__main__.py")
LOOK = 0.25
"""Seconds between two polls of Beam's client, instead of five: the client's wait is not a cost of the job."""


def run_once(options: list[str], output: str) -> float:
    """Seconds from the submission of the pipeline to its end."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    pipeline = beam.Pipeline(options=PipelineOptions([*options, "--save_main_session"]))
    lines = pipeline | "Read" >> beam.io.ReadFromText("gs://bench/lines.txt")
    counts = lines | "Split" >> beam.FlatMap(str.split) | "Count" >> beam.combiners.Count.PerElement()
    _ = counts | "Format" >> beam.MapTuple("{}: {}".format) | "Write" >> beam.io.WriteToText(output)
    began = time.perf_counter()
    pipeline.run().wait_until_finish()
    return time.perf_counter() - began


def client(request: dict[str, Any]) -> None:
    """Run the pipeline with both runners in turn, on the same objects in the emulator's bucket; this is the process that submits."""
    from apache_beam.internal.gcp import auth
    from apache_beam.runners.dataflow import dataflow_runner

    auth._Credentials._credentials_init = True  # there are no credentials, and looking for them takes a minute
    dataflow_runner.time = SimpleNamespace(time=time.time, sleep=lambda seconds: time.sleep(min(seconds, LOOK)))
    remote = ["--runner=DataflowRunner", "--no_auth", f"--dataflow_endpoint={request['endpoint']}", "--project=my-project"]
    remote += ["--region=us-central1", "--temp_location=gs://bench/temp"]
    ways = {"direct": [f"--runner={IN_PROCESS}", "--no_auth"], "emulator": remote}
    found: dict[str, list[float]] = {"direct": [], "emulator": [], "start": []}
    for number in range(request["runs"] + 1):
        seconds = {name: run_once(options, f"gs://bench/{name}/{number}") for name, options in ways.items()}
        seconds["start"] = start_once()
        if number:  # the first run fills the caches
            for name, each in seconds.items():
                found[name].append(each)
    print(json.dumps(found))


def start_once() -> float:
    """Seconds until a job's process is ready to receive its pipeline; this one receives none and ends."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-P", str(CHILD)], env={**os.environ, "NO_GCE_CHECK": "true"}, capture_output=True, check=False)
    return time.perf_counter() - began


def measure(runs: int, lines: int) -> dict[str, list[float]]:
    """Seconds of each run: ``direct``, ``emulator``, and ``start`` of a process that runs a job."""
    from airflow_dataflow_ext.emulator import Emulator

    text = "".join(f"the word {number % 997} and the word {number % 31} in a line of its own\n" for number in range(lines))
    with tempfile.TemporaryDirectory() as data, Emulator(engine="beam", data=Path(data)) as emulator:
        emulator.objects.write("gs://bench/lines.txt", text.encode())
        request = json.dumps({"endpoint": emulator.url, "runs": runs})
        environment = {**os.environ, "STORAGE_EMULATOR_HOST": emulator.gcs_url}
        program = [sys.executable, "-m", "bench.emulator", "--client", request]
        done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="measured runs with each runner")
    parser.add_argument("--lines", type=int, default=200_000, help="lines of the input text")
    parser.add_argument("--client", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        client(json.loads(options.client))
        return
    found = measure(options.runs, options.lines)
    rows = [(name, *(f"{of(each):.2f}" for of in (statistics.median, min, max))) for name, each in found.items()]
    table(("what", "median s", "least s", "most s"), rows)
    direct, emulator, start = (statistics.median(found[name]) for name in ("direct", "emulator", "start"))
    seconds = {"direct_seconds": round(direct, 2), "emulator_seconds": round(emulator, 2), "start_seconds": round(start, 2)}
    figures({"over_direct": round((emulator - start) / direct, 3), **seconds})


if __name__ == "__main__":
    main()
