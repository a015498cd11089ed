"""The methods of the hook for Data Pipelines, which use the same connection as those for Dataflow.

Every task that calls Dataflow imports this module, and few call Data Pipelines: so each method imports what it needs.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from airflow_dataflow_ext.api.data_pipelines.methods import Pipeline, PipelineJob
from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.launch_once import launch_once
from airflow_dataflow_ext.api.rest.arguments import given
from airflow_dataflow_ext.api.rest.ask import entries
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.hooks.google import DataflowConnection, Where
from airflow_dataflow_ext.hooks.verbs import verb

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.data_pipelines.pipelines import PipelineRef
    from airflow_dataflow_ext.api.rest.method import Json, Request
    from airflow_dataflow_ext.api.rest.steps import Conversation


class PipelineVerbs(DataflowConnection):
    """Calls Data Pipelines, which keeps a Dataflow launch under a name, with or without a schedule.

    ``pipeline_name`` is a pipeline's id, or its full name, which then determines project and location.

    https://cloud.google.com/dataflow/docs/reference/data-pipelines/rest
    """

    def pipeline(self, name: str, project_id: str | None = None, location: str | None = None, *, at: str = "pipeline_name") -> PipelineRef:
        """A pipeline with its project and location filled in.

        :param at: name of the argument that gives ``name``, for the error message.
        :raises InvalidInputError: the name is not valid, the full name contradicts an argument, or no project is given.
        """
        from airflow_dataflow_ext.api.data_pipelines.pipelines import PipelineRef

        found = PipelineRef.read(name, self.place(project_id, location), at)
        for what, wanted, named in (("project_id", project_id, found.place.project_id), ("location", location, found.place.location)):
            if given(wanted) and str(wanted) != named:
                raise InvalidInputError(f"{what} is {wanted!r}, and the pipeline is {found.name!r}: give one of them")
        return found

    @verb
    def create_data_pipeline(self, body: Mapping[str, Any], **where: Unpack[Where]) -> Conversation[Json]:
        """Create a pipeline, unless it exists; returns the Pipeline.

        :param body: a Pipeline with ``name``, ``displayName``, ``type`` and ``workload``. Text is read as the type of its field.
        """
        from airflow_dataflow_ext.api.data_pipelines.bodies import read_pipeline
        from airflow_dataflow_ext.api.data_pipelines.pipelines import create

        pipeline = read_pipeline(body)
        return create(self.pipeline(pipeline.get("name", ""), **where, at="body.name"), pipeline)

    @verb
    def get_data_pipeline(self, pipeline_name: str, **where: Unpack[Where]) -> Conversation[Json]:
        """The Pipeline."""
        return self._ask(Pipeline.get.request(**self.pipeline(pipeline_name, **where).path))

    @verb
    def list_data_pipelines(self, *, filter: str | None = None, **where: Unpack[Where]) -> Conversation[list[Json]]:  # noqa: A002  (the service's name)
        """The Pipelines of a location, newest first.

        :param filter: for example ``type:BATCH,status:ACTIVE``.
        """
        return self._listed(Pipeline.list.request(**self.place(**where).path, filter=filter))

    @verb
    def update_data_pipeline(
        self, pipeline_name: str, body: Mapping[str, Any], *, update_mask: str | None = None, **where: Unpack[Where]
    ) -> Conversation[Json]:
        """Change a pipeline; returns the Pipeline.

        :param body: a Pipeline with the fields to change.
        :param update_mask: names of these fields, separated by commas.
        """
        from airflow_dataflow_ext.api.data_pipelines.bodies import read_pipeline

        return self._ask(Pipeline.patch.request(read_pipeline(body), **self.pipeline(pipeline_name, **where).path, updateMask=update_mask))

    @verb
    def run_data_pipeline(self, pipeline_name: str, **where: Unpack[Where]) -> Conversation[Json]:
        """Run a pipeline once, even if an answer is lost; returns the Dataflow Job."""
        from airflow_dataflow_ext.api.data_pipelines.launcher import PipelineRunLauncher

        launcher = PipelineRunLauncher(pipeline=self.pipeline(pipeline_name, **where))
        identity = LaunchIdentity(dag_id="", run_id=uuid.uuid4().hex, task_id="")
        return (yield from launch_once(launcher, identity, clear_key=0)).job

    @verb
    def list_data_pipeline_jobs(self, pipeline_name: str, **where: Unpack[Where]) -> Conversation[list[Json]]:
        """The pipeline's jobs, newest first."""
        return self._listed(PipelineJob.list.request(**self.pipeline(pipeline_name, **where).path))

    @verb
    def stop_data_pipeline(self, pipeline_name: str, **where: Unpack[Where]) -> Conversation[Json]:
        """Archive a pipeline permanently, and delete its schedule; its jobs keep running. Returns the Pipeline."""
        return self._ask(Pipeline.stop.request({}, **self.pipeline(pipeline_name, **where).path))

    @verb
    def delete_data_pipeline(self, pipeline_name: str, **where: Unpack[Where]) -> Conversation[Json]:
        """Delete a pipeline and its schedule; its jobs keep running."""
        return self._ask(Pipeline.delete.request(**self.pipeline(pipeline_name, **where).path))

    def _listed(self, request: Request) -> Conversation[list[Json]]:
        return entries(request, request.method.items or "", retry_for=self.retry_for)
