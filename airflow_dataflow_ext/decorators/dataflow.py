"""Task decorators for Dataflow: a function returns what is launched, and the task launches it and follows the job."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.bases.decorator import DecoratedOperator, task_decorator_factory
from airflow.sdk.definitions.context import context_merge

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import mapping
from airflow_dataflow_ext.operators.dataflow_beam_yaml import DataflowStartYamlJobOperator
from airflow_dataflow_ext.operators.dataflow_launch import DataflowLaunchOperator
from airflow_dataflow_ext.operators.dataflow_templates import DataflowStartFlexTemplateOperator
from airflow_dataflow_ext.task.compat import keywords
from airflow_dataflow_ext.task.errors import task_errors

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.bases.decorator import TaskDecorator

    from airflow_dataflow_ext.operators.base import Attempt


class FunctionLaunchOperator(DecoratedOperator, DataflowLaunchOperator):
    """Launches what a function returns.

    The function runs on a worker, before the launch. It runs again when a later process of the task needs its result: on a retry, and to
    stop the job of a deferred task that has timed out. Airflow renders the function's arguments, but not what it returns.
    """

    made_by_function: ClassVar[tuple[str, ...]] = ()
    """Arguments of the operator that the function replaces."""

    custom_operator_name: str
    overwrite_rtif_after_execution = True
    _has_run = False

    def __init__(self, **kwargs: Any) -> None:
        given = [name for name in self.made_by_function if name in kwargs]
        if given:
            raise InvalidInputError(f"{self.custom_operator_name} takes no {' or '.join(given)}: the function returns what is launched")
        kwargs[self.made_by_function[0]] = "(what the function returns)"
        super().__init__(**kwargs)

    @abstractmethod
    def take(self, returned: Any) -> None:
        """Set the operator's fields from what the function returned.

        :raises InvalidInputError: what the function returned cannot be launched.
        """

    def enter(self, context: Context, *, resumes: bool = False) -> Attempt:
        self._call(context)
        return super().enter(context, resumes=resumes)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> Any:
        if self.outlets:
            with task_errors():
                self._call(context)  # the launch tells what the job has written
        return super().execute_complete(context, event)

    def _call(self, context: Context) -> None:
        """Call the function, once in each process."""
        if self._has_run:
            return
        context_merge(context, self.op_kwargs)
        self.take(self.python_callable(*self.op_args, **keywords(self.python_callable, self.op_args, context)))
        self._has_run = True

    def _no_launch(self, returned: Any, wanted: str) -> InvalidInputError:
        return InvalidInputError(f"the function {self.python_callable.__name__} must return {wanted}, not {shown(returned)}")


class YamlFunctionOperator(FunctionLaunchOperator, DataflowStartYamlJobOperator):
    """``@task.dataflow_yaml``: the function returns a Beam YAML pipeline, as a mapping or as text.

    It takes the arguments of :class:`~airflow_dataflow_ext.operators.dataflow.DataflowStartYamlJobOperator`; by default, the job is named
    after the task.
    """

    custom_operator_name = "@task.dataflow_yaml"
    made_by_function = ("yaml_pipeline", "yaml_pipeline_file")
    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *DataflowStartYamlJobOperator.template_fields)
    template_fields_renderers = {  # noqa: RUF012  (Airflow's own form)
        **DecoratedOperator.template_fields_renderers,
        **DataflowStartYamlJobOperator.template_fields_renderers,
    }

    def __init__(self, *, job_name: str = "{{ task.task_id }}", **kwargs: Any) -> None:
        super().__init__(job_name=job_name, **kwargs)

    @property
    def default_name(self) -> bool:
        return bool(self.job_name == self.task_id)

    def take(self, returned: Any) -> None:
        if not returned or not isinstance(returned, Mapping | str):
            raise self._no_launch(returned, "a Beam YAML pipeline, as a mapping or as text")
        self.yaml_pipeline = returned


class FlexFunctionOperator(FunctionLaunchOperator, DataflowStartFlexTemplateOperator):
    """``@task.dataflow_flex``: the function returns a LaunchFlexTemplateParameter, or a whole LaunchFlexTemplateRequest.

    It takes the arguments of :class:`~airflow_dataflow_ext.operators.dataflow.DataflowStartFlexTemplateOperator`; if the function returns
    no job name, the job is named after the task.
    """

    custom_operator_name = "@task.dataflow_flex"
    made_by_function = ("body",)
    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *DataflowStartFlexTemplateOperator.template_fields)
    template_fields_renderers = {  # noqa: RUF012  (Airflow's own form)
        **DecoratedOperator.template_fields_renderers,
        **DataflowStartFlexTemplateOperator.template_fields_renderers,
    }
    _is_named = True

    @property
    def default_name(self) -> bool:
        return not self._is_named

    def take(self, returned: Any) -> None:
        if not returned or not isinstance(returned, Mapping):
            raise self._no_launch(returned, "the parameters of a Flex template's launch, as a mapping")
        body = dict(returned) if {"launchParameter", "launch_parameter"} & set(returned) else {"launchParameter": returned}
        key = "launch_parameter" if "launch_parameter" in body else "launchParameter"
        parameter = body[key] = mapping(body[key], key)
        if not (parameter.get("jobName") or parameter.get("job_name")):
            self._is_named = False
            body[key] = {**{name: value for name, value in parameter.items() if name != "job_name"}, "jobName": self.task_id}
        self.body = body


def dataflow_yaml_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> TaskDecorator:
    """``@task.dataflow_yaml``: launch the Beam YAML pipeline that the function returns; see :class:`YamlFunctionOperator`.

    :param python_callable: the function.
    :param kwargs: arguments of the operator.
    """
    return _decorator(YamlFunctionOperator, python_callable, kwargs)


def dataflow_flex_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> TaskDecorator:
    """``@task.dataflow_flex``: launch the Flex template that the function returns; see :class:`FlexFunctionOperator`.

    :param python_callable: the function.
    :param kwargs: arguments of the operator.
    """
    return _decorator(FlexFunctionOperator, python_callable, kwargs)


def _decorator(operator: type[FunctionLaunchOperator], python_callable: Callable[..., Any] | None, kwargs: dict[str, Any]) -> TaskDecorator:
    """The decorator. The function's return type describes what is launched, so it does not turn on ``multiple_outputs`` for the result."""
    multiple = kwargs.pop("multiple_outputs", False)
    return task_decorator_factory(python_callable=python_callable, multiple_outputs=multiple, decorated_operator_class=operator, **kwargs)
