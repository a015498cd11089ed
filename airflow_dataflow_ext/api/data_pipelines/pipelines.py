"""A data pipeline: where it is, how it is created, and where its jobs run."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from airflow_dataflow_ext.api.data_pipelines.methods import Pipeline
from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.arguments import given
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import AlreadyExistsError, CallError, InvalidInputError, NotFoundError, lost
from airflow_dataflow_ext.api.rest.method import Json, part
from airflow_dataflow_ext.api.rest.steps import Conversation, Say, Sleep
from airflow_dataflow_ext.api.rest.texts import shown

_FULL_NAME = re.compile(r"projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/pipelines/(?P<id>[^/]+)")
SOURCES = {"airflow": "airflow"}
"""The origin that a pipeline states if this package has created it."""


class PipelineRef(Struct, frozen=True, kw_only=True):
    """One data pipeline, whether it exists or not.

    :param id: the last part of its name.
    """

    place: Place
    id: str

    @classmethod
    def read(cls, name: object, place: Place, at: str) -> PipelineRef:
        """A pipeline from its id, or its full name, ``projects/PROJECT/locations/LOCATION/pipelines/ID``.

        :param place: its place, unless the full name states it.
        :param at: name of the argument, for the error message.
        :raises InvalidInputError: the name is neither.
        """
        full = _FULL_NAME.fullmatch(name) if isinstance(name, str) else None
        if full:
            return cls(place=Place(project_id=full["project"], location=full["location"]), id=full["id"])
        if not isinstance(name, str) or given(name) is None or "/" in name:
            hint = "; of a whole pipeline, give its 'name'" if str(name).startswith("{") else ""
            what = "a pipeline's id, or projects/PROJECT/locations/LOCATION/pipelines/ID"
            raise InvalidInputError(f"{at} must be {what}, not {shown(name)}{hint}")
        return cls(place=place, id=name)

    def __str__(self) -> str:
        return f"pipeline {self.id} in {self.place}"

    @property
    def name(self) -> str:
        """Its full name."""
        return f"projects/{self.place.project_id}/locations/{self.place.location}/pipelines/{self.id}"

    @property
    def path(self) -> dict[str, str]:
        """The path values of a Method for this pipeline."""
        return {**self.place.path, "pipelineId": self.id}


def create(ref: PipelineRef, body: Mapping[str, Any]) -> Conversation[Json]:
    """Create a pipeline, unless it exists; returns the Pipeline.

    An existing pipeline is returned unchanged; the log names the fields in which it differs from ``body``.

    https://cloud.google.com/dataflow/docs/reference/data-pipelines/rest/v1/projects.locations.pipelines/create

    :param body: a Pipeline.
    :raises CallError: the service refused it.
    """
    wanted: Json = {"pipelineSources": SOURCES, **body, "name": ref.name}
    for _ in range(budgets.SENDS):
        try:
            made: Json = yield from ask(Pipeline.create.request(wanted, **ref.place.path))
        except CallError as error:
            if not (lost(error) or isinstance(error, AlreadyExistsError)):
                raise
            last = error
            yield Say(f"{error} Checking whether there is {ref}.")
            found = yield from _found(ref)
            if found is None:
                continue
            if different := differences(wanted, found):
                yield Say(
                    f"{ref} already exists and is not changed; it differs in {', '.join(different)}. Delete or patch it to change it.",
                    logging.WARNING,
                )
            return found
        return made
    raise last


def _found(ref: PipelineRef) -> Conversation[Json | None]:
    for pause in budgets.LOOKUP_PAUSES:
        if pause:
            yield Sleep(pause)
        try:
            found: Json = yield from ask(Pipeline.get.request(**ref.path))
        except NotFoundError:
            continue
        return found
    return None


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any], at: str = "") -> list[str]:
    """Paths of the fields of ``wanted`` that differ in ``found``; fields that only ``found`` has are ignored."""
    paths: list[str] = []
    for name, value in wanted.items():
        other, path = found.get(name), f"{at}{name}"
        if isinstance(value, Mapping):
            paths += differences(value, other if isinstance(other, Mapping) else {}, f"{path}.")
        elif value != other and (value or other):  # the service leaves out what is empty
            paths.append(path)
    return paths


def job_place(ref: PipelineRef, pipeline: Mapping[str, Any]) -> Place:
    """Where a pipeline's jobs run: the place in its launch, else its own."""
    workload = part(pipeline, "workload")
    launch = workload.get("dataflowFlexTemplateRequest") or workload.get("dataflowLaunchTemplateRequest") or {}
    return Place(project_id=launch.get("projectId") or ref.place.project_id, location=launch.get("location") or ref.place.location)
