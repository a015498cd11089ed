"""A small client for the emulated Dataflow service, which sends plain REST requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests


@dataclass(frozen=True)
class Service:
    """Jobs of one project and location.

    :param url: the URL of the service.
    """

    url: str
    project: str
    location: str

    def jobs(self) -> list[dict[str, Any]]:
        """Summaries of all jobs, which fit on one page of the list."""
        found: list[dict[str, Any]] = self._get("").get("jobs", [])
        return found

    def job(self, job_id: str) -> dict[str, Any]:
        """One job."""
        return self._get(f"/{job_id}")

    def metrics(self, job_id: str) -> dict[str, Any]:
        """The metrics of a job that the demo prints: those of the pipeline, the element count of each step, and the job's totals."""
        rows = self._get(f"/{job_id}/metrics").get("metrics", [])
        committed = [row for row in rows if "tentative" not in row["name"].get("context", {})]
        committed.sort(key=lambda row: (row["name"]["origin"] != "user", _label(row)))
        return {_label(row): _value(row) for row in committed if _wanted(row)}

    def _get(self, path: str) -> dict[str, Any]:
        url = f"{self.url}/v1b3/projects/{self.project}/locations/{self.location}/jobs{path}"
        reply = requests.get(url, timeout=30)
        reply.raise_for_status()
        found: dict[str, Any] = reply.json()
        return found


def _step(row: dict[str, Any]) -> str:
    context = row["name"].get("context", {})
    return str(context.get("output_user_name") or context.get("step") or "")


def _label(row: dict[str, Any]) -> str:
    return f"{row['name']['name']} ({_step(row)})" if _step(row) else str(row["name"]["name"])


def _value(row: dict[str, Any]) -> Any:
    if "distribution" in row:
        return ", ".join(f"{name} {_number(value)}" for name, value in row["distribution"].items())
    return _number(row.get("scalar", 0))


def _wanted(row: dict[str, Any]) -> bool:
    name = row["name"]
    if name["origin"] == "user":
        return not name["name"].endswith(("_COUNT", "_MIN", "_MAX", "_MEAN"))  # the distribution contains these parts
    return not _step(row) or (name["name"] == "ElementCount" and "/" not in _step(row))


def _number(value: Any) -> str:
    return f"{float(value):,.2f}".removesuffix(".00")
