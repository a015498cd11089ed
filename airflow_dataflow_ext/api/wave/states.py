"""The documented states of a run, one row each."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_dataflow_ext.api.jobs.phase import Phase

WAVE: Mapping[str, Phase] = {
    # https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_responses_dataflow_job.htm
    "queued": Phase.MOVING,
    "preprocessing": Phase.MOVING,
    "running": Phase.MOVING,
    "success": Phase.SUCCEEDED,
    "warning": Phase.SUCCEEDED,  # finished; some rows failed
    "failure": Phase.FAILED,
    "cancelled": Phase.FAILED,
}
