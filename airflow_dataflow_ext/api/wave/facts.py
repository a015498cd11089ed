"""What a task stores about a CRM Analytics run, taken from what it reads anyway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_dataflow_ext.api.jobs.facts import FACTS_KEY, SHORT_ERROR, SUMMARY_KEY, Summary, fitted, shortened
from airflow_dataflow_ext.api.jobs.phase import Phase, phase_of
from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Keep, Now
from airflow_dataflow_ext.api.rest.times import rfc3339
from airflow_dataflow_ext.api.wave.methods import source_of
from airflow_dataflow_ext.api.wave.states import WAVE


def summary_of(run: Mapping[str, Any], place: Mapping[str, str], *, seen: float, error: str = "") -> Summary:
    """The summary of a run.

    :param place: ``source_id``, the id of what it runs.
    :param seen: when the run was in this state, in seconds since the epoch.
    """
    status = str(run.get("status") or "")
    phase = phase_of(status.lower(), WAVE)
    return Summary(
        service="wave",
        job_id=str(run["id"]),
        name=str(run.get("label") or source_of(dict(run)).get("label") or ""),
        type=str(run.get("jobType") or "").lower(),
        place=place,
        state=status,
        phase=phase.value,
        launched=str(run.get("createdDate") or run.get("startDate") or ""),
        ended="" if phase is Phase.MOVING else str(run.get("endDate") or rfc3339(seen)),
        seen=rfc3339(seen),
        error=shortened(error, SHORT_ERROR),
    )


def keep(outcome: Outcome) -> Conversation[None]:
    """Store how a wait for a run ended, together with what was stored at its launch."""
    now = yield Now()
    summary = summary_of(outcome.job, {}, seen=now, error=outcome.complaint)
    yield Keep(SUMMARY_KEY, summary.value())
    yield Keep(FACTS_KEY, facts_of(outcome, summary))


def facts_of(outcome: Outcome, summary: Summary) -> Json:
    """The facts of the run's page: states with their times, nodes, the error."""
    states = [*(outcome.facts.get("states") or ()), [summary.state, summary.ended]]
    known = {"states": states, "nodes": outcome.job.get("nodes") or [], "error": outcome.complaint}
    return fitted({"job_id": summary.job_id, "seen": summary.seen, **known})
