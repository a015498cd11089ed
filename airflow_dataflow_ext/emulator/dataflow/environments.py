"""The environment of a launch: its check, and the Job's Environment that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_dataflow_ext.emulator.dataflow.jobs import Json
from airflow_dataflow_ext.emulator.http.errors import invalid

_GCS_PATHS = ("tempLocation", "stagingLocation", "saveHeapDumpsToGcsPath")
# name in a launch's environment -> name in the Job's Environment
_RENAMED = {
    "serviceAccountEmail": "serviceAccountEmail",
    "kmsKeyName": "serviceKmsKeyName",
    "tempLocation": "tempStoragePrefix",
    "workerRegion": "workerRegion",
    "workerZone": "workerZone",
    "streamingMode": "streamingMode",
    "flexrsGoal": "flexResourceSchedulingGoal",
    "additionalExperiments": "experiments",
}
_OF_THE_POOL = ("machineType", "numWorkers", "diskSizeGb", "network", "subnetwork", "ipConfiguration")


def check_environment(environment: Mapping[str, Any]) -> None:
    """
    :raises ApiError: 400; the message names the field.
    """
    for name in _GCS_PATHS:
        if not environment.get(name, "gs://").startswith("gs://"):
            raise invalid(f"environment.{name} must start with gs://; it is {environment[name]!r}")
    if environment.get("workerRegion") and environment.get("workerZone"):
        raise invalid("environment.workerRegion and environment.workerZone are mutually exclusive")
    for name in ("numWorkers", "maxWorkers"):
        if not 0 <= environment.get(name, 0) <= 1000:
            raise invalid(f"environment.{name} must be between 1 and 1000; it is {environment[name]}")


def environment_of(asked: Mapping[str, Any], parameters: Mapping[str, str]) -> Json:
    """The Job's Environment for a launch with this environment."""
    shown: Json = {theirs: asked[ours] for ours, theirs in _RENAMED.items() if ours in asked}
    pool: Json = {name: asked[name] for name in _OF_THE_POOL if name in asked}
    if "maxWorkers" in asked:
        pool["autoscalingSettings"] = {"maxNumWorkers": asked["maxWorkers"]}
    if pool:
        shown["workerPools"] = [{"kind": "harness", **pool}]
    if parameters:
        shown["sdkPipelineOptions"] = {"options": dict(parameters)}
    return shown
