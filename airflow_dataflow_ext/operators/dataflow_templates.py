"""Operators that launch a classic template or a Flex template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow.bodies import read_body
from airflow_dataflow_ext.api.dataflow.templates import ENVIRONMENT_FIELDS, FlexTemplateLaunch, Launch, TemplateLaunch
from airflow_dataflow_ext.api.rest.arguments import given
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.texts import near, shown
from airflow_dataflow_ext.api.rest.values import mapping
from airflow_dataflow_ext.operators.dataflow_launch import DataflowLaunchOperator
from airflow_dataflow_ext.task.flags import Flag
from airflow_dataflow_ext.task.templating import FileFields

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.dataflow.job import Place

_PLACES = ("location", "region")
_LEFT_TO_THE_CONNECTION = frozenset({"project", "projectId", "stagingLocation", "jobName", "job_name", *_PLACES})
"""Options that older DAGs pass although RuntimeEnvironment has no such field."""


class DataflowTemplatedJobStartOperator(FileFields, DataflowLaunchOperator):
    """Launch a classic template.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/LaunchTemplateParameters

    :param template: ``gs://`` path of the template (templated, like every argument listed here).
    :param job_name: name of the job; by default the task's id, made a valid job name.
    :param parameters: the template's parameters.
    :param environment: a RuntimeEnvironment; text is read as the type of its field, and None means "not given".
    :param options: fields of the RuntimeEnvironment that override ``environment``.
    :param dataflow_default_options: the same for all tasks of a DAG; ``options`` overrides them.
    :param update: replace the running streaming job of this name. The replacement has the same name, whatever ``append_job_name`` is. The
        task waits for a job that is still starting, and until the replacement runs; its log says which job took over.
    :param transform_name_mapping: with ``update``: names of transforms in the old job, mapped to those in the new one.

    ``parameters``, ``environment`` and ``options`` may each be the name of a ``.json`` file beside the DAG file.

    See :class:`~airflow_dataflow_ext.operators.dataflow_launch.DataflowLaunchOperator` for the other arguments, the result and retries.
    """

    template_fields: Sequence[str] = (
        "template",
        "job_name",
        "options",
        "parameters",
        "environment",
        "dataflow_default_options",
        "update",
        "transform_name_mapping",
        *DataflowLaunchOperator.template_fields,
    )
    template_ext: Sequence[str] = (".json",)
    file_fields = ("parameters", "environment", "options")
    update = Flag()
    template_fields_renderers = {"parameters": "json", "environment": "json", "options": "json"}  # noqa: RUF012  (Airflow's own form)

    def __init__(
        self,
        *,
        template: str,
        job_name: str = "{{ task.task_id }}",
        options: Mapping[str, Any] | str | None = None,
        dataflow_default_options: Mapping[str, Any] | str | None = None,
        parameters: Mapping[str, Any] | str | None = None,
        environment: Mapping[str, Any] | str | None = None,
        update: bool | str = False,
        transform_name_mapping: Mapping[str, str] | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.template = template
        self.job_name = job_name
        self.options: Any = options
        self.dataflow_default_options: Any = dataflow_default_options
        self.parameters: Any = parameters
        self.environment: Any = environment
        self.update = update
        self.transform_name_mapping: Any = transform_name_mapping

    @property
    def default_name(self) -> bool:
        return bool(self.job_name == self.task_id)

    @property
    def says_where(self) -> bool:
        return bool(self.own_location or self._places)

    def launch(self) -> tuple[Launch, Place]:
        places = self._places
        for name, value in places.items():
            if self.own_location and value != self.own_location:
                raise InvalidInputError(f"location is {self.own_location!r} and options[{name!r}] is {shown(value)}: give one of them")
        launch = TemplateLaunch(
            template=self.template,
            job_name=self.job_name,
            parameters=self.parameters,
            environment={**read_body("RuntimeEnvironment", self.environment, "environment"), **self._known},
            update=self.update,
            transform_name_mapping=self.transform_name_mapping,
        )
        return launch, self.hook.place(self.project_id, self.own_location or next(iter(places.values()), None))

    @property
    def _options(self) -> dict[str, Any]:
        """All options, without those that are None."""
        return {**mapping(self.dataflow_default_options, "dataflow_default_options"), **mapping(self.options, "options")}

    @property
    def _places(self) -> dict[str, Any]:
        return {name: value for name, value in self._options.items() if name in _PLACES and given(value)}

    @property
    def _known(self) -> dict[str, Any]:
        """The options that are fields of a RuntimeEnvironment."""
        known = {name: value for name, value in self._options.items() if name not in _LEFT_TO_THE_CONNECTION}
        for name in known:
            if name not in ENVIRONMENT_FIELDS:
                meant = near(name, ENVIRONMENT_FIELDS)
                hint = f"; did you mean {meant!r}?" if meant else "; use environment for a field that this package does not know yet"
                raise InvalidInputError(f"options[{shown(name)}] is not a field of a RuntimeEnvironment{hint}")
        return read_body("RuntimeEnvironment", known, "options")


class DataflowStartFlexTemplateOperator(FileFields, DataflowLaunchOperator):
    """Launch a Flex template.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.flexTemplates/launch

    :param body: a LaunchFlexTemplateRequest (templated): a mapping, JSON text, or the name of a ``.json`` file beside the DAG file. Text is
        read as the type of its field. ``append_job_name`` adds a suffix to ``launchParameter.jobName``. ``launchParameter.update`` replaces
        the running streaming job of that name, as ``update`` of :class:`DataflowTemplatedJobStartOperator` does, and
        ``launchParameter.transformNameMappings`` maps the names of transforms.

    See :class:`~airflow_dataflow_ext.operators.dataflow_launch.DataflowLaunchOperator` for the other arguments, the result and retries.
    """

    template_fields: Sequence[str] = ("body", *DataflowLaunchOperator.template_fields)
    template_ext: Sequence[str] = (".json",)
    file_fields = ("body",)
    template_fields_renderers = {"body": "json"}  # noqa: RUF012  (Airflow's own form)

    def __init__(self, *, body: Mapping[str, Any] | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.body: Any = body

    def launch(self) -> tuple[Launch, Place]:
        return FlexTemplateLaunch(body=self.body), self.place
