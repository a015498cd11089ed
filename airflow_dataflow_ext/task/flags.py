"""Boolean arguments of tasks, which are checked when the DAG file is parsed or, if they are templates, once they are rendered."""

from __future__ import annotations

from typing import Any, overload

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.values import NOTHING, flag
from airflow_dataflow_ext.task.templating import is_template


class Flag:
    """A boolean argument, which may be given as the text that a template renders.

    Any other value is an error of the DAG file. A rendered value is read when Airflow sets it; if it is not a boolean, it stays unchanged,
    and :func:`check_flags` raises the error while the task runs.

    :param optional: whether None is allowed, too.
    """

    def __init__(self, *, optional: bool = False) -> None:
        self.optional = optional
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, task: None, owner: type) -> Flag: ...
    @overload
    def __get__(self, task: object, owner: type) -> Any: ...
    def __get__(self, task: object | None, owner: type) -> Any:
        if task is None:
            return self
        try:
            return vars(task)[self.name]
        except KeyError:
            raise AttributeError(f"{owner.__name__} has no {self.name} yet") from None

    def __set__(self, task: Any, value: Any) -> None:
        rendered = is_template(vars(task).get(self.name))
        if is_template(value):
            if self.name not in task.template_fields:
                raise InvalidInputError(f"{self.name} must be true or false; it is not templated")
        else:
            try:
                value = self.read(value)
            except InvalidInputError:
                if not rendered:
                    raise
        vars(task)[self.name] = value

    def read(self, value: Any) -> bool | None:
        """The value as a boolean, or None.

        :raises InvalidInputError: it is not a boolean.
        """
        if self.optional and (value is None or (isinstance(value, str) and value.strip() in NOTHING)):
            return None
        return flag(value, self.name)


def check_flags(task: object) -> None:
    """Check that each rendered flag of the task is a boolean.

    :raises InvalidInputError: a flag is not.
    """
    for name in {name for cls in type(task).__mro__ for name, found in vars(cls).items() if isinstance(found, Flag)}:
        getattr(type(task), name).read(getattr(task, name))
