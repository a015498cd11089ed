"""Tests that every number of seconds has its one row."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from airflow_dataflow_ext.api.rest import budgets

PACKAGE = Path(__file__).parents[3] / "airflow_dataflow_ext"
ROOMS = ("api", "transport", "hooks", "watch", "task", "triggers", "sensors", "plugin")
MODULES = [module for room in ROOMS for module in sorted((PACKAGE / room).rglob("*.py"))]
ROWS = [name for name in vars(budgets) if name.isupper()]
SPANS = ("retry_for", "poll_sleep", "wait_for", "timeout", "within", "stop_within", "cancel_timeout")


def text_of_the_others() -> str:
    return "\n".join(module.read_text("utf-8") for module in MODULES if module.name != "budgets.py")


def numbers_given(tree: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """What is slept, passed or taken by default under a name that means seconds."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from ((word.arg, word.value) for word in node.keywords if word.arg in SPANS)
            if ast.unparse(node.func) in ("Sleep", "time.sleep", "asyncio.sleep"):
                yield "a sleep", node.args[0]
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.target) in SPANS:
            yield ast.unparse(node.target), node.value
        elif isinstance(node, ast.arguments):
            yield from ((word.arg, default) for word, default in zip(node.kwonlyargs, node.kw_defaults, strict=True) if word.arg in SPANS)


@pytest.mark.parametrize("row", ROWS)
def test_a_budget_is_used(row: str) -> None:
    assert f"budgets.{row}" in text_of_the_others()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_a_number_of_seconds_stands_in_the_budgets_alone(module: Path) -> None:
    given = numbers_given(ast.parse(module.read_text("utf-8")))
    assert [name for name, value in given if isinstance(value, ast.Constant) and value.value not in (None, 0)] == []


FACTS = {"FORCE_AT_THE_EARLIEST", "ON_KILL_WITHIN"}
"""Seconds that a service or Airflow prescribes: nothing that this package may change."""


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(PACKAGE)))
def test_no_other_module_has_a_constant_of_seconds(module: Path) -> None:
    body = ast.parse(module.read_text("utf-8")).body if module.name != "budgets.py" else []
    explained = [
        (ast.unparse(node.targets[0]), after.value.value)
        for node, after in pairwise(body)
        if isinstance(node, ast.Assign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    ]
    assert {name for name, text in explained if "econds" in str(text).split(":")[0]} <= FACTS


def test_every_budget_has_its_reason() -> None:
    body = ast.parse(Path(budgets.__file__).read_text("utf-8")).body
    rows = [at for at, node in enumerate(body) if isinstance(node, ast.Assign)]
    assert len(rows) == len(ROWS)
    assert all(isinstance(body[at + 1], ast.Expr) for at in rows)
