"""``python -m demo``: a real Airflow runs two DAGs against the emulator, and their word counts are checked against a count without Beam.

One DAG runs a Flex template; the other runs the same template and then a CRM Analytics recipe.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from demo.examples import BUCKET, DemoStack
from demo.processes import StackError
from demo.tables import COUNTS, NEXT, console, links, show, show_next

ROOT = Path(__file__).parents[1]


class Progress:
    """Prints what happens, with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._last: dict[str, str] = {}

    def say(self, text: str) -> None:
        """Print a line."""
        console.print(f"[dim]{time.monotonic() - self._began:5.0f} s[/]  {text}")

    def state(self, what: str, state: str | None) -> None:
        """Print the state of a job, task or run if it has changed."""
        if state and self._last.get(what) != state:
            self._last[what] = state
            self.say(f"{what}: [bold]{state}[/]")


def main() -> int:
    """Run the demo and return its exit code, which is 0 only if every word count is correct."""
    parser = argparse.ArgumentParser(prog="demo", description="Run two example DAGs on a real Airflow, against the emulator.")
    parser.add_argument("--keep", action="store_true", help="keep everything running until Ctrl-C")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with SIGINT ignored
    progress = Progress()
    try:
        progress.say("Starting the emulator")
        with DemoStack(ROOT / ".airflow", progress=progress.say) as stack:
            return run(stack, progress, keep=arguments.keep)
    except StackError as error:
        console.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130


def run(stack: DemoStack, progress: Progress, *, keep: bool) -> int:
    """Run the demo on a running stack and return the exit code."""
    progress.say(f"Airflow is healthy; its UI is at {stack.url}")
    progress.say(f"Uploaded {len(stack.text.encode()):,} bytes of text to gs://{BUCKET}/input/")
    runs: dict[str, str] = {}
    for dag in COUNTS:
        stack.wait_for_dag(dag)
        runs[dag] = stack.api.trigger(dag)
        progress.say(f"Triggered [bold]{dag}[/] through Airflow's REST API: {runs[dag]}")
    watch(stack, runs, progress)
    right = show(stack, runs)
    if keep:
        show_next(*(f"{what}: {url}" for what, url in links(stack, runs).items()), *NEXT[1:])
        console.print("\nPress Ctrl-C to stop everything.")
        wait_for_interrupt(stack)
    else:
        show_next(*NEXT)
    return 0 if right else 1


def watch(stack: DemoStack, runs: dict[str, str], progress: Progress) -> None:
    """Print state changes until the runs have ended."""

    def ended() -> bool:
        for job in stack.service.jobs():
            progress.state(f"     job {job['name']}", job.get("currentState"))
        for dag, run_id in runs.items():
            for task in stack.api.tasks(dag, run_id):
                progress.state(f"task {dag}.{task['task_id']}", task["state"])
            progress.state(f"run of {dag}", stack.api.run_state(dag, run_id))
        return all(stack.api.run_state(dag, run_id) in ("success", "failed") for dag, run_id in runs.items())

    stack.wait_until("the runs to end", ended, seconds=600)


def wait_for_interrupt(stack: DemoStack) -> None:
    """Return at Ctrl-C.

    :raises StackError: a program of the stack has ended.
    """
    try:
        while True:
            stack.check()
            time.sleep(1)
    except KeyboardInterrupt:
        console.print("\nStopping.")


if __name__ == "__main__":
    sys.exit(main())
