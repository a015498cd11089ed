"""Operators that launch a template of the user's: classic and Flex."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.dataflow.templates import ENVIRONMENT_FIELDS, FlexTemplateLaunch, Launch, TemplateLaunch
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.operators.dataflow_launch import DataflowLaunchOperator

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.dataflow.job import Place

_PLACES = ("location", "region")
_LEFT_TO_THE_CONNECTION = frozenset({"project", "projectId", "stagingLocation", "jobName", "job_name", *_PLACES})
"""Options that older DAGs carry along and that no RuntimeEnvironment has."""


class DataflowTemplatedJobStartOperator(DataflowLaunchOperator):
    """Launch a classic template.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/LaunchTemplateParameters

    :param template: ``gs://`` path of the template (templated, like every argument named here).
    :param job_name: name of the job; the task's id by default.
    :param parameters: the template's parameters.
    :param environment: a RuntimeEnvironment.
    :param options: fields of the RuntimeEnvironment that win over ``environment``.
    :param dataflow_default_options: the same for all tasks of a DAG; ``options`` win over them.
    :param update: replace the running streaming job of this name, which keeps its name, whatever ``append_job_name`` is. The task
        waits for a job that is still starting, and for the replacement to run; its log says which job took over.
    :param transform_name_mapping: for that, names of transforms in the old job and in the new one.

    See :class:`~airflow_dataflow_ext.operators.dataflow_launch.DataflowLaunchOperator` for the other arguments, the result and retries.
    """

    template_fields: Sequence[str] = (
        "template",
        "job_name",
        "options",
        "parameters",
        "project_id",
        "location",
        "gcp_conn_id",
        "impersonation_chain",
        "environment",
        "dataflow_default_options",
        "transform_name_mapping",
    )
    template_fields_renderers = {"parameters": "json", "environment": "json", "options": "json"}  # noqa: RUF012  (Airflow's own form)

    def __init__(
        self,
        *,
        template: str,
        job_name: str = "{{ task.task_id }}",
        options: dict[str, Any] | None = None,
        dataflow_default_options: dict[str, Any] | None = None,
        parameters: dict[str, Any] | None = None,
        environment: dict[str, Any] | None = None,
        update: bool = False,
        transform_name_mapping: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.template = template
        self.job_name = job_name
        self.options = options
        self.dataflow_default_options = dataflow_default_options
        self.parameters = parameters
        self.environment = environment
        self.update = update
        self.transform_name_mapping = transform_name_mapping

    def launch(self) -> tuple[Launch, Place]:
        options = {**(self.dataflow_default_options or {}), **(self.options or {})}
        places = {name: options[name] for name in _PLACES if options.get(name)}
        for name, value in places.items():
            if self.location and value != self.location:
                raise InvalidInputError(f"location is {self.location!r} and options[{name!r}] is {value!r}: give one of them")
        known = {name: value for name, value in options.items() if name not in _LEFT_TO_THE_CONNECTION}
        _check_options(known)
        launch = TemplateLaunch(
            template=self.template,
            job_name=self.job_name,
            parameters=self.parameters or {},
            environment={**(self.environment or {}), **known},
            update=self.update,
            transform_name_mapping=self.transform_name_mapping or {},
        )
        return launch, self.hook.place(self.project_id, self.location or next(iter(places.values()), None))


def _check_options(options: Mapping[str, Any]) -> None:
    for name in options:
        if name not in ENVIRONMENT_FIELDS:
            near = difflib.get_close_matches(name, ENVIRONMENT_FIELDS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "; use environment for a field that this package does not know yet"
            raise InvalidInputError(f"options[{name!r}] is no field of a RuntimeEnvironment{hint}")


class DataflowStartFlexTemplateOperator(DataflowLaunchOperator):
    """Launch a Flex template.

    https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.flexTemplates/launch

    :param body: LaunchFlexTemplateRequest (templated); ``launchParameter.jobName`` is the name that ``append_job_name`` adds to.
        With ``launchParameter.update`` the running streaming job of that name is replaced, as it is said of
        :class:`DataflowTemplatedJobStartOperator`; ``launchParameter.transformNameMappings`` maps names.

    See :class:`~airflow_dataflow_ext.operators.dataflow_launch.DataflowLaunchOperator` for the other arguments, the result and retries.
    """

    template_fields: Sequence[str] = ("body", "location", "project_id", "gcp_conn_id", "impersonation_chain")
    template_fields_renderers = {"body": "json"}  # noqa: RUF012  (Airflow's own form)

    def __init__(self, *, body: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.body = body

    def launch(self) -> tuple[Launch, Place]:
        return FlexTemplateLaunch(body=self.body), self.place
