"""An image stands for a Python, too: what the emulator's own cannot run, another can."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from airflow_dataflow_ext.emulator.engines.beam import BeamEngine
from airflow_dataflow_ext.emulator.engines.images import read_images
from airflow_dataflow_ext.emulator.google.gcs import GcsServer
from tests.emulator.engines.trial import Recorder, work_of

YAML_TEMPLATE = "gs://dataflow-templates-europe-west1/latest/flex/Yaml_Template"
ORDERS = """
pipeline:
  type: chain
  transforms:
    - type: ReadFromCsv
      config: {path: "gs://in/orders.csv"}
    - type: Filter
      config: {language: python, keep: "amount > 3"}
    - type: WriteToJson
      config: {path: "gs://out/orders"}
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has what this one has, but for the pandas that Beam's data frames need."""
    home = tmp_path_factory.mktemp("image") / "environment"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    (packages / "beneath.pth").write_text(sysconfig.get_path("purelib"))
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--ignore-installed", "pandas>=2.2,<3"]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"pandas below 3 cannot be fetched here: {done.stderr[-200:]}")
    return python


def test_beam_yaml_reads_csv_and_writes_json_with_the_python_of_its_image(
    storage: GcsServer, python: Path, tmp_path: Path, log_dir: Path
) -> None:
    storage.objects.write("gs://in/orders.csv", b"name,amount\nann,1\nbob,5\n")
    (tmp_path / "images.json").write_text(json.dumps({YAML_TEMPLATE: {"python": str(python)}}))

    async def run() -> Recorder:
        engine, report = BeamEngine(read_images(tmp_path / "images.json"), storage.url, log_dir), Recorder()
        engine.start(work_of("flex", "csv", template=YAML_TEMPLATE, parameters={"yaml_pipeline": ORDERS}), report)
        await report.until(report.ended)
        return report

    report = asyncio.run(run())
    assert report.path[-1] == "DONE", report.texts("ERROR")
    (path,) = storage.objects.list("gs://out/orders")
    assert [json.loads(line) for line in (storage.objects.read(path) or b"").splitlines()] == [{"name": "bob", "amount": 5}]
