"""Checks by Google's schemas that a job can report the steps of a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_dataflow_ext.emulator.dataflow.observing import IMPORTANCE
from airflow_dataflow_ext.emulator.dataflow.schema import read_body
from airflow_dataflow_ext.emulator.engines.scripted import Script
from airflow_dataflow_ext.emulator.engines.timeline import Describe, JobMessage, Metrics, Stages, TimelineEvent
from airflow_dataflow_ext.emulator.http.errors import ApiError, short

DESCRIBED = ("type", "jobMetadata", "pipelineDescription", "labels", "environment")
"""The fields of a Job that a Flex launcher finds out."""


def check_script(script: Script) -> None:
    """
    :raises ValueError: a step reports what a job cannot; the message names it.
    """
    for steps in (script.steps, script.on_cancel, script.on_drain):
        for _, step in steps:
            try:
                _check(step)
            except ApiError as error:
                raise ValueError(str(error)) from error


def _check(step: TimelineEvent | str) -> None:
    if isinstance(step, JobMessage) and step.importance not in IMPORTANCE:
        raise ValueError(f"importance must be one of {', '.join(IMPORTANCE)}, not {short(step.importance)}")
    if isinstance(step, Metrics):
        read_body("JobMetrics", {"metrics": list(step.metrics)})
        _need("a metric", step.metrics, "name", "name")
    elif isinstance(step, Stages):
        read_body("JobExecutionDetails", {"stages": list(step.stages)})
        _need("a stage", step.stages, "stageId")
    elif isinstance(step, Describe):
        if unknown := set(step.describe) - set(DESCRIBED):
            raise ValueError(f"describe can set {', '.join(DESCRIBED)}, not {short(sorted(unknown))}")
        read_body("Job", step.describe)


def _need(what: str, entries: Sequence[Mapping[str, Any]], *names: str) -> None:
    """Check that entries have names, since entries without one cannot be distinguished."""
    for entry in entries:
        found: Any = entry
        for name in names:
            found = found.get(name)
            if not found:
                raise ValueError(f"{what} must have {'.'.join(names)}: {short(entry)}")
