"""Where a task with a Dataflow job points a person to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

    from airflow_dataflow_ext.api.dataflow.job import JobRef

JOB_PAGE = "https://console.cloud.google.com/dataflow/jobs/{location}/{job_id}?project={project_id}"
"""The job's page in the Google Cloud console."""


class DataflowJobLink(BaseOperatorLink):
    """The job's page in the Google Cloud console; it is there as soon as the job is known."""

    name = "Dataflow Job"
    xcom_key = "dataflow_job_link"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The URL, or an empty text before there is a job."""
        from airflow.sdk.execution_time.xcom import XCom

        return XCom.get_value(key=self.xcom_key, ti_key=ti_key) or ""

    @classmethod
    def persist(cls, context: Any, job: JobRef) -> None:
        """Show the link of this task from now on."""
        url = JOB_PAGE.format(project_id=job.place.project_id, location=job.place.location, job_id=job.id)
        context["ti"].xcom_push(key=cls.xcom_key, value=url)
