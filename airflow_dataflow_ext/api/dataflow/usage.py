"""What a job used: its resource totals from the service's metrics, and an estimate of their cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import force_setattr, replace

from airflow_dataflow_ext.api.dataflow.job import JobRef
from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.states import TERMINAL
from airflow_dataflow_ext.api.jobs.watch import Outcome
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.ask import ask, items
from airflow_dataflow_ext.api.rest.errors import CallError, InvalidInputError
from airflow_dataflow_ext.api.rest.method import Json, part
from airflow_dataflow_ext.api.rest.steps import Conversation, Say
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.api.rest.values import mapping, number

_HOUR = 3600.0
_MB = 1024.0
SERVICE = "dataflow/v1b3"


class _Total(Struct, frozen=True):
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
"""Name -> the service's metric, how many of its units make one of the total's, and the total's unit. Metrics: vCPU·s, MB·s, GB·s, GB."""


def check_prices(prices: Mapping[str, Any] | None) -> dict[str, float]:
    """Check prices, which are given by the names of :data:`TOTALS`.

    :raises InvalidInputError: there is no such total, or a price is not a number, or below 0.
    """
    found = {name: number(price, f"prices[{shown(name)}]") for name, price in mapping(prices, "prices").items()}
    for name, price in found.items():
        if name not in TOTALS:
            raise InvalidInputError(f"prices[{shown(name)}]: there is no such total; they are {', '.join(TOTALS)}")
        if price < 0:
            raise InvalidInputError(f"prices[{shown(name)}] must be a number, 0 or more, not {shown(price)}")
    return found


class Spending(Struct, frozen=True, kw_only=True):
    """The prices of a job's totals, and its limits.

    :param prices: price of one unit of each total, by the names of :data:`TOTALS`, in any currency.
    :param max_cost: greatest cost in that currency; None for no limit.
    :param max_vcpu_hours: greatest number of vCPU hours; None for no limit.
    :raises InvalidInputError: a price or a limit is wrong, or ``max_cost`` is given without prices.
    """

    prices: Mapping[str, float] = field(default_factory=dict)
    max_cost: float | None = None
    max_vcpu_hours: float | None = None

    def __post_init__(self) -> None:
        force_setattr(self, "prices", check_prices(self.prices))
        for name in ("max_cost", "max_vcpu_hours"):
            given = getattr(self, name)
            limit = None if given is None else number(given, name)
            if limit is not None and limit <= 0:
                raise InvalidInputError(f"{name} must be more than 0, not {shown(given)}; leave it out for no limit")
            force_setattr(self, name, limit)
        if self.max_cost is not None and not any(self.prices.values()):
            raise InvalidInputError("max_cost needs prices: without them, the job's cost is unknown")

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit."""
        return self.max_cost is not None or self.max_vcpu_hours is not None

    def excess(self, used: Mapping[str, float]) -> str:
        """The limit that these totals exceed, with the figures; empty if they exceed none."""
        cost, vcpu_hours = estimate(used, self.prices), used.get("vcpu_hours", 0.0)
        if self.max_cost is not None and cost is not None and cost[0] > self.max_cost:
            return f"it cost about {cost[0]:.4g} by the given prices, and max_cost is {self.max_cost:.4g}"
        if self.max_vcpu_hours is not None and vcpu_hours > self.max_vcpu_hours:
            return f"it used {vcpu_hours:.4g} vCPU h, and max_vcpu_hours is {self.max_vcpu_hours:.4g}"
        return ""


def totals(metrics: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The totals in the service's metrics; missing ones are omitted.

    Only committed values count, since tentative ones include work that may be repeated.

    :param metrics: MetricUpdates of ``jobs.getMetrics``.
    """
    found: dict[str, float] = {}
    for metric in metrics:
        name = part(metric, "name")
        value = metric.get("scalar")
        if name.get("origin") != SERVICE or "tentative" in part(name, "context") or isinstance(value, bool):
            continue
        for total, row in TOTALS.items():
            if name.get("name") == row.metric and isinstance(value, int | float):
                found[total] = value / row.per
    return {name: found[name] for name in TOTALS if name in found}


def estimate(used: Mapping[str, float], prices: Mapping[str, float]) -> tuple[float, list[str]] | None:
    """The cost of the totals in the currency of the prices, and the priced totals that are unknown and left out; None if all are."""
    known = [name for name in prices if name in used]
    if not known:
        return None
    return sum(used[name] * prices[name] for name in known), sorted(set(prices) - set(known))


def resources(job: JobRef, prices: Mapping[str, float]) -> Conversation[Json]:
    """What an ended job used, as ``resources`` and, with prices, ``estimatedCost``; it is also logged.

    If the metrics cannot be read, the log says so, and nothing fails.
    """
    try:
        reply = yield from ask(Job.get_metrics.request(**job.path), retry_for=budgets.METRICS_WITHIN)
        used = totals(items([reply], "metrics"))
    except CallError as error:
        yield Say(f"What the job used is not known: {error}")
        return {}
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
    """The outcome of a wait, with what the job used if it has ended."""
    if outcome.job.get("currentState") not in TERMINAL:
        return outcome
    used: Json = yield from resources(at, prices)
    return replace(outcome, job={**outcome.job, **used})
