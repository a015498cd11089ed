"""One real Airflow for all tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.chaos_stack import NOTICED_FAST
from demo.stack import Stack
from tests.stack.cloud import Cloud


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Scheduler, LocalExecutor, triggerer and the emulator; Airflow notices within seconds that a process has died."""
    env = {**NOTICED_FAST, "CHAOS_PROVIDER": "ours", "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1"}
    home = Path(os.environ.get("STACK_HOME") or tmp_path_factory.mktemp("stack"))
    arguments = ("--engine", "scripted", "--no-gcs")
    with Stack(home, Path(__file__).parent / "dags", parallelism=6, env=env, emulator=arguments, progress=print) as running:
        yield running


@pytest.fixture(scope="session")
def cloud(stack: Stack) -> Cloud:
    return Cloud(stack)
