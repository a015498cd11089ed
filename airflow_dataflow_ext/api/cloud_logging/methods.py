"""Descriptions of the methods of Google Cloud Logging v2: the one that this package needs.

Source: the discovery document ``logging.v2.json``, https://logging.googleapis.com/$discovery/rest?version=v2 ; a test compares the
entry with the copy that google-api-python-client ships.
"""

from __future__ import annotations

from collections.abc import Iterator

from airflow_dataflow_ext.api.rest.method import Method, Refusal

ROOT = "https://logging.googleapis.com"


class LogEntry:
    """``entries``."""

    list = Method(
        id="entries.list",
        verb="POST",
        path="v2/entries:list",
        body="ListLogEntriesRequest",
        reply="ListLogEntriesResponse",
        repeatable=True,
        refusals={403: Refusal("The account of the connection needs the role roles/logging.viewer, and the project the Logging API.")},
        root=ROOT,
    )


RESOURCES = (LogEntry,)


def all_methods() -> Iterator[Method]:
    """All methods that are described."""
    yield LogEntry.list
