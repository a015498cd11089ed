"""What importing the operator and sensor modules costs on top of ``airflow.sdk``, compared with those of the stock Google provider.

``python -m bench.imports [--runs N]`` imports each module in fresh processes, ours and theirs in turn, and prints medians.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

from bench.measuring import child, figures, table

PAIRS = {
    "operators": ("airflow_dataflow_ext.operators.dataflow", "airflow.providers.google.cloud.operators.dataflow"),
    "sensors": ("airflow_dataflow_ext.sensors.dataflow", "airflow.providers.google.cloud.sensors.dataflow"),
}

PROGRAM = """
import importlib, json, sys, time
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

began, modules, memory = time.process_time(), len(sys.modules), resident()
importlib.import_module(sys.argv[1])
print(json.dumps({"cpu": time.process_time() - began, "modules": len(sys.modules) - modules, "kib": resident() - memory}))
"""


def measure(runs: int) -> dict[str, dict[str, dict[str, float]]]:
    """Medians by kind of module and package."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for kind, pair in PAIRS.items():
        samples: dict[str, list[Any]] = {module: [] for module in pair}
        for run in range(runs + 1):
            for module in pair:
                sample = child(["-c", PROGRAM, module])
                if run:  # the first run fills the caches
                    samples[module].append(sample)
        found[kind] = {
            who: {figure: statistics.median(sample[figure] for sample in samples[module]) for figure in ("cpu", "modules", "kib")}
            for who, module in zip(("ours", "stock"), pair, strict=True)
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="measured processes for each module")
    found = measure(parser.parse_args().runs)
    rows = [
        (kind, who, f"{1000 * each['cpu']:.0f}", int(each["modules"]), f"{each['kib'] / 1024:.1f}")
        for kind, both in found.items()
        for who, each in both.items()
    ]
    table(("modules of", "whose", "CPU ms", "new modules", "MiB"), rows)
    names = {"cpu": "cpu_ratio", "modules": "modules_ratio", "kib": "memory_ratio"}
    total = {who: {figure: sum(both[who][figure] for both in found.values()) for figure in names} for who in ("ours", "stock")}
    figures({name: round(total["ours"][figure] / total["stock"][figure], 4) for figure, name in names.items()})


if __name__ == "__main__":
    main()
