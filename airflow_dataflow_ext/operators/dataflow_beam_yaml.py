"""The operator that runs a Beam YAML pipeline on Dataflow."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.rest.arguments import given, only_given
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import text
from airflow_dataflow_ext.operators.dataflow_launch import DataflowLaunchOperator
from airflow_dataflow_ext.task.templating import FileFields

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.dataflow.job import Place
    from airflow_dataflow_ext.api.dataflow.templates import Launch


class DataflowStartYamlJobOperator(FileFields, DataflowLaunchOperator):
    """Run a Beam YAML pipeline; neither Beam nor gcloud is needed on the worker.

    https://beam.apache.org/documentation/sdks/yaml/ and https://cloud.google.com/sdk/gcloud/reference/dataflow/yaml/run

    All arguments listed here are templated. Airflow renders ``{{ }}`` in ``yaml_pipeline`` before Beam sees it, so put what Beam fills in
    from ``jinja_variables`` between ``{% raw %}`` and ``{% endraw %}``. ``yaml_pipeline_file`` is not rendered.

    :param job_name: name of the job.
    :param yaml_pipeline_file: ``gs://`` path of the pipeline, which the job reads, or a path on the worker, which this task reads.
    :param yaml_pipeline: instead of a file, the pipeline itself: as text, as a mapping, or as the name of a ``.yaml``, ``.yml`` or
        ``.json`` file beside the DAG file, in which Airflow renders ``{{ }}``. ``options``, ``environment`` and ``jinja_variables`` may
        be files, too.
    :param region: the same as ``location``, which takes precedence.
    :param jinja_variables: values that Beam fills into the pipeline.
    :param options: flags of ``gcloud dataflow yaml run`` without their dashes, for example ``{"max-workers": 3,
        "pipeline-options": {"streaming": True}}``. Flags that are None or False, and flags about the gcloud command itself, are ignored.
        ``update`` replaces the running streaming job of that name; see
        :class:`~airflow_dataflow_ext.operators.dataflow.DataflowTemplatedJobStartOperator`.
    :param environment: a FlexTemplateRuntimeEnvironment, which overrides ``options``. Text is read as the type of its field.
    :param template: ``gs://`` path of another template that runs Beam YAML, for example an older version.

    See :class:`~airflow_dataflow_ext.operators.dataflow_launch.DataflowLaunchOperator` for the other arguments, the result and retries.
    """

    template_fields: Sequence[str] = (
        "job_name",
        "yaml_pipeline_file",
        "yaml_pipeline",
        "jinja_variables",
        "options",
        "environment",
        "template",
        "region",
        *DataflowLaunchOperator.template_fields,
    )
    template_ext: Sequence[str] = (".yaml", ".yml", ".json")
    file_fields = ("yaml_pipeline", "jinja_variables", "options", "environment")
    template_fields_renderers = {"jinja_variables": "json", "yaml_pipeline": "yaml", "environment": "json"}  # noqa: RUF012  (Airflow's own form)

    def __init__(
        self,
        *,
        job_name: str,
        yaml_pipeline_file: str | os.PathLike[str] | None = None,
        yaml_pipeline: str | Mapping[str, Any] | None = None,
        region: str | None = None,
        jinja_variables: Mapping[str, Any] | str | None = None,
        options: Mapping[str, Any] | str | None = None,
        environment: Mapping[str, Any] | str | None = None,
        template: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        only_given(yaml_pipeline_file=yaml_pipeline_file, yaml_pipeline=yaml_pipeline)
        self.job_name = job_name
        self.yaml_pipeline_file = yaml_pipeline_file
        self.yaml_pipeline = yaml_pipeline
        self.region = region
        self.jinja_variables: Any = jinja_variables
        self.options: Any = options
        self.environment: Any = environment
        self.template = template

    @property
    def says_where(self) -> bool:
        return bool(self.own_location or given(self.region))

    def needs_worker(self) -> bool:
        return super().needs_worker() or (self.yaml_pipeline_file is not None and _is_local(self.yaml_pipeline_file))

    def launch(self) -> tuple[Launch, Place]:
        from airflow_dataflow_ext.api.dataflow.beam_yaml import yaml_launch

        place = self.hook.place(self.project_id, self.own_location or given(self.region))
        file, pipeline = given(self.yaml_pipeline_file), self.yaml_pipeline
        if file is not None and _is_local(file):
            file, pipeline = None, _read(text(file, "yaml_pipeline_file"))
        launch = yaml_launch(
            job_name=self.job_name,
            location=place.location,
            pipeline=pipeline,
            pipeline_file=file,
            jinja_variables=self.jinja_variables,
            options=self.options,
            environment=self.environment,
            template=self.template,
        )
        return launch, place


def _is_local(path: Any) -> bool:
    """Whether a file is on the worker; ``gs:/bucket``, as a Path writes it, is not."""
    return ":/" not in str(path)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"yaml_pipeline_file {shown(path)} cannot be read on this worker: {error}") from error
