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
from tests.airflow_task import TaskInstance, needs_3_3
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
def test_a_launch_asks_little_of_airflows_api_server(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call costs the server, and the task, some ten milliseconds."""
    asked: list[tuple[str, str]] = []
    answer = TaskInstance._answer

    def noted(self: TaskInstance, request: Any) -> Any:
        asked.append((request.method, request.url.path.rpartition("/")[2]))
        return answer(self, request)

    monkeypatch.setattr(TaskInstance, "_answer", noted)
    assert instance(validate="off", deferrable=True).run().state == "success"
    any_task = ("run", "rtif", "state", "heartbeat")
    assert [call for call in asked if call[1] not in any_task] == [
        ("GET", "launch"),
        ("PUT", "launch"),
        ("PUT", "launch"),
        ("POST", "job_id"),
        ("POST", "dataflow_job_link"),
        ("PUT", SUMMARY_KEY),
        # and after the wait:
        ("GET", SUMMARY_KEY),
        ("PUT", SUMMARY_KEY),
        ("PUT", FACTS_KEY),
        ("POST", "return_value"),
    ]


def test_a_launch_is_made_once(launch: Counter[tuple[str, str]]) -> None:
    assert launch["operators/dataflow_templates.py", "launch"] == 1
    assert launch["operators/dataflow_launch.py", "launcher"] == 1
