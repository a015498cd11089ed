"""Decides whether a task starts in the triggerer, and makes the trigger's arguments from it."""

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
"""Names that a template may use in the triggerer. For others, the triggerer would wait for an answer forever, or get another one than a
worker."""

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
"""The fields of these that a template may use. ``ti.xcom_pull`` must name one map index, which is one question to Airflow."""

LARGEST = 40_000
"""Greatest length of the arguments, in characters. Some databases limit a trigger's row to 65,535 bytes, and encryption adds a third."""


TEXT_FIELDS = frozenset({"connector_id", "dataflow", "job_id", "location", "project_id", "recipe", "snapshot_id"})
"""Arguments that are always texts, so that a template can pull another task's output for them."""


class _StartFromTrigger:
    """Whether Airflow starts a task in the triggerer: if the DAG asks for it, and it is possible."""

    def __get__(self, task: Any, owner: type) -> bool:
        return task is not None and task.start_trigger_args is not None

    def __set__(self, task: Any, value: bool) -> None:
        task.may_start_here = flag(value, "start_from_trigger")


class _StartTriggerArgs:
    """What Airflow starts in the triggerer, made when Airflow asks: a DAG file or a policy may change a task after its creation."""

    def __get__(self, task: Any, owner: type) -> StartTriggerArgs | None:
        return start_args(task) if task is not None and task.may_start_here else None


class StartsFromTrigger(BaseOperator):
    """An operator or a sensor that can start in the triggerer."""

    start_trigger: ClassVar[str]
    """Import path of the trigger that carries the task out; it is not imported while a DAG file is parsed."""

    may_start_here = False
    """Whether the DAG asks to start the task in the triggerer."""

    start_from_trigger = _StartFromTrigger()
    start_trigger_args = _StartTriggerArgs()

    @property
    def patience(self) -> timedelta | None:
        """How long a try may take."""
        return None

    def needs_worker(self) -> bool:
        """Whether it needs something that only a worker has."""
        return False


def start_args(task: Any) -> StartTriggerArgs | None:
    """What Airflow starts in the triggerer; None if a worker has to begin. See ``docs/waiting.md``."""
    cls = type(task)
    try:
        arguments = arguments_of(task)
    except AttributeError:
        return None  # the task is still being created, and Airflow only looks for functions among its arguments
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
    """The arguments of a task of this package, without those of every operator."""
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
    """Another task's output as a template that the triggerer can render, unless that task is mapped."""
    of = value.operator if isinstance(value, PlainXComArg) else None
    if not isinstance(of, BaseOperator) or of.get_closest_mapped_task_group():
        return value
    return f"{{{{ ti.xcom_pull(task_ids={of.task_id!r}, key={value.key!r}, map_indexes=-1) }}}}"


def renders_plainly(task: BaseOperator) -> bool:
    """Whether the DAG leaves templates at their defaults, since the triggerer does not have the DAG file."""
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
    """Whether the triggerer renders the text to the same result as a worker."""
    if "{" not in text:
        return True
    from jinja2 import Environment, TemplateError, meta, nodes

    try:
        parsed = Environment(extensions=["jinja2.ext.do"]).parse(text)  # noqa: S701  (nothing is rendered)
    except TemplateError:
        return False  # a worker reports what is wrong
    asked = meta.find_undeclared_variables(parsed) - KNOWN_THERE
    answered = {id(node) for node in _answered(parsed)}
    names = (node for node in parsed.find_all(nodes.Name) if node.name in asked)
    return all(id(node) in answered for node in names) and not any(meta.find_referenced_templates(parsed))


def _answered(parsed: Template) -> Iterator[Name]:
    """The names of which the text uses only what the triggerer knows."""
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
    """Whether Airflow's encoding returns the value unchanged, except that tuples become lists."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and not key.startswith("__") and is_plain(entry) for key, entry in value.items())
    return all(map(is_plain, value)) if isinstance(value, list | tuple) else value is None or type(value) in (str, int, float, bool)


def texts_in(value: Any) -> list[str]:
    """Every text in a value, without keys, which are not templates."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [text for entry in value for text in texts_in(entry)]
    return [value] if isinstance(value, str) else []
