"""The pages of jobs as a person sees them, on a real Airflow below a path, with the emulator behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from demo.stack import Stack
from tests.airflow_task import needs_3_3
from tests.browser import browser, needs_browser
from tests.plugin.job_scripts import RUNNING
from tests.stack.cloud import Cloud
from tests.stack.pages import Pages, Person, pages

pytestmark = [needs_browser, needs_3_3]
ID = "pages"
LONG = 3600
WHY = "Workflow failed. Causes: BigQuery: Not found: Table a-project:books.words"


@pytest.fixture(scope="module")
def served(stack: Stack) -> Iterator[Pages]:
    with pages(stack) as found:
        yield found


@pytest.fixture(scope="module")
def run(stack: Stack, cloud: Cloud) -> str:
    """A run of every kind of job: some move on, some have ended."""
    moving = [*RUNNING, [LONG, "JOB_STATE_DONE"]]
    cloud.script("page-*", *moving)
    cloud.script(
        "page-broken*", [0, "JOB_STATE_RUNNING"], [0, {"message": WHY, "importance": "JOB_MESSAGE_ERROR"}], [1, "JOB_STATE_FAILED"]
    )
    cloud.script("page-stream*", *moving, type="JOB_TYPE_STREAMING", on_drain=[[1, "JOB_STATE_DRAINED"]])
    cloud.play_runs(pattern="*", wait=0, seconds=30)
    stack.wait_for_dag(ID)
    run = stack.api.trigger(ID)

    def begun() -> bool:
        states = [row["state"] for row in stack.api.tasks(ID, run)]
        return len(states) == 7 and all(state in ("deferred", "success", "failed", "up_for_retry") for state in states)

    stack.wait_until("every task to have its job", begun)
    return run


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def ann(driver: Any, served: Pages) -> Person:
    """An administrator."""
    return Person(driver).log_in(served, "ann")


@pytest.fixture
def vic(driver: Any, served: Pages) -> Person:
    """A viewer."""
    return Person(driver).log_in(served, "vic")


def test_a_running_job_shows_its_graph_and_what_it_says_next(ann: Person, served: Pages, run: str, cloud: Cloud) -> None:
    ann.open(served.job(ID, run, "batch"))
    ann.reads("Starting 1 workers in us-central1-a...")
    ann.until("the graph", lambda: len(ann.find("[data-testid=box]")) >= 3)
    assert "running" in ann.text
    assert "as of" in ann.text
    job = cloud.jobs("page-batch")[-1]["id"]
    cloud.end(job, "JOB_STATE_DONE")
    ann.until("its end", lambda: ann.find("[data-testid=head] [data-testid=state]")[0].text.endswith("done"))


def test_a_failed_job_says_why_without_scrolling(ann: Person, served: Pages, run: str) -> None:
    ann.driver.set_window_size(1400, 1000)
    ann.open(served.job(ID, run, "broken"))
    ann.reads(WHY)
    why = ann.find("[data-testid=why]")[0]
    assert why.location["y"] + why.size["height"] < 1000


def test_a_streaming_job_is_drained_by_the_button(ann: Person, stack: Stack, served: Pages, run: str, cloud: Cloud) -> None:
    ann.open(served.job(ID, run, "stream"))
    ann.click("Drain job")
    ann.reads("Drain this job?")
    ann.click("Leave it", within="dialog")
    assert cloud.jobs("page-stream")[-1]["currentState"] == "JOB_STATE_RUNNING"
    ann.click("Drain job")
    ann.click("Drain job", within="dialog")
    ann.reads("The service was asked to drain the job.")
    ann.until("its end", lambda: ann.find("[data-testid=head] [data-testid=state]")[0].text.endswith("drained"))
    stack.wait_until(
        "the task to see it", lambda: {row["task_id"]: row for row in stack.api.tasks(ID, run)}["stream"]["state"] == "success"
    )


def test_a_mapped_task_shows_its_own_job(ann: Person, served: Pages, run: str) -> None:
    ann.open(served.job(ID, run, "each", 1))
    ann.reads("page-second-")
    assert "page-first-" not in ann.text


def test_a_run_shows_its_nodes(ann: Person, served: Pages, run: str) -> None:
    ann.open(served.job(ID, run, "run"))
    ann.until("the nodes", lambda: len(ann.find("[data-testid=box]")) == 4)
    ann.click("Table", within="[data-testid=graph]")
    ann.reads("Augment_Account")


def test_from_the_list_to_a_job_and_back_nothing_is_loaded_again(ann: Person, served: Pages, run: str) -> None:
    ann.open(f"{served.url}/plugin/dataflow-jobs")
    ann.until("the jobs", lambda: len(ann.find("[data-testid=job-link]")) >= 6)
    ann.driver.execute_script("window.stillHere = true")
    link = next(link for link in ann.find("[data-testid=job-link]") if link.text.startswith("page-broken"))
    ann.driver.execute_script("arguments[0].click()", link)
    ann.reads(WHY)
    ann.driver.back()
    ann.until("the list again", lambda: len(ann.find("[data-testid=job-link]")) >= 6)
    assert ann.driver.execute_script("return window.stillHere") is True


def test_a_viewer_has_no_buttons(vic: Person, served: Pages, run: str) -> None:
    vic.open(served.job(ID, run, "each", 0))
    vic.reads("page-first-")
    vic.until("the graph", lambda: vic.find("[data-testid=box]"))
    assert [button.text for button in vic.find("[data-testid=actions] button")] == []


def test_the_page_is_dark_where_airflow_is(ann: Person, served: Pages, run: str) -> None:
    page = served.job(ID, run, "each", 0)
    colours = []
    for theme in ("light", "dark"):
        ann.open(page)
        ann.driver.execute_script(f"localStorage.setItem('theme', '{theme}')")
        ann.open(page)
        ann.until("the graph", lambda: ann.find("[data-testid=box] rect"))
        rect = ann.find("[data-testid=box] rect")[0]
        colours.append(ann.driver.execute_script("return getComputedStyle(arguments[0]).fill", rect))
    ann.driver.execute_script("localStorage.removeItem('theme')")
    assert colours[0] != colours[1]


def test_the_graph_is_worked_by_the_keyboard(ann: Person, served: Pages, run: str) -> None:
    from selenium.webdriver.common.keys import Keys

    ann.open(served.job(ID, run, "each", 0))
    box = ann.until("the graph", lambda: ann.find("[data-testid=box][data-path=Write]"))[0]
    ann.driver.execute_script("arguments[0].focus()", box)
    box.send_keys(Keys.ENTER)
    ann.reads("Messages of F2")
    assert "stage=F2" in ann.driver.current_url


def test_a_search_takes_every_letter_however_fast_it_is_typed(ann: Person, served: Pages, run: str) -> None:
    ann.open(f"{served.job(ID, run, 'each', 0)}?level=debug")
    ann.reads("Adding workflow start and stop steps.")
    field = ann.find("[aria-label='Search messages']")[0]
    field.send_keys("starting 1 workers")
    ann.until(
        "the messages that fit",
        lambda: ["Starting 1 workers" in message.text for message in ann.find("[data-testid=message]")] == [True],
    )
    assert field.get_attribute("value") == "starting 1 workers"
    assert "q=starting+1+workers" in ann.driver.current_url


def test_a_link_leads_to_what_was_chosen(ann: Person, served: Pages, run: str) -> None:
    ann.open(f"{served.job(ID, run, 'each', 0)}?stage=F1&level=debug&graph=table")
    ann.reads("Metrics of F1")
    ann.reads("Read/Impulse")


def test_a_task_without_a_job_says_so(ann: Person, served: Pages, run: str) -> None:
    ann.open(served.job(ID, run, "plain"))
    ann.reads("This task has no Dataflow job")
