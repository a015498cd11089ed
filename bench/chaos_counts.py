"""The figures that the chaos program counts in the end, and the tables that it prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from bench.chaos_kills import POINTS, WHOM, Kill
from bench.chaos_stack import Task
from bench.chaos_subjects import Effect, Group
from bench.measuring import table


def judge(tasks: Sequence[Task], effects: Sequence[Effect], lost: Collection[int] = ()) -> dict[str, int]:
    """Count jobs, successful tasks, duplicates and orphans.

    For most operators, the effect of a launch is a job. Duplicates are effects beyond one for each launch. Orphans are effects that do
    not have the state that their task should leave them in, or whose id is not the result of their task.

    :param lost: the launches whose tasks Airflow itself failed; such a task has no result.
    """
    each = Counter(effect.number for effect in effects)
    held = {(task.number, task.held) for task in tasks}
    unheld = [effect for effect in effects if held.isdisjoint((effect.number, id) for id in effect.ids)]
    return {
        "jobs": len(effects),
        "succeeded": sum(task.state == "success" for task in tasks),
        "duplicates": sum(count - 1 for count in each.values()),
        "orphans": sum(not effect.right or (effect in unheld and effect.number not in lost) for effect in effects),
    }


def became(kill: Kill, tasks: Sequence[Task], effects: Sequence[Effect], began: Mapping[int, float]) -> str:
    """Describe what became of the launch whose worker or triggerer was killed.

    :param began: when each launch first had its effect; a launch is missing if its call broke before the answer was seen.
    """
    if all(task.state != "success" for task in tasks if task.number == kill.number):
        return "task failed"
    if sum(effect.number == kill.number for effect in effects) != 1:
        return "not one job"
    return "job kept" if began.get(kill.number, 0.0) < kill.at else "launched later"


def show_operators(groups: Iterable[Group], tasks: Sequence[Task], effects: Mapping[str, Sequence[Effect]], kills: Sequence[Kill]) -> None:
    """Print the table of operators."""
    rows = []
    for name in effects:
        numbers = {number for group in groups if group.subject == name for number in group.numbers}
        counts = judge([task for task in tasks if task.number in numbers], effects[name])
        rows.append([name, len(numbers), *counts.values(), sum(kill.number in numbers for kill in kills)])
    _print_summed(["operator", "launches", *judge((), ()), "kills"], rows)


def show_kills(
    kills: Sequence[Kill],
    tasks: Sequence[Task],
    effects: Sequence[Effect],
    began: Mapping[int, float],
    *,
    points: Sequence[str] = POINTS,
    whom: Sequence[str] = tuple(WHOM),
) -> None:
    """Print the table of kills."""
    ends = ("launched later", "job kept", "not one job", "task failed")
    rows = []
    for point in points:
        mine = [kill for kill in kills if kill.point == point]
        counts = Counter(became(kill, tasks, effects, began) for kill in mine) + Counter(kill.whom for kill in mine)
        rows.append([point, len(mine), *(counts[name] for name in (*whom, *ends))])
    _print_summed(["killed", "kills", *whom, *ends], rows)
    print(f"\ntries: {dict(sorted(Counter(task.tries for task in tasks).items()))}")


def show_components(kills: Mapping[str, int], restarts: Mapping[str, int], lost: Mapping[int, str]) -> None:
    """Print which components were killed, which programs ended by themselves, and which tasks Airflow itself failed."""
    print()
    table(["killed", "times"], sorted(kills.items()))
    print(f"\nprograms that ended by themselves and were started again: {dict(sorted(restarts.items()))}")
    print(f"tasks that Airflow itself failed: {dict(Counter(lost.values()))}")


def _print_summed(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    print()
    table(header, [*rows, ["total", *map(sum, zip(*(row[1:] for row in rows), strict=True))]])
