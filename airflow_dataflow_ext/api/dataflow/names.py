"""Names and labels: Google's rules, and what identifies one logical launch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.texts import shown

JOB_NAME = re.compile(r"[a-z]([-a-z0-9]{0,1022}[a-z0-9])?")
"""https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.jobs , field ``name``."""

LONGEST_NAME = 1024
LABEL_KEY = re.compile(r"[^\W\d_A-Z][\w-]{0,62}")
LABEL_VALUE = re.compile(r"[\w-]{0,63}")
MOST_LABELS = 64
OUR_LABELS = ("airflow-launch", "airflow-dag-id", "airflow-run-id", "airflow-task-id")
LAUNCH_LABEL = OUR_LABELS[0]


def labels_of(identity: LaunchIdentity) -> dict[str, str]:
    """Labels that say on the job whose it is."""
    task = identity.task_id if identity.map_index < 0 else f"{identity.task_id}-{identity.map_index}"
    values = (identity.suffix, identity.dag_id, identity.run_id, task)
    return {key: label_value(value) for key, value in zip(OUR_LABELS, values, strict=True)}


def check_job_name(name: str) -> str:
    """The name as Google takes it; underscores and dots, which task ids have, become dashes.

    :raises InvalidInputError: it breaks Google's rule all the same.
    """
    if not isinstance(name, str):
        raise InvalidInputError(f"job_name must be a string, not {type(name).__name__} {shown(name)}")
    cleaned = name.replace("_", "-").replace(".", "-")
    if not JOB_NAME.fullmatch(cleaned):
        raise InvalidInputError(
            f"job_name {shown(name)} is not a Dataflow job name: it must begin with a lower-case letter, go on with lower-case letters, "
            f"digits and dashes, end with a letter or digit, and have at most {LONGEST_NAME} characters"
        )
    return cleaned


def with_suffix(name: str, suffix: str) -> str:
    """``name-suffix``; a name too long for that loses its middle, and a hash of the whole takes its place."""
    room = LONGEST_NAME - len(suffix) - 1
    if len(name) > room:
        mark = hashlib.sha256(name.encode()).hexdigest()[:10]
        half = (room - len(mark) - 2) // 2
        name = f"{name[:half]}-{mark}-{name[-half:]}"
    return f"{name}-{suffix}"


def label_value(text: str) -> str:
    """Any text as a label value: lower case, other characters as dashes, at most 63."""
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:63]


def merge_labels(users: Mapping[Any, Any], ours: Mapping[str, str], argument: str) -> dict[str, str]:
    """The user's labels and ours.

    :param argument: where the user's labels stand, for the message.
    :raises InvalidInputError: a label breaks Google's rules or has a name that we need.
    """
    for key, value in users.items():
        if key in OUR_LABELS:
            raise InvalidInputError(f"{argument} must not hold {shown(key)}: that label identifies the launch")
        if not (isinstance(key, str) and LABEL_KEY.fullmatch(key)):
            raise InvalidInputError(f"{argument}: {shown(key)} is not a label name (a lower-case letter, then at most 62 of a-z 0-9 _ -)")
        if not (isinstance(value, str) and LABEL_VALUE.fullmatch(value) and value == value.lower()):
            raise InvalidInputError(
                f"{argument}: the value {shown(value)} of {shown(key)} is not a label value (at most 63 of a-z 0-9 _ -)"
            )
    merged = {**users, **ours}
    if len(merged) > MOST_LABELS:
        raise InvalidInputError(f"{argument} holds {len(users)} labels; with ours that is over the limit of {MOST_LABELS}")
    return merged
