"""The pipeline of a streaming Flex template that counts the ticks of a clock in windows of ten seconds until the job is drained."""

from __future__ import annotations

import argparse
import logging

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.window import FixedWindows


def main() -> None:
    """Produce a tick every ``--every`` seconds, and write a line ``ticks: count`` for each window to ``--output``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", required=True, help="prefix of the result files")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two ticks")
    args, beam_args = parser.parse_known_args()

    with beam.Pipeline(options=PipelineOptions(beam_args, streaming=True)) as pipeline:
        (
            pipeline
            | "Clock" >> PeriodicImpulse(fire_interval=args.every)
            | "Windows" >> beam.WindowInto(FixedWindows(10))
            | "Ticks" >> beam.Map(lambda _: ("ticks", 1))
            | "Sum" >> beam.CombinePerKey(sum)
            | "Format" >> beam.MapTuple("{}: {}".format)
            | "Write" >> beam.io.WriteToText(args.output, file_name_suffix=".txt")
        )


if __name__ == "__main__":
    logging.getLogger().setLevel(logging.INFO)
    main()
