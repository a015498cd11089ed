"""The documented states of a run, one row each."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_dataflow_ext.api.jobs.phase import Phase, StateRow


class RunState(StateRow, frozen=True):
    """One state of a run.

    :param filters: whether the list of runs can be filtered by this state.
    :param since: the API version that introduced the state; older versions show ``before`` instead.
    """

    filters: bool = True
    since: int = 0
    before: str = ""


WAVE: Mapping[str, RunState] = {
    # https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/bi_responses_dataflow_job.htm
    "queued": RunState(Phase.MOVING),
    "preprocessing": RunState(Phase.MOVING, filters=False, since=58, before="Queued"),
    "running": RunState(Phase.MOVING),
    "success": RunState(Phase.SUCCEEDED),
    "warning": RunState(Phase.SUCCEEDED),  # finished; some rows failed
    "failure": RunState(Phase.FAILED),
    "cancelled": RunState(Phase.FAILED, filters=False, since=59, before="Failure"),
}

ENDED = frozenset(state for state, row in WAVE.items() if row.phase is not Phase.MOVING)
"""States in which a run has ended."""
