"""Whether and how a task starts in the triggerer: with itself as the trigger's argument."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.definitions.xcom_arg import PlainXComArg

from airflow_dataflow_ext.api.rest.values import flag

if TYPE_CHECKING:
    from datetime import timedelta

    from airflow.sdk import DAG
    from airflow.triggers.base import StartTriggerArgs
    from jinja2.nodes import Name, Template

    from airflow_dataflow_ext.api.rest.method import Json

KNOWN_THERE = {
    *("conn", "params", "run_id", "task_instance_key_str", "var"),
    *("data_interval_end", "data_interval_start", "ds", "ds_nodash", "logical_date", "ts", "ts_nodash", "ts_nodash_with_tz"),
}
"""What a template may name in the triggerer. For other things Airflow's triggerer has no answer, and would wait for one for ever, or
another one than a worker."""

_OF_TASK_INSTANCE = {"dag_id", "map_index", "run_id", "task_id", "try_number"}
_OF_RUN = {"conf", "data_interval_end", "data_interval_start", "logical_date", "partition_key", "run_after", "run_id", "run_type"}
FIELDS_THERE = {
    "dag": {"dag_id"},
    "dag_run": _OF_RUN,
    "macros": {"datetime", "dateutil", "ds_add", "ds_format", "json", "random", "time", "timedelta", "uuid"},
    "task": {"task_id"},
    "task_instance": _OF_TASK_INSTANCE,
    "ti": _OF_TASK_INSTANCE,
}
"""What it may name of these. ``ti.xcom_pull`` is for one map index: that is one question, and not one for all of them."""

LARGEST = 40_000
"""Characters of arguments; a trigger's row takes 65,535 bytes in some databases, and encryption adds a third."""


TEXT_FIELDS = frozenset({"connector_id", "dataflow", "job_id", "location", "project_id", "recipe", "snapshot_id"})
"""Arguments that are a text and nothing else, so that another task's output can be pulled by a template."""


class _StartFromTrigger:
    """Whether Airflow starts a task in the triggerer: when that was asked for, and can be."""

    def __get__(self, task: Any, owner: type) -> bool:
        return task is not None and task.start_trigger_args is not None

    def __set__(self, task: Any, value: bool) -> None:
        task.may_start_here = flag(value, "start_from_trigger")


class _StartTriggerArgs:
    """What Airflow is to start in the triggerer, made when it asks: a DAG file, or a policy, may change a task after it was made."""

    def __get__(self, task: Any, owner: type) -> StartTriggerArgs | None:
        return start_args(task) if task is not None and task.may_start_here else None


class StartsFromTrigger(BaseOperator):
    """A task that can start in the triggerer, be it an operator or a sensor."""

    start_trigger: ClassVar[str]
    """Import path of the trigger that carries it out; its class is not imported while a DAG file is read."""

    may_start_here = False
    """Whether it was asked to start in the triggerer."""

    start_from_trigger = _StartFromTrigger()
    start_trigger_args = _StartTriggerArgs()

    @property
    def patience(self) -> timedelta | None:
        """How long a try may take."""
        return None

    def needs_worker(self) -> bool:
        """Whether it needs something that is on a worker only."""
        return False


def start_args(task: Any) -> StartTriggerArgs | None:
    """What Airflow starts in the triggerer; None where a worker has to begin: see ``docs/waiting.md``."""
    cls = type(task)
    try:
        arguments = arguments_of(task)
    except AttributeError:
        return None  # it is still being made, when Airflow only looks for functions among the arguments
    ours = cls.__module__.startswith("airflow_dataflow_ext.")
    plain = is_plain(arguments) and len(json.dumps(arguments)) <= LARGEST and all(map(renders_there, texts_in(arguments)))
    if not (ours and plain and renders_plainly(task)) or task.needs_worker():
        return None
    from airflow.triggers.base import StartTriggerArgs

    return StartTriggerArgs(
        trigger_cls=cls.start_trigger,
        next_method="execute_complete",
        trigger_kwargs={"operator": f"{cls.__module__}.{cls.__qualname__}", "arguments": arguments},
        timeout=task.patience,
    )


def arguments_of(task: BaseOperator) -> Json:
    """What a task of this package was made of, without what every operator has."""
    names = {
        parameter.name
        for cls in type(task).__mro__[: type(task).__mro__.index(BaseOperator)]
        if "__init__" in vars(cls)
        for parameter in inspect.signature(vars(cls)["__init__"]).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    found = {name: getattr(task, name) for name in sorted(names - {"start_from_trigger"})}
    return {name: _pulled(value) if name in TEXT_FIELDS else value for name, value in found.items()}


def _pulled(value: Any) -> Any:
    """The output of another task, if that is not mapped, as a template that the triggerer can render."""
    of = value.operator if isinstance(value, PlainXComArg) else None
    if not isinstance(of, BaseOperator) or of.get_closest_mapped_task_group():
        return value
    return f"{{{{ ti.xcom_pull(task_ids={of.task_id!r}, key={value.key!r}, map_indexes=-1) }}}}"


def renders_plainly(task: BaseOperator) -> bool:
    """Whether the DAG changes nothing about templates that the triggerer, which does not have the DAG file, would have to know."""
    from jinja2 import StrictUndefined

    dag: DAG | None = task.get_dag()
    if getattr(task, "render_template_as_native_obj", None):
        return False
    if dag is None:
        return True
    own = (
        dag.user_defined_macros,
        dag.user_defined_filters,
        dag.render_template_as_native_obj,
        dag.jinja_environment_kwargs,
        dag.template_searchpath,
    )
    return not any(own) and dag.template_undefined is StrictUndefined


def renders_there(text: str) -> bool:
    """Whether the triggerer can render the text to what a worker would make of it."""
    if "{" not in text:
        return True
    from jinja2 import Environment, TemplateError, meta, nodes

    try:
        parsed = Environment(extensions=["jinja2.ext.do"]).parse(text)  # noqa: S701  (nothing is rendered)
    except TemplateError:
        return False  # the worker says what is wrong
    asked = meta.find_undeclared_variables(parsed) - KNOWN_THERE
    answered = {id(node) for node in _answered(parsed)}
    names = (node for node in parsed.find_all(nodes.Name) if node.name in asked)
    return all(id(node) in answered for node in names) and not any(meta.find_referenced_templates(parsed))


def _answered(parsed: Template) -> Iterator[Name]:
    """The names of which no more is asked than the triggerer can tell."""
    from jinja2 import nodes

    for found in parsed.find_all(nodes.Getattr):
        if isinstance(found.node, nodes.Name) and found.attr in FIELDS_THERE.get(found.node.name, ()):
            yield found.node
    for call in parsed.find_all(nodes.Call):
        pull = call.node
        if isinstance(pull, nodes.Getattr) and pull.attr == "xcom_pull" and isinstance(pull.node, nodes.Name):
            index = next((word.value for word in call.kwargs if word.key == "map_indexes"), None)
            if pull.node.name in ("ti", "task_instance") and isinstance(index.node if isinstance(index, nodes.Neg) else index, nodes.Const):
                yield pull.node


def is_plain(value: Any) -> bool:
    """Whether Airflow's encoding gives the value back as it is, but for tuples, which become lists."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and not key.startswith("__") and is_plain(entry) for key, entry in value.items())
    return all(map(is_plain, value)) if isinstance(value, list | tuple) else value is None or type(value) in (str, int, float, bool)


def texts_in(value: Any) -> list[str]:
    """Every text in it; keys are no templates."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [text for entry in value for text in texts_in(entry)]
    return [value] if isinstance(value, str) else []
