"""Why a job failed, in one line, taken from the service's error messages, which can hold pages of traceback."""

from __future__ import annotations

import re
from collections.abc import Sequence

from airflow_dataflow_ext.api.rest.texts import shortened

LONGEST_REASON = 1000
"""Greatest length of a reason, in characters; the log has the whole messages."""

CAUSES = "Workflow failed. Causes:"
"""The beginning of the last message of most failed jobs, which names the failed steps but seldom the error in them."""

_PYTHON = "Traceback (most recent call last)"
_JAVA_FRAME = re.compile(r"^\s+at [\w.$<>/]+\(", re.MULTILINE)
_CAUSED_BY = "Caused by: "
_WORKER = "Error message from worker: "


def reason_of(messages: Sequence[str]) -> str:
    """The best one-line reason: the text of an exception, else the causes that the service names, else the first error message.

    :param messages: texts of the job's error messages, in order; may be empty.
    """
    exceptions = [line for text in messages if (line := _exception(text))]
    causes = [_first_line(text) for text in messages if text.startswith(CAUSES)]
    others = [line for text in messages if (line := _first_line(text)) and line != "Workflow failed."]
    found = exceptions[-1:] or causes[-1:] or others[:1] or [_first_line(text) for text in messages][:1]
    return shortened(found[0], LONGEST_REASON) if found else ""


def _exception(text: str) -> str:
    """The line of a Python or Java traceback that says what was raised; empty if there is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if _PYTHON in text:
        return lines[-1].removeprefix(_WORKER)
    if _JAVA_FRAME.search(text):
        roots = [line.removeprefix(_CAUSED_BY) for line in lines if line.startswith(_CAUSED_BY)]
        return (roots[-1:] or lines[:1])[0].removeprefix(_WORKER)
    return ""


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip().removeprefix(_WORKER)
