"""Where a task with a Dataflow job points a person to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

    from airflow_dataflow_ext.api.dataflow.job import JobRef

CONSOLE = "https://console.cloud.google.com"
JOB_PAGE = "{console}/dataflow/jobs/{location}/{job_id}?project={project_id}"
"""The job's page in the Google Cloud console; the emulator has one on the same path."""


class DataflowJobLink(BaseOperatorLink):
    """The job's page in the Google Cloud console, or on the emulator; it is there as soon as the job is known."""

    name = "Dataflow Job"
    xcom_key = "dataflow_job_link"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The URL, or an empty text before there is a job."""
        from airflow.sdk.execution_time.xcom import XCom

        return XCom.get_value(key=self.xcom_key, ti_key=ti_key) or ""

    @classmethod
    def persist(cls, context: Any, job: JobRef, *, root: str) -> None:
        """Show the link of this task from now on.

        :param root: URL of the service that knows the job; one over plain HTTP is an emulator on this machine.
        """
        console = root if root.startswith("http://") else CONSOLE
        url = JOB_PAGE.format(console=console, project_id=job.place.project_id, location=job.place.location, job_id=job.id)
        context["ti"].xcom_push(key=cls.xcom_key, value=url)
