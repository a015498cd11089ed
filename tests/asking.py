"""A client that calls a Method of the emulator without the package's own transport."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from airflow_dataflow_ext.api.dataflow.methods import FlexTemplate, Job, Template
from airflow_dataflow_ext.api.rest.method import Method

PROJECT = "a-project"
LOCATION = "us-central1"
Json = dict[str, Any]


class RefusedError(Exception):
    """The emulator answered with an error.

    :param error: the envelope's content.
    """

    def __init__(self, status: int, error: Json) -> None:
        super().__init__(f"{status} {error.get('status')}: {error.get('message')}")
        self.status = status
        self.error = error


class Asker:
    """``ask(Job.get, jobId=...)`` returns the JSON of the reply."""

    def __init__(self, url: str, location: str | None = LOCATION, project: str = PROJECT) -> None:
        self._url = url
        self._place = {"projectId": project, "location": location}
        self._session = requests.Session()

    def __call__(self, method: Method, body: Mapping[str, Any] | None = None, **values: Any) -> Json:
        place = {name: value for name, value in self._place.items() if name in method.placeholders}
        request = method.request(body, **{**place, **values})
        response = self._session.request(request.method.verb, f"{self._url}/{request.target}", json=request.body, timeout=60)
        reply: Json = response.json()
        if not response.ok:
            raise RefusedError(response.status_code, reply["error"])
        return reply

    def launch(self, name: str = "wc", *, template: str = "gs://b/t", **fields: Any) -> Json:
        """Launch a classic template, and return the job."""
        job: Json = self(Template.launch, {"jobName": name, **fields}, gcsPath=template)["job"]
        return job

    def launch_flex(self, name: str = "flex", *, template: str = "gs://b/flex.json", **fields: Any) -> Json:
        """Launch a Flex template, and return the job."""
        job: Json = self(FlexTemplate.launch, {"launchParameter": {"jobName": name, "containerSpecGcsPath": template, **fields}})["job"]
        return job

    def state(self, job: Mapping[str, Any]) -> str | None:
        state: str | None = self.job(job).get("currentState")
        return state

    def job(self, job: Mapping[str, Any], view: str = "JOB_VIEW_ALL") -> Json:
        return self(Job.get, jobId=job["id"], view=view)

    def update(self, job: Mapping[str, Any], body: Mapping[str, Any], mask: str | None = None) -> Json:
        return self(Job.update, body, jobId=job["id"], updateMask=mask)
