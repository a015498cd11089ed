"""The trigger form of a template, in a real browser: what a person fills in reaches the job, and a bad value does not.

``FORM_SCREENSHOT=docs/images/trigger-form.png make test ARGS=tests/stack/test_form.py`` takes the picture of the docs anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo.stack import Stack
from tests.browser import browser, needs_browser
from tests.stack.cloud import Cloud

ID = "dataflow_template_form"
OUTPUT = "gs://my-bucket/elsewhere/part"


@needs_browser
def test_the_form_passes_good_values_to_the_job_and_refuses_a_bad_one(stack: Stack, cloud: Cloud, tmp_path: Path) -> None:
    cloud.script("form-counts*", [0, "JOB_STATE_RUNNING"], [1, "JOB_STATE_DONE"])
    stack.wait_for_dag(ID)
    with browser(tmp_path) as page:
        form = Form(page)
        page.get(f"{stack.url}/dags/{ID}")
        form.click("Trigger", within="body")
        form.open("Template parameters", "element_output")
        form.fill("element_min_count", "3")
        if picture := os.environ.get("FORM_SCREENSHOT"):
            form.draw(picture)
        form.fill("element_output", "nowhere")
        form.submit()
        form.until(lambda: "does not match" in form.text)
        assert not stack.api.runs(ID)

        form.fill("element_output", OUTPUT)
        form.submit()
        stack.wait_until("a run of the form", lambda: bool(stack.api.runs(ID)))
    stack.wait_until("the launch", lambda: bool(cloud.asked("flexTemplates.launch")))
    assert cloud.asked("flexTemplates.launch")[0]["body"]["launchParameter"]["parameters"] == {
        "input": "gs://my-bucket/input/*.txt",
        "output": OUTPUT,
        "min_count": "3",
    }


class Form:
    """The trigger form of a page, as a person works it."""

    def __init__(self, page: Any) -> None:
        self._page = page

    @property
    def text(self) -> str:
        """What the page says."""
        return str(self._page.find_element("tag name", "body").text)

    def until(self, true: Callable[[], Any]) -> Any:
        """Wait for something to be there."""
        from selenium.common.exceptions import ElementClickInterceptedException, StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        passing = [StaleElementReferenceException, ElementClickInterceptedException]  # drawn anew; a notice lies over it
        return WebDriverWait(self._page, 120, ignored_exceptions=passing).until(lambda _: true())

    def click(self, text: str, within: str = "[role=dialog]") -> None:
        """Click the last button with this text."""

        def clicked() -> bool:
            buttons = [button for button in self._find(f"{within} button") if button.text == text]
            if buttons:
                buttons[-1].click()
            return bool(buttons)

        self.until(clicked)

    def submit(self) -> None:
        """Send the form, whatever notice lies over its button."""
        script = "const button = document.querySelector('[data-testid=trigger-dag-submit]'); button?.click(); return button !== null"
        self.until(lambda: self._page.execute_script(script))

    def open(self, section: str, field: str) -> None:
        """Unfold a section until one of its fields shows; a form that is still being drawn folds it again."""

        def opened() -> bool:
            if not self._find(f"input[name={field}]"):
                self.click(section)
                time.sleep(1)
            return bool(self._find(f"input[name={field}]"))

        self.until(opened)

    def fill(self, name: str, value: str) -> None:
        """Replace what a field holds."""

        def filled() -> bool:
            for field in self._find(f"input[name={name}]"):
                self._page.execute_script("arguments[0].select()", field)
                field.send_keys(value)
                return True
            return False

        self.until(filled)

    def draw(self, file: str) -> None:
        """Save a picture of the whole form."""
        self._page.set_window_size(1280, 1200)
        self._page.execute_script("document.activeElement.blur()")
        time.sleep(1)  # drawn anew for the new size
        self._find("[role=dialog]")[0].screenshot(file)

    def _find(self, selector: str) -> list[Any]:
        return [element for element in self._page.find_elements("css selector", selector) if element.is_displayed()]
