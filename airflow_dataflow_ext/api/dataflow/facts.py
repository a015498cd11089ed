"""What a task stores about a Dataflow job, taken from what it reads anyway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.api.dataflow.states import DATAFLOW, TERMINAL
from airflow_dataflow_ext.api.jobs.facts import FACTS_KEY, SHORT_ERROR, SUMMARY_KEY, Summary, fitted, shortened
from airflow_dataflow_ext.api.jobs.phase import phase_of
from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.api.rest.method import Json, as_json
from airflow_dataflow_ext.api.rest.steps import Conversation, Keep, Now
from airflow_dataflow_ext.api.rest.times import rfc3339


def summary_of(job: Mapping[str, Any], place: Place, *, prices: Mapping[str, float], seen: float, error: str = "") -> Summary:
    """The summary of a job.

    :param seen: when the job was in this state, in seconds since the epoch.
    """
    state = str(job.get("currentState") or "")
    return Summary(
        service="dataflow",
        job_id=str(job["id"]),
        name=str(job.get("name", "")),
        type=str(job.get("type", "")).removeprefix("JOB_TYPE_").lower(),
        place=as_json(place),
        state=state,
        phase=phase_of(state, DATAFLOW).value,
        launched=str(job.get("createTime", "")),
        ended=str(job.get("currentStateTime", "")) if state in TERMINAL else "",
        seen=rfc3339(seen),
        prices=prices,
        used=job.get("resources") or {},
        cost=(job.get("estimatedCost") or {}).get("amount"),
        error=shortened(error, SHORT_ERROR),
    )


def keep(outcome: Outcome, place: Place, prices: Mapping[str, float]) -> Conversation[None]:
    """Store how a wait for a job ended."""
    now = yield Now()
    summary = summary_of(outcome.job, place, prices=prices, seen=now, error=outcome.complaint)
    yield Keep(SUMMARY_KEY, summary.value())
    yield Keep(FACTS_KEY, facts_of(outcome, summary))


def facts_of(outcome: Outcome, summary: Summary) -> Json:
    """The facts of the job's page: states and stages with their times, the worker pool, the error."""
    states = list(outcome.facts.get("states") or ())
    if summary.state and (not states or states[-1][0] != summary.state):
        states.append([summary.state, str(outcome.job.get("currentStateTime", ""))])
    stages = [
        {
            "id": str(stage.get("executionStageName", "")),
            "state": str(stage.get("executionStageState", "")).removeprefix("JOB_STATE_").lower(),
            "since": str(stage.get("currentStateTime", "")),
        }
        for stage in outcome.job.get("stageStates") or ()
    ]
    known = {"states": states, "stages": stages, "workers": outcome.facts.get("workers") or [], "error": outcome.complaint}
    return fitted({"job_id": summary.job_id, "seen": summary.seen, **known})
