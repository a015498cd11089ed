"""What a job used: its resource totals from the service's metrics, and an estimate in money at given prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow_dataflow_ext.api.dataflow.job import JobRef
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.states import TERMINAL
from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidInputError
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.api.rest.steps import Conversation, Say
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import mapping, number

_HOUR = 3600.0
_MB = 1024.0
SERVICE = "dataflow/v1b3"


@dataclass(frozen=True, slots=True)
class _Total:
    metric: str
    per: float
    unit: str


TOTALS: Mapping[str, _Total] = {
    "vcpu_hours": _Total("TotalVcpuTime", _HOUR, "vCPU h"),
    "memory_gb_hours": _Total("TotalMemoryUsage", _MB * _HOUR, "GB h memory"),
    "disk_gb_hours": _Total("TotalPdUsage", _HOUR, "GB h disk"),
    "ssd_gb_hours": _Total("TotalSsdUsage", _HOUR, "GB h SSD"),
    "shuffle_gb": _Total("TotalShuffleDataProcessed", 1.0, "GB shuffled"),
    "billable_shuffle_gb": _Total("BillableShuffleDataProcessed", 1.0, "GB shuffled billably"),
    "streaming_gb": _Total("TotalStreamingDataProcessed", 1.0, "GB streamed"),
}
"""Name -> the service's metric, how many of its units make one of ours, and ours in words. Metrics: vCPU·s, MB·s, GB·s, GB."""


def check_prices(prices: Mapping[str, Any] | None) -> dict[str, float]:
    """Prices by names of :data:`TOTALS`.

    :raises InvalidInputError: there is no such total, or a price is no number from 0 on.
    """
    found = {name: number(price, f"prices[{shown(name)}]") for name, price in mapping(prices, "prices").items()}
    for name, price in found.items():
        if name not in TOTALS:
            raise InvalidInputError(f"prices[{shown(name)}]: there is no such total; they are {', '.join(TOTALS)}")
        if price < 0:
            raise InvalidInputError(f"prices[{shown(name)}] must be a number from 0 on, not {shown(price)}")
    return found


def totals(metrics: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The totals that the service's metrics hold; one that is missing is left out.

    Only committed values count: a tentative copy is of work that may be done again.

    :param metrics: MetricUpdates of ``jobs.getMetrics``.
    """
    found: dict[str, float] = {}
    for metric in metrics:
        name = metric.get("name", {})
        value = metric.get("scalar")
        if name.get("origin") != SERVICE or "tentative" in name.get("context", {}) or isinstance(value, bool):
            continue
        for total, row in TOTALS.items():
            if name.get("name") == row.metric and isinstance(value, int | float):
                found[total] = value / row.per
    return {name: found[name] for name in TOTALS if name in found}


def estimate(used: Mapping[str, float], prices: Mapping[str, float]) -> tuple[float, list[str]] | None:
    """What that costs in the currency of the prices, and which totals with a price are not known and so not in it; None without any."""
    known = [name for name in prices if name in used]
    if not known:
        return None
    return sum(used[name] * prices[name] for name in known), sorted(set(prices) - set(known))


def resources(job: JobRef, prices: Mapping[str, float]) -> Conversation[Json]:
    """What a job that has ended used, as ``resources`` and, with prices, ``estimatedCost``; said in the log, too.

    Trouble with metrics is said there, and fails nothing.
    """
    try:
        reply = yield from ask(Job.get_metrics.request(**job.path), retry_for=budgets.METRICS_WITHIN)
    except CallError as error:
        yield Say(f"What the job used is not known: {error}")
        return {}
    used = totals(reply.get("metrics", ()))
    if not used:
        yield Say("What the job used is not known: the service has no totals for it.")
        return {}
    yield Say("The job used " + ", ".join(f"{value:.4g} {TOTALS[name].unit}" for name, value in used.items()) + ".")
    cost = estimate(used, prices)
    if cost is None:
        return {"resources": used}
    amount, missing = cost
    without = f" without {', '.join(missing)}, of which the service says nothing" if missing else ""
    yield Say(f"By the given prices that costs about {amount:.4g}{without}.")
    return {"resources": used, "estimatedCost": {"amount": amount, "without": missing}}


def with_usage(outcome: Outcome, at: JobRef, prices: Mapping[str, float]) -> Conversation[Outcome]:
    """The outcome of a wait; where the job has ended, with what it used."""
    if outcome.job.get("currentState") not in TERMINAL:
        return outcome
    used: Json = yield from resources(at, prices)
    return replace(outcome, job={**outcome.job, **used})
