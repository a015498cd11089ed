"""What is said of a job once the wait for it is over: what it used, and which job goes on in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from airflow_dataflow_ext.api.costs import resources
from airflow_dataflow_ext.api.dataflow_watch import JobRef
from airflow_dataflow_ext.api.method import Json
from airflow_dataflow_ext.api.replacing import who_goes_on
from airflow_dataflow_ext.api.states import TERMINAL, Phase
from airflow_dataflow_ext.api.steps import Conversation, Say
from airflow_dataflow_ext.api.watching import Outcome


def conclude(outcome: Outcome, at: JobRef, prices: Mapping[str, float], *, replaces: bool = False) -> Conversation[Outcome]:
    """The outcome with what the job used, and, where the end was bad, with what became of the job that it was to replace.

    :param at: the job.
    :param replaces: whether it was launched to replace another.
    """
    over = outcome.job.get("currentState") in TERMINAL
    used: Json = (yield from resources(at, prices)) if over else {}
    who = (yield from who_goes_on(at, outcome.job)) if replaces else ""
    if who:
        yield Say(who)
    bad = outcome.phase is not Phase.SUCCEEDED
    return replace(outcome, job={**outcome.job, **used}, complaint=f"{outcome.complaint} {who}".strip() if bad else outcome.complaint)
