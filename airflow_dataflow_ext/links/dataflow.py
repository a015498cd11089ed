"""The link of a task with a Dataflow job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dataflow_ext.links.base import ShownLink

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.dataflow.job import JobRef

CONSOLE = "https://console.cloud.google.com"
JOB_PAGE = "{console}/dataflow/jobs/{location}/{job_id}?project={project_id}"
"""The job's page in the Google Cloud console; the emulator has one on the same path."""


class DataflowJobLink(ShownLink):
    """The job's page in the Google Cloud console, or on the emulator; it appears as soon as the job is known."""

    name = "Dataflow Job"
    xcom_key = "dataflow_job_link"

    @staticmethod
    def url(job: JobRef, *, root: str) -> str:
        """The URL of the job's page.

        :param root: root URL of the service; with plain HTTP it is an emulator on this machine.
        """
        console = root if root.startswith("http://") else CONSOLE
        return JOB_PAGE.format(console=console, project_id=job.place.project_id, location=job.place.location, job_id=job.id)
