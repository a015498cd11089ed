"""A place in Dataflow, and a job in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from airflow_dataflow_ext.api.rest.arguments import identifier
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.method import Json, as_json
from airflow_dataflow_ext.api.rest.texts import shown

_ZONE = re.compile(r"([a-z]+-[a-z]+[0-9]+)-[a-z]")


def check_location(location: Any, argument: str = "location") -> str:
    """Check a location, which is a Google Cloud region.

    :raises InvalidInputError: it is a zone, or not a location.
    """
    found = identifier(location, argument)
    if zone := _ZONE.fullmatch(found):
        raise InvalidInputError(f"{argument} must be a region, and {shown(found)} is a zone; did you mean {zone[1]!r}?")
    return found


class Place(Struct, frozen=True, kw_only=True):
    """A project and a location."""

    project_id: str
    location: str

    def __str__(self) -> str:
        return f"{self.project_id}/{self.location}"

    @property
    def path(self) -> dict[str, str]:
        """The path values of a Method for this place."""
        return {"projectId": self.project_id, "location": self.location}

    def of(self, job: Mapping[str, Any]) -> JobRef:
        """A reference to a job, at the location that the job states, else in this place."""
        at = Place(project_id=job.get("projectId") or self.project_id, location=job.get("location") or self.location)
        return at.job(str(job["id"]))

    def job(self, job_id: str) -> JobRef:
        """A job in this place."""
        return JobRef(place=self, id=job_id)


class JobRef(Struct, frozen=True, kw_only=True):
    """A reference to one job, whether it exists or not."""

    place: Place
    id: str

    def __str__(self) -> str:
        return f"job {self.id} in {self.place}"

    @property
    def path(self) -> dict[str, str]:
        """The path values of a Method for this job."""
        return {**self.place.path, "jobId": self.id}

    def serialize(self) -> Json:
        """The reference as JSON; :meth:`deserialize` is the inverse."""
        return as_json(self)

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> JobRef:
        """The inverse of :meth:`serialize`."""
        return cls(place=Place(**data["place"]), id=str(data["id"]))
