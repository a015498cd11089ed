"""Beam's own examples, submitted by Beam's own client: the same outputs and metrics as without an emulator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from tests.emulator.engines.trial import TEXT

PROGRAM = Path(__file__).with_name("beam_examples.py")
ROWS = (
    ("wordcount", 1),
    ("wordcount_minimal", 1),
    ("wordcount_with_metrics", 1),
    ("wordcount_debugging", 1),
    ("group_with_coder", 1),
    ("custom_ptransform", 3),
    ("mergecontacts", 1),
    ("multiple_output_pardo", 1),
    ("coders", 1),
    ("filters", 1),
    ("combiners", 1),
)
WITH_METRICS = {"wordcount_with_metrics", "wordcount_debugging", "combiners"}
COMBINED = {
    "count: ('ann', 3)",
    "count of all: 10",
    "mean: ('joe', 20.0)",
    "mean of all: 9.7",
    "top: ('joe', [30, 20])",
    "top of all: [30, 20, 10]",
    "sum: ('fred', 9)",
    "gap: ('mary', 6)",
    "gap of all: 29",
}
INPUTS = {
    "words.txt": TEXT[:20000] + "\nFlourish\nFlourish Flourish stomach\n\n",
    "players.txt": "joe,10\nfred,3\nmary,7\njoe,20\nfred,6\njoe,30\nann,5\nann,5\nann,10\nmary,1\n",
    "email.txt": "Nathan\tnathan@example.com\nNicky\tnicky@example.com\nNicky\tnicky@example.org\n",
    "phone.txt": "Nathan\t555-1234\nLuddite\t+31 20 555\n",
    "snailmail.txt": "Nomad\t\nNathan\tMain Street 1\nWriter\tQuiet Lane 2\n",
    "scores.txt": '{"host": ["Germany", 1], "guest": ["Italy", 0]}\n{"host": ["Germany", 1], "guest": ["Brasil", 3]}\n',
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """All rows; the program submits every example, and then waits for each as Beam's client does."""
    directory = tmp_path_factory.mktemp("examples")
    with Emulator(engine="beam") as emulator:
        for name, text in INPUTS.items():
            (directory / name).write_text(text)
            emulator.objects.write(f"gs://examples/in/{name}", text.encode())
        request = {"endpoint": emulator.url, "bucket": "gs://examples", "directory": str(directory)}
        environment = {**os.environ, "STORAGE_EMULATOR_HOST": emulator.gcs_url}
        subprocess.run([sys.executable, str(PROGRAM), json.dumps(request)], env=environment, check=True, timeout=600, capture_output=True)
        yield json.loads((directory / "result.json").read_text())


@pytest.mark.parametrize(("name", "jobs"), ROWS)
def test_an_example_of_beam_does_on_the_emulator_what_it_does_alone(rows: dict[str, Any], name: str, jobs: int) -> None:
    direct, dataflow = rows[name]["direct"], rows[name]["dataflow"]
    assert dataflow["states"] == ["DONE"] * jobs
    assert dataflow["outputs"] == direct["outputs"]
    assert direct["outputs"]
    assert dataflow["metrics"] == direct["metrics"]
    assert bool(direct["metrics"]) == (name in WITH_METRICS)


def test_combiners_combine_all_elements_and_each_key(rows: dict[str, Any]) -> None:
    row = rows["combiners"]["dataflow"]
    assert set(row["outputs"]) >= COMBINED
    assert row["metrics"] == [["combiners", "added", 10]] * 2 + [["combiners", "points", [10, 97, 1, 30]]]  # two steps use Gap


def test_metrics_carry_the_names_that_the_author_gave_to_the_steps(rows: dict[str, Any]) -> None:
    assert rows["wordcount_with_metrics"]["dataflow"]["steps"] == ["split"]
    assert {name for _, name, _ in rows["wordcount_with_metrics"]["dataflow"]["metrics"]} >= {"empty_lines", "word_len_dist"}
