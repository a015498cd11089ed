"""How a task starts in the triggerer: with the operator itself as the trigger's argument."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.triggers.base import StartTriggerArgs

    from airflow_dataflow_ext.api.method import Json

START_TRIGGER = "airflow_dataflow_ext.operators.start_trigger.DataflowStartTrigger"
"""Its class is not imported while a DAG file is read."""


def start_args(operator: BaseOperator) -> StartTriggerArgs | None:
    """What Airflow starts in the triggerer; None where only a worker can begin with the task.

    That is so for a task with the output of another one, or anything else that is not JSON, among its arguments; and for one in a DAG
    with macros, filters or types of its own, because the triggerer renders templates without the DAG file.
    """
    dag = operator.get_dag()
    if dag is not None and (dag.user_defined_macros or dag.user_defined_filters or dag.render_template_as_native_obj):
        return None
    arguments = arguments_of(operator)
    try:
        json.dumps(arguments)
    except TypeError:
        return None
    from airflow.triggers.base import StartTriggerArgs

    cls = type(operator)
    path = f"{cls.__module__}.{cls.__qualname__}"
    return StartTriggerArgs(
        trigger_cls=START_TRIGGER, next_method="execute_complete", trigger_kwargs={"operator": path, "arguments": arguments}
    )


def arguments_of(operator: BaseOperator) -> Json:
    """What an operator of this package was made of, without what every operator has."""
    names: dict[str, Any] = {}
    for cls in type(operator).__mro__[: type(operator).__mro__.index(BaseOperator)]:
        if "__init__" in vars(cls):
            parameters = inspect.signature(vars(cls)["__init__"]).parameters.values()
            names |= {p.name: getattr(operator, p.name) for p in parameters if p.kind is p.KEYWORD_ONLY}
    return {name: value for name, value in names.items() if name != "start_from_trigger"}
