"""What Beam measured, as MetricUpdate objects."""

from __future__ import annotations

import copy
import resource
from collections.abc import Iterable, Mapping
from typing import Any

from apache_beam.metrics import monitoring_infos

from .graph import Graph

Distribution = tuple[int, int, int, int]
"""Count, sum, least, greatest."""


class Tally:
    """Sums of what Beam's monitoring says, as MetricUpdate objects."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._labels: dict[str, tuple[str, Mapping[str, str]]] = {}
        self._sums: dict[str, int] = {}
        self._distributions: dict[str, Distribution] = {}

    def plus(self, infos: Iterable[Any]) -> Tally:
        """This tally and what a bundle adds to it."""
        total = copy.copy(self)
        total._labels, total._sums, total._distributions = dict(self._labels), dict(self._sums), dict(self._distributions)
        for info in infos:
            key = f"{info.urn} {sorted(info.labels.items())}"
            total._labels[key] = info.urn, dict(info.labels)
            if monitoring_infos.is_counter(info):
                total._sums[key] = total._sums.get(key, 0) + monitoring_infos.extract_counter_value(info)
            elif monitoring_infos.is_distribution(info):
                total._add(key, monitoring_infos.extract_distribution(info))
        return total

    def updates(self) -> list[dict[str, Any]]:
        """All metrics so far."""
        figures: list[tuple[str, int | Distribution]] = [*self._sums.items(), *self._distributions.items()]
        updates = (self._update(*self._labels[key], value) for key, value in figures)
        return [_vcpu_time(), *(update for update in updates if update)]

    def _add(self, key: str, added: Distribution) -> None:
        if added[0] and key in self._distributions:
            old = self._distributions[key]
            added = added[0] + old[0], added[1] + old[1], min(added[2], old[2]), max(added[3], old[3])
        if added[0]:
            self._distributions[key] = added

    def _update(self, urn: str, labels: Mapping[str, str], value: Any) -> dict[str, Any] | None:
        if urn in monitoring_infos.USER_METRIC_URNS:
            return self._user(labels, value)
        output = self._graph.outputs.get(labels.get(monitoring_infos.PCOLLECTION_LABEL, ""))
        if output and urn == monitoring_infos.ELEMENT_COUNT_URN:
            return _service("ElementCount", value, output)
        if output and urn == monitoring_infos.SAMPLED_BYTE_SIZE_URN:
            return _service("MeanByteCount", round(value[1] / value[0]), output)
        return None

    def _user(self, labels: Mapping[str, str], value: Any) -> dict[str, Any]:
        context = {
            "namespace": labels[monitoring_infos.NAMESPACE_LABEL],
            "step": self._graph.step_of(labels[monitoring_infos.PTRANSFORM_LABEL]),
        }
        name = {"origin": "user", "name": labels[monitoring_infos.NAME_LABEL], "context": context}
        if isinstance(value, int):
            return {"name": name, "scalar": value}
        count, total, low, high = value
        return {"name": name, "distribution": {"count": count, "sum": total, "min": low, "max": high, "mean": total / count}}


def _service(name: str, scalar: int, output: str) -> dict[str, Any]:
    context = {"original_name": f"{output}-{name}", "output_user_name": output}
    return {"name": {"origin": "dataflow/v1b3", "name": name, "context": context}, "scalar": scalar}


def _vcpu_time() -> dict[str, Any]:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    context = {"original_name": "Service-cpu_num_seconds"}
    return {"name": {"origin": "dataflow/v1b3", "name": "TotalVcpuTime", "context": context}, "scalar": round(seconds, 3)}
