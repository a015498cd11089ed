"""Where a Dataflow job is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRef:
    """Where a job is."""

    project_id: str
    location: str
    job_id: str

    def __str__(self) -> str:
        return f"job {self.job_id} in {self.project_id}/{self.location}"

    @property
    def path(self) -> dict[str, str]:
        """The job as path values of a Method."""
        return {"projectId": self.project_id, "location": self.location, "jobId": self.job_id}
