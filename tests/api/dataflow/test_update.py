"""Changes of a job in place."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
from airflow_dataflow_ext.api.dataflow.update import JobUpdate
from airflow_dataflow_ext.api.rest.errors import InvalidInputError

JOB = JobRef(place=Place(project_id="p", location="l"), id="j")
PARAMETERS = "runtime_updatable_params"


@pytest.mark.parametrize(
    ("fields", "mask", "body"),
    [
        (
            {"min_num_workers": 1, "max_num_workers": 5},
            f"{PARAMETERS}.min_num_workers,{PARAMETERS}.max_num_workers",
            {"runtimeUpdatableParams": {"minNumWorkers": 1, "maxNumWorkers": 5}},
        ),
        (
            {"worker_utilization_hint": 0.5},
            f"{PARAMETERS}.worker_utilization_hint",
            {"runtimeUpdatableParams": {"workerUtilizationHint": 0.5}},
        ),
        ({"latency_tier": "low-latency"}, f"{PARAMETERS}.latency_tier", {"runtimeUpdatableParams": {"latencyTier": "low-latency"}}),
        (
            {"archived": True},
            "job_metadata.user_display_properties.archived",
            {"jobMetadata": {"userDisplayProperties": {"archived": "true"}}},
        ),
        (
            {"archived": False, "display_properties": {"team": "x"}},
            "job_metadata.user_display_properties.team,job_metadata.user_display_properties.archived",
            {"jobMetadata": {"userDisplayProperties": {"archived": "false", "team": "x"}}},
        ),
    ],
)
def test_the_mask_names_what_changes_and_nothing_else(fields: Any, mask: str, body: Any) -> None:
    request = JobUpdate(**fields).request(JOB)
    assert dict(request.query) == {"updateMask": mask}
    assert request.body == body


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "nothing is to be changed"),
        ({"min_num_workers": 0}, "min_num_workers must lie between 1 and 1000, not 0"),
        ({"max_num_workers": 1001}, "max_num_workers"),
        ({"min_num_workers": 5, "max_num_workers": 2}, r"min_num_workers \(5\) must not be more than max_num_workers \(2\)"),
        ({"worker_utilization_hint": 1}, "worker_utilization_hint must lie between 0.1 and 0.9, not 1"),
        ({"latency_tier": "fast"}, "latency_tier must be one of low-latency"),
    ],
)
def test_values_out_of_their_range_are_refused(fields: Any, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        JobUpdate(**fields)
