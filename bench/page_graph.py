"""How long Chromium takes to draw a large graph on a job's page, from a click on "Open all" to its boxes on the screen."""

from __future__ import annotations

import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.measuring import table
from demo.stack import Stack
from tests.browser import browser, needs_browser
from tests.stack.cloud import Cloud

DAG, TASK = "pages", "batch"
TIMES, WITHIN = 5, 120

OPEN_ALL = """
const done = arguments[arguments.length - 1], count = arguments[0];
const button = [...document.querySelectorAll("[data-testid=graph] button")].find((found) => found.innerText === arguments[1]);
const began = performance.now();
button.click();
const look = () => {
  if (document.querySelectorAll("[data-testid=box]").length !== count) return requestAnimationFrame(look);
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
};
look();
"""
"""Returns the milliseconds until the given number of boxes exists and the frame that shows them has been drawn."""


def transforms(count: int, composites: int = 20) -> dict[str, Any]:
    """The description of a job with this many transforms, each of which reads the output of the one before it."""
    names = [f"Part{number % composites}/Step{number}" for number in range(count)]
    rows = [
        {
            "id": f"s{number}",
            "name": name,
            "outputCollectionName": [f"{name}-out0"],
            "inputCollectionName": [f"{names[number - 1]}-out0"] if number else [],
        }
        for number, name in enumerate(names)
    ]
    return {"pipelineDescription": {"originalPipelineTransform": rows}}


def measure_graph(count: int) -> float:
    """The median time in milliseconds.

    :raises SystemExit: there is no Chromium.
    """
    if needs_browser.args[0]:
        raise SystemExit(needs_browser.kwargs["reason"])
    dags = Path(__file__).parents[1] / "tests" / "stack" / "dags"
    with ExitStack() as opened:
        home = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="graph-")))
        stack = opened.enter_context(Stack(home, dags, parallelism=4, emulator=("--engine", "scripted", "--no-gcs"), progress=print))
        cloud = Cloud(stack)
        cloud.script("page-*", [0, "JOB_STATE_RUNNING"], [0, {"describe": transforms(count)}], [36_000, "JOB_STATE_DONE"])
        stack.wait_for_dag(DAG)
        run = stack.api.trigger(DAG)
        stack.wait_until("the job", lambda: bool(cloud.jobs("page-batch")))
        page = opened.enter_context(browser(home / "profile"))
        page.set_script_timeout(WITHIN)
        page.get(f"{stack.url}/dags/{DAG}/runs/{run}/tasks/{TASK}/plugin/dataflow-job")
        stack.wait_until("the graph", lambda: bool(page.find_elements("css selector", "[data-testid=box]")))
        folded = len(page.find_elements("css selector", "[data-testid=box]"))
        took = []
        for _ in range(TIMES):
            took.append(float(page.execute_async_script(OPEN_ALL, count, "Open all")))
            page.execute_async_script(OPEN_ALL, folded, "Close all")
    table(
        ("transforms", "boxes at first", "times", "least ms", "median ms"),
        [(count, folded, TIMES, f"{min(took):.0f}", f"{statistics.median(took):.0f}")],
    )
    return statistics.median(took)
