"""A task that starts in the triggerer, without Airflow's database: its tries, its XComs, and triggerers that run it or die."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from tests.operators.launches import classic

HERE: dict[str, Any] = {"deferrable": True, "start_from_trigger": True, "end_from_trigger": True}
WHERE = {"dag_id": "books", "task_id": "count", "run_id": "manual__2026-01-01", "map_index": -1}


class Died(BaseException):
    """The triggerer has died."""


@dataclass
class Airflow:
    """The data of one task that Airflow keeps between its tries and passes to its trigger."""

    operator: Any
    xcoms: dict[str, Any] = field(default_factory=dict)
    try_number: int = 1
    attempt: str = "first"
    state: str = "deferred"

    def trigger(self) -> Any:
        """The trigger, created as a triggerer does."""
        module, _, name = self.operator.start_trigger_args.trigger_cls.rpartition(".")
        trigger = getattr(import_module(module), name)(**json.loads(json.dumps(self.operator.start_trigger_args.trigger_kwargs)))
        task = SimpleNamespace(
            task_id="count", retries=self.operator.retries, do_xcom_push=self.operator.do_xcom_push, template_ext=(), template_fields=()
        )
        ti = SimpleNamespace(**WHERE, id=self.attempt, try_number=self.try_number, task=task, xcom_push=self._push)
        trigger.task_instance = ti
        trigger.render_template_fields({"ti": ti, "task": task, "params": {"lines": 3}})
        return trigger

    def _push(self, key: str, value: Any) -> None:
        from airflow.sdk.execution_time.xcom import XCom

        XCom.set(key=key, value=value, **WHERE)

    def run(self) -> str:
        """Run the task in a triggerer to its end, and return its final state."""

        async def first() -> Any:
            return await anext(self.trigger().run())

        return type(asyncio.run(first())).__name__.removeprefix("Task").removesuffix("Event").lower()

    def dies(self) -> None:
        """Run the task in a triggerer that dies."""
        with pytest.raises(Died):
            self.run()

    def again(self) -> None:
        """Begin another try, after a failure or a clear."""
        self.try_number += 1
        self.attempt = f"try {self.try_number}"


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Airflow]:
    """A function that makes a task from an operator."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    from airflow.sdk.execution_time.xcom import XCom

    def start(make: Callable[..., Any] = classic, **fields: Any) -> Airflow:
        airflow = Airflow(make(**{**HERE, **fields}))
        monkeypatch.setattr(XCom, "get_one", lambda key, **where: airflow.xcoms.get(key) if where == WHERE else None)
        monkeypatch.setattr(XCom, "set", lambda key, value, **where: airflow.xcoms.update({key: json.loads(json.dumps(value))}))
        monkeypatch.setattr(XCom, "delete", lambda key, **where: airflow.xcoms.pop(key))
        monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", lambda **_: {WHERE["run_id"]: {"count": airflow.state}})
        return airflow

    return start


@pytest.fixture
def die(monkeypatch: pytest.MonkeyPatch, start: Any) -> Callable[[str], None]:
    """``die("after sending jobs.get")`` lets the next triggerer that reaches this point die there."""
    from airflow.sdk.execution_time.xcom import XCom

    from airflow_dataflow_ext.transport.aio import AsyncTransport

    points: set[str] = set()
    send = AsyncTransport.send

    def reach(point: str) -> None:
        if point in points:
            points.remove(point)
            raise Died(point)

    async def dying_send(self: Any, request: Any) -> Any:
        reach(f"before sending {request.method.id}")
        answer = await send(self, request)
        reach(f"after sending {request.method.id}")
        return answer

    def die(point: str) -> None:
        write = XCom.set

        def dying_write(key: str, value: Any, **where: Any) -> None:
            mine = key == "dataflow_launch" and value["recorded"] == value["attempt"]
            what = value["record"].get("step", "action") if mine else "entered" if key == "dataflow_launch" else key
            reach(f"before writing {what}")
            write(key=key, value=value, **where)
            reach(f"after writing {what}")

        monkeypatch.setattr(AsyncTransport, "send", dying_send)
        monkeypatch.setattr(XCom, "set", dying_write)
        points.add(point)

    return die
