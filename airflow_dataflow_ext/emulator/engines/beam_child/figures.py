"""Beam's metrics as MetricUpdate objects."""

from __future__ import annotations

import copy
import resource
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from apache_beam.metrics import monitoring_infos

from .graph import Graph


def _distribution(value: tuple[int, int, int, int]) -> dict[str, Any]:
    count, total, low, high = value
    return {"distribution": {"count": count, "sum": total, "min": low, "max": high, "mean": total / count if count else 0.0}}


def _both_distributions(old: tuple[int, int, int, int], new: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    if not (old[0] and new[0]):
        return old if old[0] else new
    return old[0] + new[0], old[1] + new[1], min(old[2], new[2]), max(old[3], new[3])


# kind -> (whether a MonitoringInfo is of this kind, its value, two values combined, the value's field in a MetricUpdate)
_KINDS: Mapping[str, tuple[Callable[[Any], bool], Callable[[Any], Any], Callable[[Any, Any], Any], Callable[[Any], dict[str, Any]]]] = {
    "counter": (
        monitoring_infos.is_counter,
        monitoring_infos.extract_counter_value,
        lambda old, new: old + new,
        lambda value: {"scalar": value},
    ),
    "distribution": (monitoring_infos.is_distribution, monitoring_infos.extract_distribution, _both_distributions, _distribution),
    "gauge": (monitoring_infos.is_gauge, monitoring_infos.extract_gauge_value, max, lambda value: {"gauge": {"value": value[1]}}),
    "set": (
        monitoring_infos.is_string_set,
        monitoring_infos.extract_string_set_value,
        lambda old, new: old | new,
        lambda value: {"set": sorted(value)},
    ),
}


class Tally:
    """Totals of Beam's MonitoringInfos, as MetricUpdate objects."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._values: dict[str, tuple[str, str, Mapping[str, str], Any]] = {}

    def plus(self, infos: Iterable[Any]) -> Tally:
        """A new tally that adds the MonitoringInfos of a bundle to this one."""
        total = copy.copy(self)
        total._values = dict(self._values)
        for info in infos:
            kind = next((name for name, (fits, *_) in _KINDS.items() if fits(info)), None)
            if kind is None:
                continue
            _, value_of, both, _ = _KINDS[kind]
            key, value = f"{info.urn} {sorted(info.labels.items())}", value_of(info)
            if key in total._values:
                value = both(total._values[key][-1], value)
            total._values[key] = kind, info.urn, dict(info.labels), value
        return total

    def updates(self) -> Iterator[dict[str, Any]]:
        """All metrics so far."""
        yield _vcpu_time()
        for kind, urn, labels, value in self._values.values():
            output = self._graph.outputs.get(labels.get(monitoring_infos.PCOLLECTION_LABEL, ""))
            if urn in monitoring_infos.USER_METRIC_URNS:
                yield {"name": self._user(labels), **_KINDS[kind][-1](value)}
            elif output and urn == monitoring_infos.ELEMENT_COUNT_URN:
                yield _of_output("ElementCount", value, output)
            elif output and urn == monitoring_infos.SAMPLED_BYTE_SIZE_URN and value[0]:
                yield _of_output("MeanByteCount", round(value[1] / value[0]), output)

    def _user(self, labels: Mapping[str, str]) -> dict[str, Any]:
        context = {
            "namespace": labels[monitoring_infos.NAMESPACE_LABEL],
            "step": self._graph.step_of(labels[monitoring_infos.PTRANSFORM_LABEL]),
        }
        return {"origin": "user", "name": labels[monitoring_infos.NAME_LABEL], "context": context}


def service_metric(name: str, original_name: str, scalar: float, **context: str) -> dict[str, Any]:
    """A MetricUpdate for a metric of the service itself."""
    return {"name": {"origin": "dataflow/v1b3", "name": name, "context": {"original_name": original_name, **context}}, "scalar": scalar}


def _of_output(name: str, scalar: int, output: str) -> dict[str, Any]:
    return service_metric(name, f"{output}-{name}", scalar, output_user_name=output)


def _vcpu_time() -> dict[str, Any]:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    return service_metric("TotalVcpuTime", "Service-cpu_num_seconds", round(seconds, 3))
