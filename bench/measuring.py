"""Shared by the benchmarks: child processes that print one JSON line, medians, and tables."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def cpu_seconds() -> float:
    """User and system time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def child(arguments: Sequence[str], environment: Mapping[str, str] | None = None, timeout: float = 300.0) -> Any:
    """Run a Python process, and return the JSON in the last line of its output.

    The process gets a temporary AIRFLOW_HOME.
    """
    with tempfile.TemporaryDirectory() as home:
        settings = {**os.environ, "AIRFLOW_HOME": home, "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING", **(environment or {})}
        done = subprocess.run([sys.executable, *arguments], env=settings, capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)[:200]} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table with a header."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for number, row in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if not number:
            print("  ".join("-" * width for width in widths))


def figures(values: Mapping[str, Any]) -> None:
    """Print the figures as one line of JSON, the last line of a benchmark."""
    print(json.dumps(values))
