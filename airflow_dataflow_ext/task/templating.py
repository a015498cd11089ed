"""What of a task's arguments Airflow renders, and which of them may be a file's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import XComArg

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.task.start_from_trigger import StartsFromTrigger

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import Context


def is_template(value: Any) -> bool:
    """Whether Airflow has something to render in it: a text with an expression, a statement or a comment of Jinja, or another task's
    output; also inside lists and mappings."""
    if isinstance(value, str):
        return any(mark in value for mark in ("{{", "{%", "{#"))
    if isinstance(value, Mapping):
        return any(map(is_template, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(is_template, value))
    return isinstance(value, XComArg) or hasattr(value, "resolve")


class FileFields(StartsFromTrigger):
    """A task some of whose arguments may name a file beside the DAG file, which Airflow renders in their place.

    Airflow takes *every* text that ends as a template file does for one, also inside a mapping; ``gs://bucket/spec.json`` in a body is
    none.
    """

    file_fields: ClassVar[Sequence[str]] = ()
    """Templated arguments that may be a file's name as a whole."""

    def resolve_template_files(self) -> None:
        """As in any operator, for :attr:`file_fields` alone.

        :raises InvalidInputError: there is no such file.
        """
        env = self.get_template_env()
        for name in self.file_fields if env.loader is not None else ():
            if self.names_file(name):
                setattr(self, name, _source(env, name, getattr(self, name)))
        self.prepare_template()

    def needs_worker(self) -> bool:
        """Also where there is a file that only a worker can read."""
        return any(map(self.names_file, self.file_fields)) or super().needs_worker()

    def names_file(self, field: str) -> bool:
        """Whether the argument names a file beside the DAG file."""
        value = getattr(self, field)
        return isinstance(value, str) and value.endswith(tuple(self.template_ext)) and "://" not in value and not is_template(value)

    def render_template(
        self, content: Any, context: Context, jinja_env: jinja2.Environment | None = None, seen_oids: set[int] | None = None
    ) -> Any:
        """As in any operator, but only an argument of :attr:`file_fields` as a whole is a file."""
        if isinstance(content, str) and content.endswith(tuple(self.template_ext)):
            whole = any(content is getattr(self, name) and self.names_file(name) for name in self.file_fields)
            content = content if whole else f"{content}{{##}}"  # with a comment at its end it is a text
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
