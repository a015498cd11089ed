"""``python -m bench.pictures`` takes the pictures of the docs again, on the demo's Airflow in Chromium; with names, only those pictures.

The demo runs one example in a real pipeline. The other jobs follow the scripts in ``picture_jobs``, so that each panel shows something.
The last line is JSON: the size of each picture in bytes.
"""

from __future__ import annotations

import argparse
import io
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench import picture_jobs as jobs
from bench.measuring import figures
from demo.examples import DAGS, DemoStack
from tests.browser import browser, needs_browser
from tests.stack.cloud import Cloud
from tests.stack.form import Form
from tests.stack.pages import Person

IMAGES = Path(__file__).parents[1] / "docs" / "images"
BOOKS, VISITS, EXAMPLE, FORM = "nightly_books", "shop_visits", "dataflow_flex_template", "dataflow_template_form"
EARLIER = ((14, 0.61), (19, 1.12), (13, 0.58))
"""The runs before the one in the pictures: seconds that the job takes, and the vCPU hours that it reports."""
WATCHED = 70
"""Seconds for which the page of the running job stays open, so that its metrics show a curve."""
WIDTH, HEIGHT, MARGIN = 1500, 900, 24
OFTEN, SELDOM = 56, 48
"""Numbers of colours in a picture: the most frequent ones, so that backgrounds do not change, and those for small marks."""
FOLDERS = {"examples": DAGS, "pictures": Path(__file__).parent / "picture_dags"}
LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
ENDED = ("success", "failed")


class Studio:
    """A running demo, a browser, and the folder for the pictures.

    :param wanted: names of the pictures to take; if empty, all.
    """

    def __init__(self, stack: DemoStack, person: Person, wanted: Collection[str], folder: Path) -> None:
        self.stack, self.person, self.driver, self.folder = stack, person, person.driver, folder
        self.cloud = Cloud(stack)
        self.sizes: dict[str, int] = {}
        self.runs: dict[str, str] = {}
        """The run in the pictures, by DAG."""
        self._wanted = wanted

    def page(self, dag: str, run: str, task: str, tab: str = "plugin/dataflow-job") -> str:
        """The URL of a task's tab."""
        return f"{self.stack.url}/dags/{dag}/runs/{quote(run, safe='')}/tasks/{task}/{tab}"

    def start(self, dag: str) -> str:
        """Trigger a DAG, and return the run's id."""
        self.stack.wait_for_dag(dag)
        return self.stack.api.trigger(dag)

    def states(self, dag: str, run: str) -> dict[str, str]:
        """The states of a run's tasks."""
        return {row["task_id"]: str(row["state"]) for row in self.stack.api.tasks(dag, run)}

    def end(self, dag: str, run: str) -> None:
        """Wait until a run has succeeded.

        :raises SystemExit: the run failed.
        """
        self.stack.wait_until(f"the end of {dag}", lambda: self.stack.api.run_state(dag, run) in ENDED, seconds=300)
        bad = [task for task, state in self.states(dag, run).items() if state != "success"]
        if bad:
            raise SystemExit(f"{dag}.{bad[0]} failed; its log ends in:\n" + "\n".join(self.stack.api.log(dag, run, bad[0])[-20:]))

    def see(self, selector: str, count: int = 1) -> Any:
        """Wait until the page shows elements that match, and return the first."""
        return self.person.until(selector, lambda: len(found := self.person.find(selector)) >= count and found)[0]

    def size(self, height: int, scale: float = 1) -> None:
        """Set the height of the page in pixels; with ``scale`` above 1, each is drawn as several."""
        metrics = {"width": WIDTH, "height": height, "deviceScaleFactor": scale, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        time.sleep(1)  # the page is drawn again for the new size

    def whole(self, name: str, selector: str = "", least: int = HEIGHT) -> None:
        """Take the whole window, down to the lower edge of an element."""
        self.size(least)
        if selector:
            bottom = self.driver.execute_script("return arguments[0].getBoundingClientRect().bottom", self.see(selector))
            self.size(max(int(bottom) + MARGIN, least))
        self._keep(name, self.driver.get_screenshot_as_png())

    def part(self, name: str, selector: str) -> None:
        """Take one element of the page."""
        self._keep(name, self.see(selector).screenshot_as_png)

    def _keep(self, name: str, png: bytes) -> None:
        from PIL import Image  # comes with Beam

        if self._wanted and name not in self._wanted:
            return
        file = self.folder / f"{name}.png"
        picture = Image.open(io.BytesIO(png)).convert("RGB")
        counted: list[tuple[int, Any]] = sorted(picture.getcolors(picture.width * picture.height) or (), reverse=True)[:OFTEN]
        seldom = picture.quantize(SELDOM, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
        palette = Image.new("P", (1, 1))
        palette.putpalette([*(part for _, colour in counted for part in colour), *seldom[: 3 * SELDOM]])
        picture.quantize(palette=palette, dither=Image.Dither.NONE).save(file, optimize=True)
        self.sizes[name] = file.stat().st_size
        print(f"{file.name}: {self.sizes[name]:,} bytes", flush=True)


def prepare(studio: Studio) -> None:
    """Start runs of every DAG in the pictures; the last run of the books DAG keeps running."""
    cloud = studio.cloud
    cloud.script("count-visits*", *jobs.streaming(), type="JOB_TYPE_STREAMING")
    studio.runs[VISITS] = studio.start(VISITS)
    cloud.script("price-books*", *jobs.done(8, 0.05))
    cloud.play_runs(pattern="Sales", wait=1, seconds=6)
    for seconds, hours in EARLIER:
        cloud.script("book-words*", *jobs.done(seconds, hours))
        studio.runs[EXAMPLE], run = studio.start(EXAMPLE), studio.start(BOOKS)
        studio.end(BOOKS, run)
        studio.end(EXAMPLE, studio.runs[EXAMPLE])
    cloud.script("book-words*", *jobs.running())
    cloud.script("price-books*", *jobs.failing())
    cloud.play_runs(pattern="Sales", wait=2, seconds=160)
    studio.runs[BOOKS] = studio.start(BOOKS)


def take_failed(studio: Studio) -> None:
    """The job that failed."""
    studio.stack.wait_until("the failure", lambda: studio.states(BOOKS, studio.runs[BOOKS]).get("price_books") == "failed", seconds=300)
    studio.person.open(studio.page(BOOKS, studio.runs[BOOKS], "price_books"))
    studio.person.reads("sold out")
    studio.see("[data-testid=box]")
    studio.whole("job-failed", "[data-testid=time]")


def take_run(studio: Studio) -> None:
    """The CRM Analytics run."""
    studio.person.open(studio.page(BOOKS, studio.runs[BOOKS], "refresh_sales"))
    studio.see("[data-testid=box]", 4)
    studio.see("[data-testid=cost] td")
    studio.whole("run-page", "[data-testid=graph]")


def take_job(studio: Studio) -> None:
    """The page of the running job, and each of its panels."""
    page, driver = studio.person, studio.driver
    studio.size(HEIGHT)
    page.open(studio.page(BOOKS, studio.runs[BOOKS], "count_words"))
    studio.see("[data-testid=box]", len(jobs.CHAIN) + 1)
    for panel in ("messages", "metrics", "cost", "lineage"):
        studio.see(f"[data-testid={panel}]")
    time.sleep(WATCHED)
    page.click("Close all")
    studio.whole("job-page", "[data-testid=job-page]")
    page.click("Open all")
    studio.size(3 * HEIGHT, 2)
    for panel in ("graph", "metrics", "cost", "lineage"):
        studio.part(f"job-{panel}", f"[data-testid={panel}]")
    take_time(studio)
    page.click("Table", within="[data-testid=graph]")
    studio.see("[data-testid=graph] td")
    studio.part("job-table", "[data-testid=graph]")
    page.click("Chart", within="[data-testid=graph]")
    driver.execute_script("document.activeElement.blur()")
    studio.see("[aria-label='Minimum level'] option[value=detailed]").click()
    studio.see("[aria-label='Search messages']").send_keys("worker")
    studio.person.until("the messages that fit", lambda: "level=detailed" in driver.current_url and "Autoscaling is enabled" in page.text)
    studio.part("job-messages", "[data-testid=messages]")


def take_time(studio: Studio) -> None:
    """The time axis, with the cursor at a moment at which the worker pool grew."""
    from selenium.webdriver.common.action_chains import ActionChains

    chart = studio.see("[data-testid=time] svg")
    ActionChains(studio.driver).move_to_element_with_offset(chart, -int(chart.size["width"] * 0.035), 0).perform()
    studio.part("job-time", "[data-testid=time]")


def take_dark(studio: Studio) -> None:
    """The running job in Airflow's dark mode."""
    studio.driver.execute_script("localStorage.setItem('theme', 'dark')")
    studio.person.open(studio.page(BOOKS, studio.runs[BOOKS], "count_words"))
    studio.see("[data-testid=box]", len(jobs.CHAIN) + 1)
    studio.see("[data-testid=metrics] td")
    studio.see("[data-testid=lineage]")
    studio.person.click("Close all")
    studio.whole("job-dark", "[data-testid=job-page]")
    studio.driver.execute_script("localStorage.setItem('theme', 'light')")


def take_drain(studio: Studio) -> None:
    """The question before a streaming job is drained."""
    studio.person.open(studio.page(VISITS, studio.runs[VISITS], "count_visits"))
    studio.see("[data-testid=box]", len(jobs.CHAIN) + 1)
    studio.person.click("Drain job")
    studio.see("[data-testid=question]")
    studio.whole("job-drain")


def take_list(studio: Studio) -> None:
    """The list of all jobs."""
    studio.person.open(f"{studio.stack.url}/plugin/dataflow-jobs")
    studio.see("[data-testid=job-link]", len(EARLIER))
    studio.whole("jobs-page", "[data-testid=jobs-page]", least=500)


def take_example(studio: Studio) -> None:
    """The grid of the example's runs, with the log of a task."""
    studio.person.open(studio.page(EXAMPLE, studio.runs[EXAMPLE], "count_words", tab=""))
    studio.person.reads("Finished operation")
    studio.whole("dag-run")


def take_form(studio: Studio) -> None:
    """The trigger form of an example."""
    studio.person.open(f"{studio.stack.url}/dags/{FORM}")
    studio.size(1200)
    form = Form(studio.driver)
    form.click("Trigger", within="body")
    form.open("Template parameters", "element_output")
    form.fill("element_min_count", "3")
    studio.driver.execute_script("document.activeElement.blur()")
    studio.size(1200)
    studio.part("trigger-form", "[role=dialog]")


TAKES: dict[Callable[[Studio], None], tuple[str, ...]] = {
    take_job: ("job-page", "job-graph", "job-metrics", "job-cost", "job-lineage", "job-time", "job-table", "job-messages"),
    take_dark: ("job-dark",),
    take_failed: ("job-failed",),
    take_run: ("run-page",),
    take_drain: ("job-drain",),
    take_list: ("jobs-page",),
    take_example: ("dag-run",),
    take_form: ("trigger-form",),
}
"""The functions that take pictures, and the names of their pictures."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.pictures", description=__doc__)
    known = sorted(name for names in TAKES.values() for name in names)
    parser.add_argument("names", nargs="*", metavar="name", help=f"pictures to take (default: all): {', '.join(known)}")
    parser.add_argument("--folder", type=Path, default=IMAGES, help="folder for the pictures")
    arguments = parser.parse_args()
    if unknown := {*arguments.names} - {*known}:
        parser.error(f"there is no picture {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if needs_browser.args[0]:
        print(needs_browser.kwargs["reason"], file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bundles = [{"name": name, "classpath": LOCAL, "kwargs": {"path": str(folder)}} for name, folder in FOLDERS.items()]
    env = {"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles)}
    with ExitStack() as opened:
        home = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="pictures-")))
        stack = opened.enter_context(DemoStack(home / "stack", env=env, progress=print))
        person = Person(opened.enter_context(browser(home / "profile")))
        studio = Studio(stack, person, arguments.names, arguments.folder)
        prepare(studio)
        for take, names in TAKES.items():
            if not arguments.names or not {*names}.isdisjoint(arguments.names):
                take(studio)
    figures(studio.sizes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
