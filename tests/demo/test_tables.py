"""What the demo prints at its end can be read: titles on one line, figures that mean what their head says, and where to go next."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from demo import tables

TASK = {"task_id": "count_words", "state": "success", "start_date": "2026-01-01T00:00:00+00:00", "end_date": "2026-01-01T00:01:02.5+00:00"}
METRICS = "Metrics of the job count-words-of-the-python-reference-0123456789"


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is printed where there is no terminal."""
    out = io.StringIO()
    monkeypatch.setattr(tables, "console", Console(file=out, highlight=False, width=120))
    return out


def test_a_title_and_its_heads_stand_on_one_line(printed: io.StringIO) -> None:
    tables.show_table(METRICS, ("metric", "value"), [("words", 7)])
    tables.show_table("Tasks", ("DAG", "task", "state", "seconds from start to end"), [("a_dag", *tables.task_row(TASK))])
    lines = [" ".join(line.split()) for line in printed.getvalue().splitlines()]
    assert METRICS in lines
    assert any("seconds from start to end" in line for line in lines)


def test_a_tasks_seconds_are_those_from_its_start_to_its_end() -> None:
    assert tables.task_row(TASK) == ("count_words", "success", "62.5")
    assert tables.task_row({**TASK, "state": "running", "end_date": None})[2] == ""


def test_the_last_lines_say_where_to_go_next(printed: io.StringIO) -> None:
    tables.show_next(*tables.NEXT)
    said = printed.getvalue()
    assert len(tables.NEXT) == 3
    assert all(line in said for line in tables.NEXT)
