"""``python -m demo``: a real Airflow runs two DAGs on the emulator, and their counts are compared with a plain count.

One DAG runs a Flex template; the other runs it, too, and then a CRM Analytics recipe.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from airflow_dataflow_ext.emulator.google.oauth import PROJECT
from demo.bucket import Bucket, count_plainly, parse_counts, python_reference
from demo.processes import StackError
from demo.service import Service
from demo.stack import Stack

ROOT = Path(__file__).parents[1]
DAG, CHAIN = "dataflow_flex_template", "wave_after_dataflow"
COUNTS = {DAG: "counts/*", CHAIN: "wave-counts/*"}
RECIPE_TASK = "run_recipe"
LOCATION = "us-central1"
BUCKET = "demo-bucket"
console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


class Progress:
    """Prints a line when something is new, with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._last: dict[str, str] = {}

    def say(self, text: str) -> None:
        """Print a line."""
        console.print(f"[dim]{time.monotonic() - self._began:5.0f} s[/]  {text}")

    def state(self, what: str, state: str | None) -> None:
        """Print a thing's state if it has changed."""
        if state and self._last.get(what) != state:
            self._last[what] = state
            self.say(f"{what}: [bold]{state}[/]")


def main() -> int:
    """Run the demo; the result is the exit code, 0 only when every word was counted right."""
    parser = argparse.ArgumentParser(prog="demo", description="Run the word count DAG on a real Airflow, against the emulator.")
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with Ctrl-C ignored
    progress = Progress()
    try:
        progress.say("The emulator starts")
        with Stack(ROOT / ".airflow", ROOT / "dags", images=ROOT / "dags" / "pipelines" / "images.json", progress=progress.say) as stack:
            return run(stack, progress, keep=arguments.keep)
    except StackError as error:
        console.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130


def run(stack: Stack, progress: Progress, *, keep: bool) -> int:
    """The demo on a running stack."""
    progress.say(f"Airflow is healthy; its UI is at {stack.url}")
    text = python_reference()
    bucket = Bucket(stack.gcs_url, BUCKET)
    bucket.write("templates/wordcount.json", (ROOT / "dags" / "pipelines" / "wordcount.json").read_text())
    bucket.write("input/python-reference.txt", text)
    progress.say(f"{len(text.encode()):,} bytes of text are in gs://{BUCKET}/input/")
    service = Service(stack.emulator_url, PROJECT, LOCATION)
    runs: dict[str, str] = {}
    for dag in COUNTS:
        stack.wait_for_dag(dag)
        runs[dag] = stack.api.trigger(dag, {"bucket": BUCKET, "location": LOCATION})
        progress.say(f"[bold]{dag}[/] was triggered over Airflow's REST API: {runs[dag]}")
    watch(stack, service, runs, progress)
    right = show(stack, service, bucket, runs, text)
    if keep:
        show_pages(stack, runs)
        console.print(f"\nAirflow's UI: {stack.url}   Dataflow: {stack.emulator_url}   Cloud Storage: {stack.gcs_url}   Ctrl-C ends it.")
        wait_for_interrupt(stack)
    else:
        console.print("`make demo KEEP=1` leaves Airflow running, to look at the run in its UI.")
    return 0 if right else 1


def watch(stack: Stack, service: Service, runs: dict[str, str], progress: Progress) -> None:
    """Show what changes until the runs have ended."""

    def ended() -> bool:
        for job in service.jobs():
            progress.state(f"     job {job['name']}", job.get("currentState"))
        for dag, run_id in runs.items():
            for task in stack.api.tasks(dag, run_id):
                progress.state(f"task {dag}.{task['task_id']}", task["state"])
            progress.state(f"run of {dag}", stack.api.run_state(dag, run_id))
        return all(stack.api.run_state(dag, run_id) in ("success", "failed") for dag, run_id in runs.items())

    stack.wait_until("the runs to end", ended, seconds=300)


def show(stack: Stack, service: Service, bucket: Bucket, runs: dict[str, str], text: str) -> bool:
    """Print the tables; the result is whether all is as it should be."""
    tasks = [(dag, row) for dag, run_id in runs.items() for row in stack.api.tasks(dag, run_id)]
    rows = [(dag, row["task_id"], row["state"], f"{row['duration'] or 0:.1f}") for dag, row in tasks]
    show_table("Tasks", ("DAG", "task", "state", "seconds"), rows)
    jobs = [service.job(job["id"]) for job in service.jobs()]
    show_table("Dataflow jobs", ("name", "id", "state"), [(job["name"], job["id"], job["currentState"]) for job in jobs])
    show_table("Metrics of the last", ("metric", "value"), list(service.metrics(jobs[-1]["id"]).items()))
    succeeded = all(stack.api.run_state(dag, run_id) == "success" for dag, run_id in runs.items())
    if succeeded:
        show_recipe(stack.api.xcom(CHAIN, runs[CHAIN], RECIPE_TASK), stack.api.log(CHAIN, runs[CHAIN], RECIPE_TASK))
    expected = count_plainly(text)
    counted = {dag: parse_counts(bucket.lines(pattern)) for dag, pattern in COUNTS.items()}
    frequent = sorted(counted[DAG].items(), key=lambda pair: (-pair[1], pair[0]))[:8]
    show_table("Most frequent words", ("word", "count"), frequent)
    console.print()
    for dag, found in counted.items():
        console.print(f"The job of {dag} counted {len(found):,} words, {sum(found.values()):,} in all.")
    console.print(f"Counted without Beam: {len(expected):,} words, {sum(expected.values()):,} in all.")
    exact = bool(expected) and all(found == expected for found in counted.values())
    console.print("[green]Every count is the same.[/]" if exact else "[red]They differ.[/]")
    return exact and succeeded


def show_recipe(run: dict[str, Any], log: list[str]) -> None:
    """Print what became of the CRM Analytics run, from the task's result and its log."""
    nodes = [(node["name"], node["status"], node.get("outputRows", {}).get("processedCount", 0)) for node in run.get("nodes", ())]
    show_table(f"CRM Analytics: {run.get('label')} ended as {run['status']}", ("node", "state", "rows"), nodes)
    console.print("\nFrom the log of its task:")
    for line in log:
        if line.startswith(("In the queue", "Node ", "Run ")) or line.endswith("% done"):
            console.print(f"  {line}", markup=False)


def show_pages(stack: Stack, runs: dict[str, str]) -> None:
    """Print where the jobs are seen inside Airflow."""
    for dag, run_id in runs.items():
        for row in stack.api.tasks(dag, run_id):
            if row["operator"].startswith(("Dataflow", "Wave")):
                path = f"dags/{dag}/runs/{quote(run_id, safe='')}/tasks/{row['task_id']}/plugin/dataflow-job"
                console.print(f"The job of {row['task_id']}: {stack.url}/{path}", markup=False, soft_wrap=True)
    console.print(f"All jobs: {stack.url}/plugin/dataflow-jobs", markup=False)


def show_table(title: str, head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Print one table."""
    table = Table(*(Column(name, overflow="fold") for name in head), title=title, title_justify="left", title_style="bold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console.print()
    console.print(table)


def wait_for_interrupt(stack: Stack) -> None:
    """Return at Ctrl-C.

    :raises StackError: a program of the stack has ended.
    """
    try:
        while True:
            stack.check()
            time.sleep(1)
    except KeyboardInterrupt:
        console.print("\nEnding it.")


if __name__ == "__main__":
    sys.exit(main())
