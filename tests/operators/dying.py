"""Workers that die at a chosen point of a launch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.airflow_task import SDK, TaskInstance

DEATHS = (
    "before writing intended",
    "after writing intended",
    "before sending templates.launch",
    "after sending templates.launch",
    "before writing launched",
    "after writing launched",
)
Die = Callable[..., None]


class Died(BaseException):
    """The worker has died."""


def dying(monkeypatch: pytest.MonkeyPatch) -> Die:
    """``die("after sending jobs.get")`` lets the next worker that reaches this point die there, or raise a given error."""
    from airflow_dataflow_ext.task.records import RecordStore
    from airflow_dataflow_ext.transport.sync import SyncTransport

    points: dict[str, type[BaseException]] = {}
    send, write = SyncTransport.send, RecordStore.set

    def reach(point: str) -> None:
        if point in points:
            raise points.pop(point)(point)

    def dying_send(self: Any, request: Any) -> Any:
        reach(f"before sending {request.method.id}")
        answer = send(self, request)
        reach(f"after sending {request.method.id}")
        return answer

    def dying_write(self: Any, key: str, value: Any) -> None:
        reach(f"before writing {value.get('step', key)}")
        write(self, key, value)
        reach(f"after writing {value.get('step', key)}")

    monkeypatch.setattr(SyncTransport, "send", dying_send)
    monkeypatch.setattr(RecordStore, "set", dying_write)

    def die(point: str, error: type[BaseException] = Died) -> None:
        if "writing" in point and SDK < (1, 3):
            pytest.skip("nothing is written before Airflow 3.3")
        points[point] = error

    return die


def dies(task: TaskInstance) -> None:
    """Run a try in which the worker dies."""
    assert isinstance(task.run().error, Died)
