"""The trigger form of a DAG in a browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


class Form:
    """The trigger form of a page, used as a user does."""

    def __init__(self, page: Any) -> None:
        self._page = page

    @property
    def text(self) -> str:
        """The text of the page."""
        return str(self._page.find_element("tag name", "body").text)

    def until(self, true: Callable[[], Any]) -> Any:
        """Wait until a function returns something true, and return that."""
        from selenium.common.exceptions import ElementClickInterceptedException, StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        # The page was rendered again, or a notification covers the element.
        passing = [StaleElementReferenceException, ElementClickInterceptedException]
        return WebDriverWait(self._page, 120, ignored_exceptions=passing).until(lambda _: true())

    def visit(self, url: str) -> None:
        """Open a page; the login of Airflow 3.1 leads to the home page, whatever page was asked for."""
        from selenium.webdriver.support.ui import WebDriverWait

        self._page.get(url)
        WebDriverWait(self._page, 120).until(lambda page: page.find_elements("css selector", "button"))
        if self._page.current_url != url:
            self._page.get(url)

    def click(self, text: str, within: str = "[role=dialog]") -> None:
        """Click the last button with this text."""

        def clicked() -> bool:
            buttons = [button for button in self._find(f"{within} button") if button.text == text]
            if buttons:
                buttons[-1].click()
            return bool(buttons)

        self.until(clicked)

    def submit(self) -> None:
        """Click the form's *Trigger* button, even if a notice covers it."""
        script = """
            const all = [...document.querySelectorAll("[role=dialog] button")];
            const buttons = all.filter((button) => button.textContent.trim() === "Trigger");
            buttons.at(-1)?.click();
            return buttons.length > 0;
        """
        self.until(lambda: self._page.execute_script(script))

    def open(self, section: str, field: str) -> None:
        """Open a section until one of its fields is visible; a form that is still being rendered closes it again."""

        def opened() -> bool:
            if not self._find(f"input[name={field}]"):
                self.click(section)
                time.sleep(1)
            return bool(self._find(f"input[name={field}]"))

        self.until(opened)

    def fill(self, name: str, value: str) -> None:
        """Replace the value of a field."""

        def filled() -> bool:
            for field in self._find(f"input[name={name}]"):
                self._page.execute_script("arguments[0].select()", field)
                field.send_keys(value)
                return True
            return False

        self.until(filled)

    def _find(self, selector: str) -> list[Any]:
        return [element for element in self._page.find_elements("css selector", selector) if element.is_displayed()]
