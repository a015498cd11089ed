"""The tables that the demo prints at its end: tasks, jobs, metrics, the recipe's nodes and word counts; and the next steps."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.table import Table
from rich.text import Text

from demo.bucket import count_plainly, parse_counts
from demo.examples import DemoStack

DAG, CHAIN = "dataflow_flex_template", "wave_after_dataflow"
LAUNCH_TASK, RECIPE_TASK = "count_words", "run_recipe"
COUNTS = {DAG: "counts/*", CHAIN: "wave-counts/*"}
RECIPE_LINES = ("In the queue", "Node ", "Run ")
NEXT = (
    "See the runs and start the other examples in the browser: make demo KEEP=1",
    "Write your first DAG against the emulator: docs/tutorial.md",
    "Migrate a DAG from the Google provider: docs/migration.md",
)
console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def show(stack: DemoStack, runs: Mapping[str, str]) -> bool:
    """Print the tables, and return whether the runs succeeded with correct counts."""
    succeeded = all(stack.api.run_state(dag, run_id) == "success" for dag, run_id in runs.items())
    tasks = [(dag, task) for dag, run_id in runs.items() for task in by_start(stack.api.tasks(dag, run_id))]
    show_table("Tasks", ("DAG", "task", "state", "seconds from start to end"), [(dag, *task_row(task)) for dag, task in tasks])
    jobs = sorted(stack.service.jobs(), key=lambda job: str(job["createTime"]))
    rows = [(job["name"], job["id"], job["currentState"]) for job in jobs]
    show_table("Dataflow jobs", ("name", "id", "state"), rows)
    if succeeded:
        job = stack.api.xcom(DAG, runs[DAG], LAUNCH_TASK)
        show_table(f"Metrics of the job {job['name']}", ("metric", "value"), list(stack.service.metrics(job["id"]).items()))
        show_recipe(stack.api.xcom(CHAIN, runs[CHAIN], RECIPE_TASK), stack.api.log(CHAIN, runs[CHAIN], RECIPE_TASK))
    return show_counts(stack) and succeeded


def by_start(tasks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort tasks by the time they started; tasks that did not start come last."""
    return sorted(tasks, key=lambda task: str(task["start_date"] or "later"))


def task_row(task: Mapping[str, Any]) -> tuple[str, str, str]:
    """The name and state of a task, and the seconds from its start to its end, which include its waiting."""
    times = [task[name] for name in ("start_date", "end_date")]
    took = datetime.fromisoformat(times[1]) - datetime.fromisoformat(times[0]) if all(times) else None
    return task["task_id"], task["state"], f"{took.total_seconds():.1f}" if took else ""


def show_recipe(run: Mapping[str, Any], log: Sequence[str]) -> None:
    """Print the result of the CRM Analytics run, and the lines about it in the task's log."""
    nodes = [(node["name"], node["status"], node.get("outputRows", {}).get("processedCount", 0)) for node in run.get("nodes", ())]
    show_table(f"CRM Analytics: the recipe {run.get('label')} ended as {run['status']}", ("node", "state", "rows"), nodes)
    console.print("\n[bold]From the task's log[/]")
    for line in log:
        if line.startswith(RECIPE_LINES) or line.endswith("% done"):
            console.print(f"  {line}", markup=False)


def show_counts(stack: DemoStack) -> bool:
    """Print the words that the jobs counted, and return whether a count without Beam gives the same result."""
    expected = count_plainly(stack.text)
    counted = {dag: parse_counts(stack.bucket.lines(pattern)) for dag, pattern in COUNTS.items()}
    frequent = sorted(counted[DAG].items(), key=lambda pair: (-pair[1], pair[0]))[:8]
    show_table(f"Most frequent words, counted by {DAG}", ("word", "count"), frequent)
    console.print()
    for dag, found in counted.items():
        console.print(f"The job of {dag} counted {len(found):,} words, {sum(found.values()):,} in all.")
    console.print(f"Counted without Beam: {len(expected):,} words, {sum(expected.values()):,} in all.")
    exact = bool(expected) and all(found == expected for found in counted.values())
    console.print("[green]All counts are the same.[/]" if exact else "[red]The counts differ.[/]")
    return exact


def show_next(*lines: str) -> None:
    """Print the next steps."""
    console.print("\n[bold]Where to go next[/]")
    for line in lines:
        console.print(f"  {line}", markup=False, soft_wrap=True)


def links(stack: DemoStack, runs: Mapping[str, str]) -> dict[str, str]:
    """The pages to open in a browser while the stack runs."""
    pages = {}
    for dag, task in ((DAG, LAUNCH_TASK), (CHAIN, RECIPE_TASK)):
        page = f"dags/{dag}/runs/{quote(runs[dag], safe='')}/tasks/{task}/plugin/dataflow-job"
        pages[f"The page of {task}'s job in Airflow"] = f"{stack.url}/{page}"
    return {
        "Airflow, where you can trigger every example": f"{stack.url}/dags",
        **pages,
        "The list of all jobs in Airflow": f"{stack.url}/plugin/dataflow-jobs",
        "The same jobs in the emulator": f"{stack.emulator_url}/dataflow/jobs?project={stack.service.project}",
        "The CRM Analytics runs in the emulator": f"{stack.emulator_url}/analytics/dataManager",
    }


def show_table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a title and a table."""
    table = Table()
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print(f"\n[bold]{title}[/]", soft_wrap=True)
    console.print(table)
