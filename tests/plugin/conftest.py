"""Fixtures for the pages' server, mounted as Airflow does: users with different rights, tasks that really ran, and the emulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.task.compat import IS_3_3
from tests.plugin.auth import ALL, ByDag

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

# These tests and the pages read tables that only Airflow 3.3 has.
collect_ignore = [] if IS_3_3 else ["test_cache.py", "test_job.py", "test_list.py", "test_routes.py"]
PREFIX = "/af/dataflow-ext"
HEADER = {"X-Dataflow-Ext": "1"}


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """The emulator as the default connections; unused faults are allowed."""
    with Emulator() as running:
        for name, value in running.connections().items():
            monkeypatch.setenv(name, value)
        yield running


@dataclass
class Ran:
    """A task that ran."""

    dag_id: str
    run_id: str
    task_id: str = "launch"
    map_index: int = -1

    @property
    def query(self) -> dict[str, Any]:
        return {"run_id": self.run_id, "task_id": self.task_id, **({"map_index": self.map_index} if self.map_index >= 0 else {})}


@pytest.fixture
def ran(emulator: Emulator, run_dag: Callable[..., Any]) -> Callable[..., Ran]:
    """A function that runs a DAG with one launch and does not wait for the job, so that it may still be running."""

    def run(
        dag_id: str = "seen", name: str = "DataflowTemplatedJobStartOperator", params: Any = None, conf: Any = None, **fields: Any
    ) -> Ran:
        from airflow.sdk import DAG

        from airflow_dataflow_ext.operators import dataflow, wave

        dataflow_fields = {"template": "gs://b/t", "validate": "off"} if name == "DataflowTemplatedJobStartOperator" else {}
        with DAG(dag_id, schedule=None, params=params or {}) as dag:
            operator = getattr(dataflow, name, None) or getattr(wave, name)
            operator(**{"task_id": "launch", "wait_until_finished": False, "poll_sleep": 0.05, **dataflow_fields, **fields})
        ended = run_dag(dag, run_conf=conf)
        return Ran(dag_id, ended.run_id)

    return run


class Browser:
    """Sends the requests of a page, as one user."""

    def __init__(self, client: TestClient, user: str) -> None:
        self._client = client
        self._token = ByDag.token(user) if user else ""

    def get(self, path: str, **query: Any) -> Any:
        return self._client.get(f"{PREFIX}{path}", params=query, headers=self._headers())

    def post(self, path: str, *, header: bool = True, **query: Any) -> Any:
        return self._client.post(f"{PREFIX}{path}", params=query, headers=self._headers() | (HEADER if header else {}))

    def see(self, ran: Ran, what: str = "", **query: Any) -> Any:
        reply = self.get(f"/dags/{ran.dag_id}/job{what}", **ran.query, **query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def act(self, ran: Ran, action: str, **how: Any) -> Any:
        return self.post(f"/dags/{ran.dag_id}/job/{action}", **ran.query, **how)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}


@pytest.fixture
def as_user(airflow_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Browser]]:
    """``as_user("viewer")`` is the browser of a user of :mod:`tests.plugin.auth`; an empty name means no login."""
    from airflow.api_fastapi import app as airflow_app
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from airflow_dataflow_ext.plugin import Lazily

    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", f"{ByDag.__module__}.{ByDag.__qualname__}")
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "a secret of this test, which is long enough to sign with: " * 2)
    monkeypatch.setattr(airflow_app._AuthManagerState, "instance", None)
    airflow_app.create_auth_manager()
    outer = FastAPI()
    outer.mount(PREFIX, Lazily())
    with TestClient(outer) as client:
        yield lambda user: Browser(client, user)


@pytest.fixture
def see(as_user: Callable[[str], Browser]) -> Browser:
    """An administrator's browser."""
    return as_user(ALL)
