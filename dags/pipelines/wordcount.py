"""The pipeline of a Flex template that counts the words of text files.

A word is a sequence of letters and apostrophes (``WORD``) in lower case, so ``collections.Counter(WORD.findall(text.lower()))`` gives
the same counts without Beam. Each line of the output is ``word: count``; the lines have no particular order.
"""

from __future__ import annotations

import argparse
import logging
import re
from collections.abc import Iterator

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions

WORD = re.compile(r"[a-z']+")


class ExtractWords(beam.DoFn):
    """Splits a line into words, and counts empty lines and words per line in the job's metrics."""

    def __init__(self) -> None:
        self._empty_lines = Metrics.counter("wordcount", "empty_lines")
        self._words_per_line = Metrics.distribution("wordcount", "words_per_line")

    def process(self, line: str) -> Iterator[str]:
        words = WORD.findall(line.lower())
        if not line.strip():
            self._empty_lines.inc()
        self._words_per_line.update(len(words))
        yield from words


def main() -> None:
    """Count the words of ``--input`` and write them to ``--output``, except words that occur less than ``--min_count`` times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", required=True, help="glob of the text files to read")
    parser.add_argument("--output", required=True, help="prefix of the result files")
    parser.add_argument("--min_count", type=int, default=1)
    args, beam_args = parser.parse_known_args()
    min_count = args.min_count

    with beam.Pipeline(options=PipelineOptions(beam_args)) as pipeline:
        (
            pipeline
            | "Read" >> beam.io.ReadFromText(args.input)
            | "Words" >> beam.ParDo(ExtractWords())
            | "Count" >> beam.combiners.Count.PerElement()
            | "Frequent" >> beam.Filter(lambda item: item[1] >= min_count)
            | "Format" >> beam.MapTuple(lambda word, count: f"{word}: {count}")
            | "Write" >> beam.io.WriteToText(args.output, file_name_suffix=".txt")
        )


if __name__ == "__main__":
    logging.getLogger().setLevel(logging.INFO)
    main()
