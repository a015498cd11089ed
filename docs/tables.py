"""The reference's tables, written from the code that they describe."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
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
"""Folders whose modules are shown as a whole, but for the classes below."""

IMPORTED = {
    "dataflow_operators.md": "operators.dataflow",
    "wave_operators.md": "operators.wave",
    "dataflow_sensors.md": "sensors.dataflow",
    "wave_sensors.md": "sensors.wave",
    "dataflow_events.md": "triggers.dataflow_events",
}
"""Modules from which DAGs import: each of their classes is shown with all its arguments."""

SOUGHT = {
    "DataflowStartFlexTemplateOperator": ("flex template",),
    "DataflowStopJobOperator": ("drain", "cancel", "stop"),
    "DataflowTemplatedJobStartOperator": ("classic template",),
    "DataflowUpdateJobOperator": ("scale", "archive"),
}
"""Words by which people look for a class; the search shows it first."""


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
    classes = {name: imported(module) for name, module in IMPORTED.items()}
    tables |= {name: _classes(IMPORTED[name], found) for name, found in classes.items()}
    shown = {
        (where, cls.__name__) for name, found in classes.items() for cls in found for where in (cls.__module__, _dotted(IMPORTED[name]))
    }
    tables |= {f"{part}.md": _modules(part, shown) for part in PARTS}
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


def imported(module: str) -> list[type]:
    """The classes that a DAG imports from a module."""
    space = vars(importlib.import_module(_dotted(module)))
    own = (name for name, value in space.items() if inspect.isclass(value) and value.__module__.endswith(module))
    return [space[name] for name in space.get("__all__", own) if not inspect.isabstract(space[name])]


def arguments(cls: type) -> Iterator[tuple[type, str, str, str]]:
    """Every argument of a class that this package defines: who brings it, its name, its default, and what it is."""
    ours = [base for base in cls.__mro__ if base.__module__.startswith(PACKAGE.name)]
    described: dict[str, str] = {}
    for base in ours:
        found = re.findall(r":param (\w+): (.*?)(?=\n:|\n\n|\Z)", inspect.getdoc(base) or "", re.DOTALL)
        described = {**{name: " ".join(text.split()) for name, text in found}, **described}
    seen = set()
    for base in ours:
        for name, parameter in inspect.signature(base.__init__).parameters.items() if "__init__" in vars(base) else ():
            if parameter.kind is parameter.KEYWORD_ONLY and name not in seen:
                seen.add(name)
                default = "required" if parameter.default is parameter.empty else f"``{parameter.default!r}``"
                yield base, name, default, described.get(name, "")


def _classes(module: str, classes: Iterable[type]) -> list[str]:
    """Each class with its own arguments and, folded, those that it inherits."""
    lines = ["```{eval-rst}", f".. py:currentmodule:: {_dotted(module)}", ""]
    for cls in classes:
        lines += [*(f".. index:: ! {word}" for word in SOUGHT.get(cls.__name__, ())), ""]
        lines += [f".. autoclass:: {cls.__name__}", ""]
        inherited = [row for row in arguments(cls) if row[0] is not cls]
        if inherited:
            head = [f"   .. dropdown:: {len(inherited)} more arguments", "", "      .. list-table::", "         :header-rows: 1"]
            lines += [*head, "         :widths: 24 16 60", "", *_cells("argument", "default", "")]
        for _, name, default, text in inherited:
            templated = name in getattr(cls, "template_fields", ()) and "templated" not in text
            lines += _cells(f"``{name}``", default, f"{text} Templated." if templated else text)
        lines.append("")
    return [*lines, "```"]


def _dotted(module: str) -> str:
    return f"{PACKAGE.name}.{module}"


def _cells(first: str, *others: str) -> list[str]:
    return [f"         * - {first}", *(f"           - {other}" for other in others)]


def _modules(part: str, shown: set[tuple[str, str]]) -> list[str]:
    """The docstrings of every module of a folder and of the folders in it."""
    paths = sorted(path.relative_to(PACKAGE).with_suffix("") for path in (PACKAGE / part).rglob("*.py"))
    lines = []
    for path in paths:
        if path.stem.startswith("_") or "beam_child" in path.parts:  # the latter is a program that runs beside the package
            continue
        module = _dotted(".".join(path.parts))
        elsewhere = sorted(name for where, name in shown if where == module)
        directive = [f".. automodule:: {module}", "   :members:", "   :show-inheritance:"]
        if elsewhere:
            directive.append(f"   :exclude-members: {', '.join(elsewhere)}")
        lines += [f"## `{'.'.join(path.parts)}`", "", "```{eval-rst}", *directive, "```", ""]
    return lines
