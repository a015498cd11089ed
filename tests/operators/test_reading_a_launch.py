"""How far a reader has to go: what one launch passes through, and how often it is made."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import airflow_dataflow_ext
from airflow_dataflow_ext.api.jobs.facts import FACTS_KEY, SUMMARY_KEY
from airflow_dataflow_ext.emulator import Emulator
from tests.airflow_task import needs_3_3
from tests.operators.launches import instance

PACKAGE = Path(airflow_dataflow_ext.__path__[0])
MODULES = 45


def entered(run: Callable[[], Any]) -> Counter[tuple[str, str]]:
    """How often each function of the package was called in this thread, by its module and name."""
    found: Counter[tuple[str, str]] = Counter()

    def profile(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_flags & CO_OPTIMIZED and code.co_filename.startswith(str(PACKAGE)):
            found[str(Path(code.co_filename).relative_to(PACKAGE)), code.co_name] += 1

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return found


@pytest.fixture
def launch(emulator: Emulator) -> Counter[tuple[str, str]]:
    """What one classic launch calls, from the entry into the task to its end."""
    instance(wait_until_finished=False, validate="off", task_id="before").run()  # imports what a launch needs
    return entered(instance(wait_until_finished=False, validate="off").run)


@needs_3_3
def test_a_classic_launch_passes_through_few_modules(launch: Counter[tuple[str, str]]) -> None:
    assert len({module for module, _ in launch}) <= MODULES


@needs_3_3
def test_a_launch_asks_little_of_airflows_store(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read and each write is a call of the API server, and costs it some ten milliseconds."""
    from airflow_dataflow_ext.task.records import RecordStore

    asked: list[tuple[str, str]] = []
    get, put = RecordStore.get, RecordStore.set

    def noted_get(self: Any, key: str) -> Any:
        asked.append(("get", key))
        return get(self, key)

    def noted_set(self: Any, key: str, value: Any) -> None:
        asked.append(("set", key))
        put(self, key, value)

    monkeypatch.setattr(RecordStore, "get", noted_get)
    monkeypatch.setattr(RecordStore, "set", noted_set)
    emulator.scripts.play("*", [(0.0, "JOB_STATE_DONE")])
    assert instance(validate="off").run().state == "success"
    assert asked == [
        ("get", "launch"),
        ("set", "launch"),
        ("set", "launch"),
        ("get", SUMMARY_KEY),
        ("set", SUMMARY_KEY),
        ("set", SUMMARY_KEY),
        ("set", FACTS_KEY),
    ]


def test_a_launch_is_made_once(launch: Counter[tuple[str, str]]) -> None:
    assert launch["operators/dataflow_templates.py", "launch"] == 1
    assert launch["operators/dataflow_launch.py", "launcher"] == 1
