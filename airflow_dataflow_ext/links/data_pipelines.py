"""The link of a task with a data pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dataflow_ext.links.base import ShownLink
from airflow_dataflow_ext.links.dataflow import CONSOLE

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.data_pipelines.pipelines import PipelineRef

PIPELINE_PAGE = CONSOLE + "/dataflow/pipelines/{location}/{pipeline_id}?project={project_id}"
"""The pipeline's page in the Google Cloud console."""


class DataflowPipelineLink(ShownLink):
    """The pipeline's page in the Google Cloud console; it appears as soon as the pipeline is known."""

    name = "Dataflow Pipeline"
    xcom_key = "dataflow_pipeline_link"

    @staticmethod
    def url(ref: PipelineRef) -> str:
        """The URL of the pipeline's page."""
        return PIPELINE_PAGE.format(project_id=ref.place.project_id, location=ref.place.location, pipeline_id=ref.id)
