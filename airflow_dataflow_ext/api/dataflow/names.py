"""Names and labels: Google's rules, and what identifies one logical launch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.rest.arguments import needed
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import mapping, text

JOB_NAME = re.compile(r"[a-z]([-a-z0-9]{0,1022}[a-z0-9])?")
"""https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.jobs , field ``name``."""

LONGEST_NAME = 1024
LABEL_KEY = re.compile(r"[^\W\d_A-Z][\w-]{0,62}")
LABEL_VALUE = re.compile(r"[\w-]{0,63}")
MOST_LABELS = 64
OUR_LABELS = ("airflow-launch", "airflow-dag-id", "airflow-run-id", "airflow-task-id")
LAUNCH_LABEL = OUR_LABELS[0]


def labels_of(identity: LaunchIdentity) -> dict[str, str]:
    """The labels that tell which launch a job belongs to."""
    task = identity.task_id if identity.map_index < 0 else f"{identity.task_id}-{identity.map_index}"
    values = (identity.suffix, identity.dag_id, identity.run_id, task)
    return {key: label_value(value) for key, value in zip(OUR_LABELS, values, strict=True)}


def check_job_name(name: Any, argument: str = "job_name") -> str:
    """The user's job name, with dashes for underscores and dots, which task ids may contain.

    :raises InvalidInputError: it is still not a valid job name.
    """
    cleaned = needed(name, argument).replace("_", "-").replace(".", "-")
    if not JOB_NAME.fullmatch(cleaned):
        raise InvalidInputError(
            f"{argument} {shown(name)} is not a Dataflow job name: it must begin with a lower-case letter, go on with lower-case letters, "
            f"digits and dashes, end with a letter or digit, and have at most {LONGEST_NAME} characters; with append_job_name=True it is "
            "made one"
        )
    return cleaned


def made_name(name: Any, argument: str = "job_name") -> str:
    """A valid job name made from any text, always the same one: lower case, dashes for other characters, a letter first, long names cut.

    :raises InvalidInputError: it is not a text, or empty.
    """
    cleaned = re.sub(r"[^a-z0-9]", "-", needed(name, argument).lower()).strip("-")
    if not cleaned[:1].isalpha():
        cleaned = f"job-{cleaned}".rstrip("-")
    return _cut(cleaned, LONGEST_NAME)


def with_suffix(name: str, suffix: str) -> str:
    """``name-suffix``; in a name that is too long, a hash of the whole name replaces the middle."""
    return f"{_cut(name, LONGEST_NAME - len(suffix) - 1)}-{suffix}"


def _cut(name: str, room: int) -> str:
    if len(name) <= room:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:10]
    half = (room - len(mark) - 2) // 2
    return f"{name[:half]}-{mark}-{name[-half:]}"


def label_value(value: str) -> str:
    """Any text as a label value: lower case, dashes for other characters, at most 63 characters."""
    return re.sub(r"[^a-z0-9_-]", "-", value.lower())[:63]


def own_label_value(value: str) -> str:
    """A user's text as a label value; letters of other alphabets, which Google accepts, stay."""
    lowered = value.lower()
    return lowered if LABEL_VALUE.fullmatch(lowered) else re.sub(r"[^\w-]", "-", lowered)[:63]


def check_labels(users: Any, argument: str) -> dict[str, str]:
    """The user's labels as texts, without those that are None.

    :param argument: name of the argument, for the error message.
    :raises InvalidInputError: they are not a mapping, a name breaks Google's rules or is reserved for this package, or there are too many.
    """
    labels = {key: text(value, f"{argument}[{shown(key)}]") for key, value in mapping(users, argument).items()}
    for key in labels:
        if key in OUR_LABELS:
            raise InvalidInputError(f"{argument} must not hold {shown(key)}: that label identifies the launch")
        if not LABEL_KEY.fullmatch(key) or key != key.lower():
            raise InvalidInputError(f"{argument}: {shown(key)} is not a label name (a lower-case letter, then at most 62 of a-z 0-9 _ -)")
    if len(labels) + len(OUR_LABELS) > MOST_LABELS:
        raise InvalidInputError(f"{argument} holds {len(labels)} labels; with this package's, that is over the limit of {MOST_LABELS}")
    return labels


def merge_labels(users: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """The user's labels, with values that Google accepts, and this package's."""
    return {**{key: own_label_value(value) for key, value in users.items()}, **ours}
