"""Removes secrets of the task, and of the connections that this process has read, from every reply."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from airflow._shared.secrets_masker import redact as redact_of_server
from airflow._shared.secrets_masker import should_hide_value_for_key
from airflow.sdk._shared.secrets_masker import redact as redact_of_tasks

from airflow_dataflow_ext.plugin.find import Found
from airflow_dataflow_ext.task.templating import is_template

HIDDEN = "***"
SHORTEST = 4
"""Least length of a secret that is removed from inside other texts, in characters; a shorter one would mask parts of ordinary words."""


class Redactor:
    """Removes secrets from JSON.

    :param secrets: secret texts, in addition to those that Airflow masks in logs.
    """

    def __init__(self, secrets: set[str]) -> None:
        texts = sorted((text for text in secrets if len(text) >= SHORTEST), key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, texts))) if texts else None

    def clean(self, value: Any) -> Any:
        """The value without secrets in its keys and values, and without what JSON cannot hold."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {self._text(str(key)): self.clean(entry) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean(entry) for entry in value]
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return value

    def _text(self, text: str) -> str:
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        text = str(redact_of_tasks(redact_of_server(text)))  # both sides read connections, and each masks what it has read
        return text.encode("utf-8", "replace").decode()  # half of a surrogate pair, which JSON can spell, is no character


def secrets_of(found: Found, job: Mapping[str, Any] | None = None) -> set[str]:
    """The texts that the task's DAG, its run and its job mark as secret.

    These are parameters that the trigger form hides (``format: password``), and all values with a name that Airflow hides, such as
    ``password`` or ``api_key``: in the run's configuration, the operator's arguments, and the job's options.

    :param job: the job as the service describes it.
    """
    return {text for value in _marked(found, job or {}) for text in _texts(value)}


def _marked(found: Found, job: Mapping[str, Any]) -> Iterator[Any]:
    schemas = {name: getattr(param, "schema", {}) for name, param in (found.params or {}).items()}
    defaults = found.params.dump() if found.params else {}
    for name, schema in schemas.items():
        if schema.get("format") == "password":
            yield from (defaults.get(name), found.conf.get(name))
    yield from _by_name(defaults)
    yield from _by_name(found.conf)
    yield from _by_name(found.rendered)
    arguments = getattr(found.task, "partial_kwargs", None)
    names = getattr(found.task, "template_fields", None) or ()
    yield from _by_name(arguments if isinstance(arguments, Mapping) else {name: getattr(found.task, name, None) for name in names})
    yield from _by_name({"environment": job.get("environment"), "description": job.get("pipelineDescription")})


def _hidden(name: str) -> bool:
    return bool(should_hide_value_for_key(name))  # type: ignore[no-untyped-call]


def _by_name(value: Any) -> Iterator[Any]:
    """Values under names that Airflow hides; in the service's ``displayData``, name and value are two fields."""
    if isinstance(value, Mapping):
        if isinstance(value.get("key"), str) and _hidden(value["key"]):
            yield {name: entry for name, entry in value.items() if name not in ("key", "namespace")}
        for name, entry in value.items():
            if isinstance(name, str) and _hidden(name):
                yield entry
            else:
                yield from _by_name(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _by_name(entry)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if not is_template(value) and value != HIDDEN:
            yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _texts(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _texts(entry)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
