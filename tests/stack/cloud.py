"""A client with which the tests of this folder control the emulator of the stack."""

from __future__ import annotations

from typing import Any

import requests

from airflow_dataflow_ext.emulator.google.oauth import PROJECT
from demo.stack import Stack
from tests.asking import Asker


class Cloud:
    """The jobs of a stack's emulator."""

    def __init__(self, stack: Stack) -> None:
        self._url = f"{stack.emulator_url}/_emulator"
        self._ask = Asker(stack.emulator_url, project=PROJECT)

    def script(self, pattern: str, *steps: Any, **facts: Any) -> None:
        """Set the script of the next jobs whose name matches the pattern."""
        self._post("scripts", pattern=pattern, steps=steps, **facts)

    def play_runs(self, **script: Any) -> None:
        """Set the script of the next CRM Analytics runs."""
        self._post("wave/scripts", **script)

    def launch(self, name: str) -> str:
        """Launch a job, and return its id."""
        return str(self._ask.launch(name)["id"])

    def jobs(self, prefix: str) -> list[dict[str, Any]]:
        """The jobs whose name has this prefix, the oldest first."""
        found = requests.get(f"{self._url}/jobs", timeout=60).json()
        return [entry["job"] for entry in found if entry["job"]["name"].startswith(prefix)]

    def end(self, job_id: str, state: str) -> None:
        self._post("jobs/state", job=job_id, state=state)

    def asked(self, method: str) -> list[dict[str, Any]]:
        """The successful calls of a method."""
        log = requests.get(f"{self._url}/requests", params={"method": method}, timeout=60).json()["requests"]
        return [entry for entry in log if entry["status"] == requests.codes.ok]

    def _post(self, path: str, **body: Any) -> None:
        requests.post(f"{self._url}/{path}", json=body, timeout=60).raise_for_status()
