"""Templated arguments, and arguments that may name a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import XComArg

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.task.start_from_trigger import StartsFromTrigger

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import Context


def is_template(value: Any) -> bool:
    """Whether Airflow has something to render in a value: a text with a Jinja expression, statement or comment, or another task's output,
    including inside lists and mappings."""
    if isinstance(value, str):
        return any(mark in value for mark in ("{{", "{%", "{#"))
    if isinstance(value, Mapping):
        return any(map(is_template, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(is_template, value))
    return isinstance(value, XComArg) or hasattr(value, "resolve")


class FileFields(StartsFromTrigger):
    """A task with arguments that may name a file beside the DAG file, whose content Airflow renders in their place.

    Airflow itself takes *every* text with a template file's extension for a file, even inside a mapping; here, ``gs://bucket/spec.json`` in
    a body is not one.
    """

    file_fields: ClassVar[Sequence[str]] = ()
    """Templated arguments whose whole value may be a file name."""

    def resolve_template_files(self) -> None:
        """Read template files as any operator does, but only for :attr:`file_fields`.

        :raises InvalidInputError: there is no such file.
        """
        env = self.get_template_env()
        for name in self.file_fields if env.loader is not None else ():
            if self.names_file(name):
                setattr(self, name, _source(env, name, getattr(self, name)))
        self.prepare_template()

    def needs_worker(self) -> bool:
        """True also if an argument names a file, which only a worker can read."""
        return any(map(self.names_file, self.file_fields)) or super().needs_worker()

    def names_file(self, field: str) -> bool:
        """Whether the argument names a file beside the DAG file."""
        value = getattr(self, field)
        return isinstance(value, str) and value.endswith(tuple(self.template_ext)) and "://" not in value and not is_template(value)

    def render_template(
        self, content: Any, context: Context, jinja_env: jinja2.Environment | None = None, seen_oids: set[int] | None = None
    ) -> Any:
        """Render as any operator does, but treat only the whole value of one of :attr:`file_fields` as a file, and a path as its text."""
        if isinstance(content, PurePath):  # Airflow 3.1 would call its method ``resolve``
            content = str(content)
        if isinstance(content, str) and content.endswith(tuple(self.template_ext)):
            whole = any(content is getattr(self, name) and self.names_file(name) for name in self.file_fields)
            content = content if whole else f"{content}{{##}}"  # with a comment at its end, Airflow takes it for a text
        return super().render_template(content, context, jinja_env, seen_oids)


def _source(env: jinja2.Environment, field: str, path: str) -> str:
    from jinja2 import TemplateNotFound

    assert env.loader is not None
    try:
        return env.loader.get_source(env, path)[0]
    except (TemplateNotFound, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"{field} names a file that cannot be read beside the DAG file, or in its template_searchpath: {error}"
        ) from error
