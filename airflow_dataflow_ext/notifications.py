"""What tells people of a job that ended badly, through whichever channel they use."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from airflow_dataflow_ext.exceptions import JobFailedError

if TYPE_CHECKING:
    from airflow.sdk import Context

_JINJA = re.compile(r"(?<=\{)(?=[{%#])")


class JobFailedNotifier(BaseNotifier):
    """Tells of a failed task in five lines: task and run, the reason, the job and its state, and the links to job and log.

    For ``on_failure_callback`` or ``on_retry_callback`` of any task: of one that failed in another way it tells what its exception says.

    :param send: is given the text. It sends it, or returns a notifier of Airflow's that does, for example
        ``lambda text: SlackNotifier(slack_conn_id="slack", channel="#data", text=text)``.
    :param longest: characters of the text at the most, where the channel has a limit.
    """

    def __init__(self, send: Callable[[str], Any], *, longest: int = 2000) -> None:
        super().__init__()
        self.send = send
        self.longest = longest

    def notify(self, context: Context) -> None:
        """Send the text of this failure."""
        text = text_of(context)
        channel = self.send(_plain(text if len(text) <= self.longest else f"{text[: self.longest - 1]}…"))
        if isinstance(channel, BaseNotifier):
            channel(context)


def text_of(context: Context) -> str:
    """What there is to tell of a task that failed.

    :param context: the context of a failure callback.
    """
    ti: Any = context["ti"]
    error: Any = context.get("exception")
    mapped = f"[{ti.map_index}]" if getattr(ti, "map_index", -1) not in (None, -1) else ""
    lines = [f"Task {ti.dag_id}.{ti.task_id}{mapped} failed in run {ti.run_id}, try {ti.try_number}."]
    if isinstance(error, JobFailedError):
        lines += [error.reason, f"Job {error.name} ({error.job_id}) ended as {error.state}.", error.link]
    elif error is not None:
        lines += [str(error)]
    log_url = getattr(ti, "log_url", None)
    return "\n".join([*filter(None, lines), *([f"Log: {log_url}"] if log_url else [])])


def _plain(text: str) -> str:
    """A text that a notifier's template engine leaves as it is: the reason of a failure is no template."""
    return _JINJA.sub(" ", text)
