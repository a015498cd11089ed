"""The reference's tables, written from the code that they describe."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import airflow_dataflow_ext
from airflow_dataflow_ext.api.cloud_logging import methods as cloud_logging
from airflow_dataflow_ext.api.data_pipelines import methods as data_pipelines
from airflow_dataflow_ext.api.dataflow import methods as dataflow
from airflow_dataflow_ext.api.dataflow.states import DATAFLOW
from airflow_dataflow_ext.api.jobs.phase import StateRow
from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.api.wave import methods as wave
from airflow_dataflow_ext.api.wave.states import WAVE

PACKAGE = Path(airflow_dataflow_ext.__file__).parent
PARTS = ("operators", "decorators", "sensors", "triggers", "hooks", "links", "task", "watch", "transport", "api", "plugin", "emulator")


def write_tables(folder: Path) -> None:
    """Write each table as a Markdown file that a page includes."""
    folder.mkdir(exist_ok=True)
    tables = {
        "dataflow_methods.md": _methods(dataflow.RESOURCES),
        "data_pipelines_methods.md": _methods(data_pipelines.RESOURCES),
        "cloud_logging_methods.md": _methods(cloud_logging.RESOURCES),
        "wave_methods.md": _methods(wave.RESOURCES),
        "dataflow_states.md": _states(DATAFLOW.items()),
        "wave_states.md": _states(WAVE.items()),
    }
    tables |= {f"{part}.md": _modules(part) for part in PARTS}
    for name, lines in tables.items():
        text = "\n".join(lines) + "\n"
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _methods(resources: Iterable[type]) -> list[str]:
    head = ("resource", "method", "verb", "path", "query", "body", "reply", "repeated when an answer is lost")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for resource in resources:
        for name, method in vars(resource).items():
            if isinstance(method, Method):
                lines += [_row(resource, name, variant) for variant in method.variants()]
    return lines


def _row(resource: type, name: str, method: Method) -> str:
    cells = (
        f"`{resource.__name__}.{name}`",
        f"`{method.id}`",
        method.verb,
        f"`{method.path}`",
        " ".join(f"`{query}`" for query in method.query),
        method.body or "",
        method.reply,
        "yes" if method.repeatable else "no",
    )
    return f"| {' | '.join(cells)} |"


def _states(rows: Iterable[tuple[str, StateRow]]) -> list[str]:
    return ["| state | for somebody who waits |", "|---|---|", *(f"| `{state}` | {row.phase} |" for state, row in rows)]


def _modules(part: str) -> list[str]:
    """The docstrings of every module of a folder and of the folders in it."""
    paths = sorted(path.relative_to(PACKAGE).with_suffix("") for path in (PACKAGE / part).rglob("*.py"))
    lines = []
    for path in paths:
        if path.stem.startswith("_") or "beam_child" in path.parts:  # the latter is a program that runs beside the package
            continue
        module = ".".join(path.parts)
        directive = [f".. automodule:: {PACKAGE.name}.{module}", "   :members:", "   :show-inheritance:"]
        lines += [f"## `{module}`", "", "```{eval-rst}", *directive, "```", ""]
    return lines
