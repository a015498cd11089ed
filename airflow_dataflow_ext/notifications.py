"""A notifier that reports a failed job through a channel of your choice."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from airflow_dataflow_ext.api.rest.arguments import plain_function
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.values import whole
from airflow_dataflow_ext.exceptions import JobFailedError

if TYPE_CHECKING:
    from airflow.sdk import Context

_JINJA = re.compile(r"(?<=\{)(?=[{%#])")


class JobFailedNotifier(BaseNotifier):
    """Reports a failed task in five lines: task and run, reason, job and state, and the links to the job and the log.

    Use it as ``on_failure_callback`` or ``on_retry_callback`` of any task. If a task failed for another reason than its job, the text
    says what its exception says.

    :param send: a function that receives the text and either sends it or returns an Airflow notifier that sends it, for example
        ``lambda text: SlackNotifier(slack_conn_id="slack", channel="#data", text=text)``.
    :param longest: greatest length of the text, in characters.
    :raises InvalidInputError: ``send`` is no function that can be called, such as a coroutine function or a notifier itself.
    """

    def __init__(self, send: Callable[[str], Any], *, longest: int = 2000) -> None:
        super().__init__()
        if isinstance(send, BaseNotifier):
            hint = f"lambda text: {type(send).__name__}(...)"
            raise InvalidInputError(f"send must be a function that receives the text, not a notifier: {hint}")
        self.send = plain_function(send, "send")
        self.longest = whole(longest, "longest")

    def notify(self, context: Context) -> None:
        """Send the report of this failure."""
        text = text_of(context)
        channel = self.send(_plain(text if len(text) <= self.longest else f"{text[: self.longest - 1]}…"))
        if isinstance(channel, BaseNotifier):
            channel(context)


def text_of(context: Context) -> str:
    """The report of a failed task.

    :param context: the context of a failure callback.
    """
    ti: Any = context["ti"]
    error: Any = context.get("exception")
    mapped = f"[{ti.map_index}]" if getattr(ti, "map_index", -1) not in (None, -1) else ""
    lines = [f"Task {ti.dag_id}.{ti.task_id}{mapped} failed in run {ti.run_id}, try {ti.try_number}."]
    if isinstance(error, JobFailedError):
        job = f"Job {error.name} ({error.job_id}) ended as {error.state}." if error.job_id else ""
        lines += [error.reason, job, error.link]
    elif error is not None:
        lines += [str(error)]
    log_url = getattr(ti, "log_url", None)
    return "\n".join([*filter(None, lines), *([f"Log: {log_url}"] if log_url else [])])


def _plain(text: str) -> str:
    """The text, escaped so that a notifier's template engine leaves it unchanged: a failure's reason is not a template."""
    return _JINJA.sub(" ", text)
