"""Fixtures for engines: a Beam engine with an emulated Cloud Storage, and an author who submits pipelines."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.engines.beam import BeamEngine
from airflow_dataflow_ext.emulator.engines.images import Image, read_images
from airflow_dataflow_ext.emulator.google.gcs import GcsServer
from tests.asking import Asker
from tests.emulator.engines.messaging import Messaging, messaging
from tests.emulator.engines.submitted import Author
from tests.emulator.engines.trial import CRASHING, FAILING, NO_PIPELINE, PIPELINES, SLOW, STREAMING, STUBBORN, TEXT, YAML, Started


@pytest.fixture(scope="module")
def pubsub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Messaging]:
    with messaging(tmp_path_factory.mktemp("pubsub") / "log") as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PUBSUB_EMULATOR_HOST", running.host)
        yield running


@pytest.fixture(scope="module")
def storage() -> Iterator[GcsServer]:
    server = GcsServer()
    server.start()
    server.objects.make_bucket("out")
    server.objects.write("gs://in/topics.txt", TEXT.encode())
    server.objects.write("gs://in/scores.txt", b"ann\nbartholomew\ncy\ndemetrius\n")
    server.objects.write("gs://in/long.yaml", YAML.encode())
    yield server
    server.stop()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | Image]:
    home = tmp_path_factory.mktemp("pipelines")
    programs = {"failing": FAILING, "no-pipeline": NO_PIPELINE, "crashing": CRASHING}
    programs |= {"slow": SLOW, "stubborn": STUBBORN, "streaming": STREAMING}
    for name, source in programs.items():
        (home / f"{name}.py").write_text(source)
    return read_images(PIPELINES / "images.json") | {name: str(home / f"{name}.py") for name in programs}


@pytest.fixture(scope="module")
def log_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def engine(storage: GcsServer, images: dict[str, str], log_dir: Path) -> Started:
    @contextlib.asynccontextmanager
    async def started(**options: Any) -> AsyncIterator[BeamEngine]:
        engine = BeamEngine(images, storage.url, log_dir, **options)
        try:
            yield engine
        finally:
            await engine.close()

    return started


@pytest.fixture(scope="module")
def author(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Author:
    """Submits pipelines to the emulator of the module."""
    return Author(tmp_path_factory.mktemp("author"), emulator)


@pytest.fixture(scope="module")
def ask(emulator: Emulator) -> Asker:
    """Calls methods of the emulator of the module."""
    return Asker(emulator.url, project="my-project")
