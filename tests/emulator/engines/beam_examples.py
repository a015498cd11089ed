"""A program that runs Beam's own examples twice: with DataflowRunner against an emulator, and in its own process.

``python beam_examples.py '{"endpoint": ..., "bucket": "gs://...", "directory": ...}'`` reads the examples' input from files such as
``words.txt`` in the directory, and writes the outputs, metrics and state of both runs of each example to ``result.json`` there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apache_beam as beam
from apache_beam.internal.gcp import auth
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics
from apache_beam.runners.dataflow import dataflow_runner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

PLAYERS, CONTACTS, SCORES, WORDS = "players.txt", ("email", "phone", "snailmail"), "scores.txt", "words.txt"


def filters(arguments: Sequence[str]) -> None:
    """The filters example without its BigQuery source and sink, as Beam's own test runs it."""
    from apache_beam.examples.cookbook.filters import filter_cold_days

    output = next(argument.removeprefix("--output=") for argument in arguments if argument.startswith("--output="))
    days = [(2010, 1, 1, 3), (2012, 1, 2, 3), (2011, 1, 3, 5), (2013, 1, 4, 3), (2011, 3, 3, 0), (2010, 7, 1, 5)]
    rows = [dict(zip(("year", "month", "day", "mean_temp", "removed"), (*day, "x"), strict=True)) for day in days]
    options = beam.options.pipeline_options.PipelineOptions([argument for argument in arguments if not argument.startswith("--output=")])
    with beam.Pipeline(options=options) as pipeline:
        _ = (
            filter_cold_days(pipeline | beam.Create(rows), 1)
            | beam.Map(lambda row: json.dumps(row, sort_keys=True))
            | beam.io.WriteToText(output)
        )


class Gap(beam.CombineFn):
    """The highest number minus the lowest one, with both in the accumulator."""

    added = Metrics.counter("combiners", "added")

    def create_accumulator(self) -> tuple[float, float]:
        return math.inf, -math.inf

    def add_input(self, accumulator: tuple[float, float], number: float) -> tuple[float, float]:
        self.added.inc()
        return min(accumulator[0], number), max(accumulator[1], number)

    def merge_accumulators(self, accumulators: Iterable[tuple[float, float]]) -> tuple[float, float]:
        lowest, highest = zip(*accumulators, strict=True)
        return min(lowest), max(highest)

    def extract_output(self, accumulator: tuple[float, float]) -> float:
        return accumulator[1] - accumulator[0]


def player(line: str) -> tuple[str, int]:
    name, points = line.split(",")
    Metrics.distribution("combiners", "points").update(int(points))
    return name, int(points)


def combiners(arguments: Sequence[str]) -> None:
    """Beam's combiners, for all elements and for each key; Beam has tests of them but no example pipeline."""
    files = argparse.ArgumentParser()
    files.add_argument("--input")
    files.add_argument("--output")
    known, rest = files.parse_known_args(arguments)
    with beam.Pipeline(options=beam.options.pipeline_options.PipelineOptions(rest)) as pipeline:
        points = pipeline | beam.io.ReadFromText(known.input) | beam.Map(player)
        numbers = points | beam.Values()
        combined = {
            "count": points | "Count" >> beam.combiners.Count.PerKey(),
            "count of all": numbers | "CountAll" >> beam.combiners.Count.Globally(),
            "mean": points | "Mean" >> beam.combiners.Mean.PerKey(),
            "mean of all": numbers | "MeanOfAll" >> beam.combiners.Mean.Globally(),
            "top": points | "Top" >> beam.combiners.Top.LargestPerKey(2),
            "top of all": numbers | "TopOfAll" >> beam.combiners.Top.Largest(3),
            "sum": points | "Sum" >> beam.CombinePerKey(sum),
            "gap": points | "Gap" >> beam.CombinePerKey(Gap()),
            "gap of all": numbers | "GapOfAll" >> beam.CombineGlobally(Gap()),
        }
        lines = [found | f"Format {name}" >> beam.Map(lambda value, name=name: f"{name}: {value}") for name, found in combined.items()]
        _ = lines | beam.Flatten() | beam.io.WriteToText(known.output)


def example(name: str, function: str = "run") -> Callable[[Sequence[str]], None]:
    return lambda arguments: getattr(importlib.import_module(f"apache_beam.examples.{name}"), function)(arguments)


EXAMPLES: dict[str, tuple[Callable[[Sequence[str]], None], dict[str, str]]] = {
    "wordcount": (example("wordcount"), {"input": WORDS}),
    "wordcount_minimal": (example("wordcount_minimal", "main"), {"input": WORDS}),
    "wordcount_with_metrics": (example("wordcount_with_metrics", "main"), {"input": WORDS}),
    "wordcount_debugging": (example("wordcount_debugging"), {"input": WORDS}),
    "group_with_coder": (example("cookbook.group_with_coder"), {"input": PLAYERS}),
    "custom_ptransform": (example("cookbook.custom_ptransform"), {"input": WORDS}),
    "mergecontacts": (example("cookbook.mergecontacts"), {f"input_{name}": f"{name}.txt" for name in CONTACTS}),
    "multiple_output_pardo": (example("cookbook.multiple_output_pardo"), {"input": WORDS}),
    "coders": (example("cookbook.coders"), {"input": SCORES}),
    "filters": (filters, {}),
    "combiners": (combiners, {"input": PLAYERS}),
}


class Runs:
    """Keeps the results of ``Pipeline.run``, which the examples do not return."""

    def __init__(self) -> None:
        self.results: list[Any] = []
        self._run = beam.Pipeline.run
        self._wait = dataflow_runner.DataflowPipelineResult.wait_until_finish

    def __enter__(self) -> list[Any]:
        def run(pipeline: Any, *args: Any, **kwargs: Any) -> Any:
            result = self._run(pipeline, *args, **kwargs)
            if result not in self.results:
                self.results.append(result)
            return result

        beam.Pipeline.run = run
        dataflow_runner.DataflowPipelineResult.wait_until_finish = lambda *_, **__: None  # the wait follows when all have been submitted
        return self.results

    def __exit__(self, *_: object) -> None:
        beam.Pipeline.run = self._run
        dataflow_runner.DataflowPipelineResult.wait_until_finish = self._wait


def outputs(prefix: str) -> list[str]:
    found = FileSystems.match([f"{prefix}*"])[0].metadata_list
    return sorted(line for file in found for line in FileSystems.open(file.path).read().decode().splitlines())


def figures(results: Sequence[Any]) -> list[list[Any]]:
    """The name and value of each user metric."""
    queries = [result.metrics().query() for result in results]
    counters = [[m.key.metric.namespace, m.key.metric.name, m.committed] for query in queries for m in query["counters"]]
    spreads = [(m.key.metric, m.committed) for query in queries for m in query["distributions"]]
    spread = [[key.namespace, key.name, [value.count, value.sum, value.min, value.max]] for key, value in spreads]
    return sorted(entry for entry in counters + spread if re.match(r"apache_beam\.examples|(?!apache_beam)", entry[0]))


def steps(results: Sequence[Any]) -> list[str]:
    return sorted({m.key.step for result in results for m in result.metrics().query()["counters"]})


def run(name: str, home: str, prefix: str, options: Sequence[str]) -> tuple[list[Any], str]:
    function, inputs = EXAMPLES[name]
    output = f"{prefix}/{name}/out"
    names = ("output_tsv", "output_stats") if name == "mergecontacts" else ("output",)
    arguments = [f"--{option}={home}/{file}" for option, file in inputs.items()] + [f"--{option}={output}-{option}" for option in names]
    with Runs() as results:
        function([*arguments, *options])
    return results, output


def main(request: dict[str, str]) -> None:
    auth._Credentials._credentials_init = True  # there are no credentials, and looking for them takes a minute
    # Beam's client polls every five seconds; the jobs take less.
    dataflow_runner.time = SimpleNamespace(time=time.time, sleep=lambda seconds: time.sleep(min(seconds, 0.2)))
    bucket, directory = request["bucket"], Path(request["directory"])
    remote = ["--runner=DataflowRunner", "--no_auth", f"--dataflow_endpoint={request['endpoint']}", "--project=my-project"]
    remote += ["--region=us-central1", f"--temp_location={bucket}/temp"]
    submitted = {name: run(name, f"{bucket}/in", f"{bucket}/out", remote) for name in EXAMPLES}
    rows: dict[str, Any] = {}
    for name in EXAMPLES:
        results, output = run(name, str(directory), str(directory), [f"--runner={FnApiRunner.__module__}.FnApiRunner", "--no_auth"])
        rows[name] = {"direct": {"outputs": outputs(output), "metrics": figures(results)}}
    for name, (results, output) in submitted.items():
        states = [result.wait_until_finish() for result in results]
        seen = {"outputs": outputs(output), "metrics": figures(results), "steps": steps(results)}
        rows[name]["dataflow"] = {"states": states, "jobs": [result.job_id() for result in results], **seen}
    (directory / "result.json").write_text(json.dumps(rows))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
