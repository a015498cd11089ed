"""A client for the part of Airflow's REST API that the demo, tests and benchmarks of the whole stack need."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


class AirflowApi:
    """A client for an Airflow that requires no login.

    Every method raises :class:`requests.RequestException` if the server does not answer or answers with an error.

    :param url: the URL of the API server, for example ``http://127.0.0.1:8080``.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = _session()
        # Airflow answers 500 without any effect if its SQLite database is locked for too long.
        patient = Retry(status=5, backoff_factor=0.5, status_forcelist=[500], allowed_methods=None, raise_on_status=False)
        self._session.mount(url, HTTPAdapter(max_retries=patient))

    def healthy(self) -> bool:
        """Whether the scheduler, the triggerer, the DAG processor and the database are all healthy."""
        try:
            with _session() as impatient:  # not the session that tries again, at ever longer intervals
                reply = impatient.get(f"{self.url}/api/v2/monitor/health", timeout=30)
            reply.raise_for_status()
            parts = reply.json()
        except requests.RequestException:
            return False
        return all((parts.get(name) or {}).get("status") == "healthy" for name in PARTS)

    def jobs(self) -> list[dict[str, Any]]:
        """The schedulers, triggerers and DAG processors that are alive; Airflow calls these its jobs."""
        return list(self._call("GET", "jobs?is_alive=true&limit=100")["jobs"])

    def knows(self, dag_id: str) -> bool:
        """Whether Airflow has parsed the DAG."""
        try:
            self._call("GET", f"dags/{dag_id}")
        except requests.HTTPError as error:
            if error.response.status_code == requests.codes.not_found:
                return False
            raise
        return True

    def import_errors(self) -> list[str]:
        """The import errors of DAG files, one text for each."""
        return [f"{row['filename']}: {row['stack_trace']}" for row in self._call("GET", "importErrors")["import_errors"]]

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Unpause a DAG, trigger a run, and return the run's id."""
        self._call("PATCH", f"dags/{dag_id}", {"is_paused": False})
        run: str = self._call("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf or {}})["dag_run_id"]
        return run

    def run_state(self, dag_id: str, run_id: str) -> str:
        """The state of a DAG run: queued, running, success or failed."""
        state: str = self._call("GET", f"dags/{dag_id}/dagRuns/{quote(run_id)}")["state"]
        return state

    def runs(self, dag_id: str) -> list[str]:
        """The ids of a DAG's runs."""
        return [row["dag_run_id"] for row in self._call("GET", f"dags/{dag_id}/dagRuns")["dag_runs"]]

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run, as the API returns them."""
        rows: list[dict[str, Any]] = []
        while True:
            path = f"dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances?limit=100&offset={len(rows)}"
            page = self._call("GET", path)
            rows += page["task_instances"]
            if len(rows) >= page["total_entries"] or not page["task_instances"]:
                return rows

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """A value that a task pushed."""
        path = f"dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/xcomEntries/{key}?deserialize=true&map_index={map_index}"
        return self._call("GET", path)["value"]

    def stored(self, dag_id: str, run_id: str, task_id: str, key: str, map_index: int = -1) -> Any:
        """A value in the task's state store, or None."""
        path = f"dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/state-store/{key}?map_index={map_index}"
        try:
            return self._call("GET", path)["value"]
        except requests.HTTPError as error:
            if error.response.status_code == requests.codes.not_found:
                return None
            raise

    def events(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> list[str]:
        """The event names from Airflow's audit log for a task instance, the oldest first."""
        query = f"dag_id={dag_id}&run_id={quote(run_id)}&task_id={task_id}&map_index={map_index}&order_by=when&limit=100"
        return [str(row["event"]) for row in self._call("GET", f"eventLogs?{query}")["event_logs"]]

    def clear(self, dag_id: str, run_id: str, *task_ids: str) -> None:
        """Clear tasks of a run, as a user does in the UI."""
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": list(task_ids), "only_failed": False}
        self._call("POST", f"dags/{dag_id}/clearTaskInstances", body)

    def mark(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Mark a task as ``success`` or ``failed``."""
        self._call("PATCH", f"dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}", {"new_state": state})

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> list[str]:
        """The lines of a task's log."""
        path = f"dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/logs/{attempt}"
        return [str(line.get("event", line)) for line in self._call("GET", path)["content"]]

    def _call(self, verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
        reply = self._send(verb, path, body)
        if reply.status_code == requests.codes.unauthorized and "Authorization" not in self._session.headers:
            token = self._session.get(f"{self.url}/auth/token", timeout=30).json()["access_token"]  # Airflow 3.1 always requires one
            self._session.headers["Authorization"] = f"Bearer {token}"
            reply = self._send(verb, path, body)
        reply.raise_for_status()
        return reply.json()

    def _send(self, verb: str, path: str, body: dict[str, Any] | None) -> requests.Response:
        headers = {"Accept": "application/json"}
        return self._session.request(verb, f"{self.url}/api/v2/{path}", json=body, headers=headers, timeout=30)


def prepare_for_tasks(url: str) -> None:
    """Have an API server build the API that tasks call, which it otherwise does when the first task starts.

    That takes seconds, on a busy machine half a minute, in which it answers nobody; tasks give up meanwhile.
    """
    with _session() as session:
        session.get(f"{url}/execution/health", timeout=600).raise_for_status()


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # loopback requests must not go through a proxy from the environment
    return session
