"""One task instance without a database: Airflow's own task runner with a small simulated execution API, and the task's trigger.

``InProcessTestSupervisor`` and the API client are not public; only this file uses them.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import UUID, uuid4

import httpx
import pytest

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

SDK = tuple(int(part) for part in version("apache-airflow-task-sdk").split(".")[:2])
"""1.3 belongs to Airflow 3.3, and so on."""

needs_3_3 = pytest.mark.skipif(SDK < (1, 3), reason="needs Airflow 3.3")

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Ended:
    """How one entry into a task ended."""

    state: str
    message: Any
    error: BaseException | None


@dataclass
class TaskInstance:
    """One task instance, with the data that Airflow keeps between its tries."""

    task: BaseOperator
    run_id: str = "manual__2026-01-01"
    map_index: int = -1
    try_number: int = 1
    max_tries: int | None = None
    state: str = "running"
    ended: str = ""
    xcoms: dict[str, Any] = field(default_factory=dict)
    store: dict[str, Any] = field(default_factory=dict)
    id: UUID = field(default_factory=uuid4)
    events: list[Any] = field(default_factory=list)
    first_poke: datetime | None = None
    _next: tuple[str, Any] | None = None

    def run(self) -> Ended:
        """Run a try to its end, through any deferral."""
        ended = self.enter()
        while ended.state == "deferred":
            ended = self.resume(ended)
        return ended

    def enter(self) -> Ended:
        """Start the task's process once; it runs ``execute``, or the method that a deferral named."""
        from airflow.sdk.api.datamodels._generated import TaskInstance as Instance
        from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor

        client = self.client()
        instance = Instance(
            id=self.id,
            task_id=self.task.task_id,
            dag_id=self.task.dag_id,
            run_id=self.run_id,
            try_number=self.try_number,
            map_index=self.map_index,
            dag_version_id=uuid4(),
        )

        class Supervisor(InProcessTestSupervisor):
            """Uses our client; up to Airflow 3.2 there is no other way to set one."""

            @staticmethod
            def _api_client(*_: Any) -> Any:
                return client

        result = Supervisor.start(what=instance, task=self.task)
        self._next = None
        return Ended(state=str(result.state.value), message=result.msg, error=result.error)

    def client(self) -> Any:
        """A client of the simulated execution API."""
        from airflow.sdk.api.client import Client

        client = Client(base_url=None, dry_run=True, token="", transport=httpx.MockTransport(self._answer))
        client.base_url = "http://execution-api"
        return client

    def resume(self, deferred: Ended) -> Ended:
        """Run the trigger of a deferral, and then the task with the trigger's event."""
        trigger = self.trigger(deferred)

        async def first() -> Any:
            async for event in trigger.run():
                return event.payload
            raise AssertionError("the trigger ended without an event")

        event = asyncio.run(first())
        self.events.append(event)
        self._next = (deferred.message.next_method, {**_kwargs(deferred.message.next_kwargs), "event": event})
        return self.enter()

    def time_out(self) -> Ended:
        """Do what Airflow does when a deferral lasts longer than its timeout."""
        return self.fail("Trigger timeout")

    def fail(self, error: str) -> Ended:
        """Do what Airflow does when a trigger ends without an event."""
        self._next = ("__fail__", {"error": error})
        return self.enter()

    def trigger(self, deferred: Ended) -> Any:
        """The trigger of a deferral, created from the data that Airflow stores."""
        kwargs = _kwargs(deferred.message.trigger_kwargs)
        module, _, name = deferred.message.classpath.rpartition(".")
        return getattr(import_module(module), name)(**kwargs)

    def retry(self) -> None:
        """Do what Airflow does before another try."""
        self.try_number += 1
        self.xcoms.clear()

    def clear(self) -> None:
        """Do what Airflow does when a user clears the task."""
        self.max_tries = self.try_number + int(self.task.retries or 0)
        self.retry()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        parts = [unquote(part) for part in request.url.path.strip("/").split("/")]
        match request.method, parts:
            case "PATCH", ["task-instances", _, "run"]:
                return httpx.Response(200, json=self._run_context())
            case "POST", ["xcoms", _, _, _, key]:
                self.xcoms[key] = json.loads(request.content)
            case "PATCH", ["task-instances", _, "state"]:
                self.ended = json.loads(request.content)["state"]
            case "PUT", ["store", "ti", _, key]:
                self.store[key] = json.loads(request.content)["value"]
            case "GET", _:
                return self._read(parts)
        return httpx.Response(200, json={})

    def _read(self, parts: list[str]) -> httpx.Response:
        match parts:
            case ["xcoms", _, _, _, key] if key in self.xcoms:
                return httpx.Response(200, json={"key": key, "value": self.xcoms[key]})
            case ["store", "ti", _, key] if key in self.store:
                return httpx.Response(200, json={"value": self.store[key]})
            case ["task-instances", "states"]:
                return httpx.Response(200, json={"task_states": {self.run_id: {self.task.task_id: self.state}}})
            case ["task-reschedules", _, "start_date"]:
                return httpx.Response(200, json=self.first_poke and self.first_poke.isoformat())
            case ["task-instances", _, "validate-inlets-and-outlets"]:
                return httpx.Response(200, json={"inactive_assets": []})
        return httpx.Response(404, json={"detail": {"reason": "not_found", "message": ""}})

    def _run_context(self) -> dict[str, Any]:
        max_tries = int(self.task.retries or 0) if self.max_tries is None else self.max_tries
        method, kwargs = self._next or (None, None)
        if kwargs is not None and SDK < (1, 2):
            from airflow.serialization.serialized_objects import BaseSerialization

            kwargs = BaseSerialization.serialize(kwargs)
        elif kwargs is not None:
            from airflow.sdk.serde import serialize

            kwargs = serialize(kwargs)
        run = {"dag_id": self.task.dag_id, "run_id": self.run_id, "run_type": "manual", "state": "running"}
        times = dict.fromkeys(("logical_date", "data_interval_start", "data_interval_end", "run_after", "start_date"), NOW.isoformat())
        nothing = {"end_date": None, "conf": {}, "consumed_asset_events": [], **({"partition_key": None} if SDK >= (1, 2) else {})}
        return {
            "dag_run": {**run, **times, **nothing},
            "max_tries": max_tries,
            "task_reschedule_count": int(self.first_poke is not None),
            "xcom_keys_to_clear": [],
            "next_method": method,
            "next_kwargs": kwargs,
        }


def _kwargs(stored: Any) -> dict[str, Any]:
    """The keyword arguments of a trigger or method, as Airflow restores them from a deferral."""
    kwargs: dict[str, Any] = json.loads(json.dumps(stored or {}))
    if SDK < (1, 2):  # Airflow 3.1 encodes them later
        return kwargs
    from airflow.sdk.serde import deserialize

    decoded: dict[str, Any] = deserialize(kwargs)
    return decoded
