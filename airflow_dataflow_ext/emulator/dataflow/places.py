"""Checks of projects and regions, as far as the service decides by the name alone."""

from __future__ import annotations

import re
from functools import cache

from airflow_dataflow_ext.emulator.dataflow.schema import document
from airflow_dataflow_ext.emulator.http.errors import invalid, not_now, short

_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]|[a-z0-9.-]{1,100}:[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?|\d{1,20}", re.ASCII)
"""Project ids, old ones with their domain, and project numbers.

https://cloud.google.com/resource-manager/docs/creating-managing-projects
"""


def check_project(project: str) -> None:
    """
    :raises ApiError: 400 if it is not a valid project id.
    """
    if not _PROJECT.fullmatch(project):
        raise invalid(
            f"Invalid project id: {short(project)}. It must have 6 to 30 lower case letters, digits and dashes, "
            "begin with a letter and not end in a dash"
        )


@cache
def regions() -> frozenset[str]:
    """The regions for which the discovery document lists an endpoint."""
    return frozenset(endpoint["location"] for endpoint in document()["endpoints"])


def check_location(location: str) -> None:
    """
    :raises ApiError: 400 if there is no such region.
    """
    if location not in regions():
        raise not_now(
            f"The request was sent to an invalid regional endpoint ({location[:100]}). Please resubmit to a valid Cloud Dataflow regional "
            "endpoint; they are listed at https://cloud.google.com/dataflow/docs/concepts/regional-endpoints"
        )
