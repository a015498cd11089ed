"""Operators that create, run and delete a pipeline of Google's Data Pipelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.rest.errors import NotFoundError
from airflow_dataflow_ext.operators.dataflow_launch import DataflowJobOperator
from airflow_dataflow_ext.task.connection import DataflowTask, PipelineTask
from airflow_dataflow_ext.task.errors import task_errors
from airflow_dataflow_ext.task.flags import check_flags
from airflow_dataflow_ext.task.templating import FileFields

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_dataflow_ext.api.data_pipelines.launcher import PipelineRunLauncher
    from airflow_dataflow_ext.api.rest.method import Json


class DataflowCreatePipelineOperator(FileFields, PipelineTask):
    """Create a data pipeline, unless it exists; the result is the Pipeline, and XCom ``pipeline_name`` holds its id.

    An existing pipeline is not changed; the log names the fields in which it differs from ``body``.

    https://cloud.google.com/dataflow/docs/reference/data-pipelines/rest/v1/projects.locations.pipelines/create

    :param body: a Pipeline (templated) with ``name``, which may be just the id, ``displayName``, ``type`` and ``workload``. It may also be
        JSON text, or the name of a ``.json`` file beside the DAG file. Text is read as the type of its field.

    See :class:`~airflow_dataflow_ext.task.connection.DataflowTask` for the other arguments.
    """

    template_fields: Sequence[str] = ("body", *DataflowTask.template_fields)
    template_ext: Sequence[str] = (".json",)
    file_fields = ("body",)
    template_fields_renderers = {"body": "json"}  # noqa: RUF012  (Airflow's own form)

    def __init__(self, *, body: Mapping[str, Any] | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.body: Any = body

    def execute(self, context: Context) -> Json:
        from airflow_dataflow_ext.api.data_pipelines.bodies import read_pipeline

        with task_errors():
            body = read_pipeline(self.body)
            ref = self.hook.pipeline(body.get("name", ""), self.project_id, self.location, at="body.name")
            self.show_pipeline(context, ref)
            pipeline = self.hook.create_data_pipeline(body, project_id=self.project_id, location=self.location)
            context["ti"].xcom_push(key="pipeline_name", value=ref.id)
            return pipeline


class DataflowRunPipelineOperator(DataflowJobOperator):
    """Run a data pipeline once, in addition to its schedule, and follow the job; the result is the Job.

    A run has no name, label or request id by which it could be found again. If an attempt dies before the service has answered, the retry
    takes over the first job of the pipeline that did not exist before. So let only one task at a time run a pipeline, and not when its
    schedule does.

    https://cloud.google.com/dataflow/docs/reference/data-pipelines/rest/v1/projects.locations.pipelines/run

    :param pipeline_name: id or full name of the pipeline (templated).

    See :class:`~airflow_dataflow_ext.operators.dataflow_launch.DataflowJobOperator` for the other arguments, the result and retries;
    ``project_id`` and ``location`` are those of the pipeline, whose jobs may run elsewhere.
    """

    template_fields: Sequence[str] = ("pipeline_name", *DataflowJobOperator.template_fields)

    def __init__(self, *, pipeline_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipeline_name = pipeline_name

    def launcher(self) -> PipelineRunLauncher:
        from airflow_dataflow_ext.api.data_pipelines.launcher import PipelineRunLauncher

        check_flags(self)
        return PipelineRunLauncher(
            pipeline=self.hook.pipeline(self.pipeline_name, self.project_id, self.location),
            policy=self.policy,
            cancel_timeout=self.cancel_timeout or 0.0,
        )


class DataflowDeletePipelineOperator(DataflowTask):
    """Delete a data pipeline and its schedule; its jobs keep running. If it does not exist, the task logs a warning.

    https://cloud.google.com/dataflow/docs/reference/data-pipelines/rest/v1/projects.locations.pipelines/delete

    :param pipeline_name: id or full name of the pipeline (templated).

    See :class:`~airflow_dataflow_ext.task.connection.DataflowTask` for the other arguments.
    """

    template_fields: Sequence[str] = ("pipeline_name", *DataflowTask.template_fields)
    operator_extra_links = ()  # a deleted pipeline has no page

    def __init__(self, *, pipeline_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipeline_name = pipeline_name

    def execute(self, context: Context) -> None:
        with task_errors():
            try:
                self.hook.delete_data_pipeline(self.pipeline_name, project_id=self.project_id, location=self.location)
            except NotFoundError as gone:
                self.log.warning("There is no pipeline to delete: %s", gone)
