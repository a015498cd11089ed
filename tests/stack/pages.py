"""A second API server of the stack under the path ``/af/``, which requires a login with a role, and a user with a browser."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import requests

from demo.processes import Program
from demo.stack import Stack, free_port

ROLES = {"ann": "admin", "vic": "viewer"}
SHOWN_WITHIN = 60


class Pages:
    """The URLs of the second API server, and the logins of its users."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/af"

    def token(self, user: str) -> str:
        """Log in a user, and return the token."""
        reply = requests.post(f"{self.url}/auth/token", json={"username": user, "password": user}, timeout=30)
        reply.raise_for_status()
        return str(reply.json()["access_token"])

    def job(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str:
        """The URL of a job's page."""
        mapped = f"/mapped/{map_index}" if map_index >= 0 else ""
        return f"{self.url}/dags/{dag_id}/runs/{quote(run_id, safe='')}/tasks/{task_id}{mapped}/plugin/dataflow-job"

    def healthy(self) -> bool:
        try:
            return requests.get(f"{self.url}/api/v2/monitor/health", timeout=10).ok
        except requests.RequestException:
            return False


@contextmanager
def pages(stack: Stack) -> Iterator[Pages]:
    """Run the second API server."""
    served = Pages(stack)
    passwords = stack.home / "passwords.json"
    passwords.write_text(json.dumps({user: user for user in ROLES}))
    first = stack.programs["api-server"]
    env = {
        **first.env,
        "AIRFLOW__API__BASE_URL": f"{served.url}/",
        "AIRFLOW__API__PORT": str(served.port),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in ROLES.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
    }
    second = Program(
        "api-server of the pages", [sys.executable, "-m", "airflow", "api-server"], env=env, log=first.log.with_name("pages.log")
    )
    stack.programs[second.name] = second
    second.start()
    try:
        stack.wait_until("the API server of the pages", served.healthy)
        yield served
    finally:
        second.kill()
        del stack.programs[second.name]


class Person:
    """A user with a browser, in an Airflow that requires no login, or logged in."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def log_in(self, served: Pages, user: str) -> Person:
        """Log in as a user of the pages."""
        self.driver.get(f"{served.url}/dataflow-ext/static/LICENSES.txt")  # a cookie can only be set on a page of its origin
        self.driver.delete_all_cookies()
        self.driver.add_cookie({"name": "_token", "value": served.token(user), "path": "/af/"})
        return self

    def open(self, url: str) -> None:
        self.driver.get(url)

    @property
    def text(self) -> str:
        """The text of the page."""
        return str(self.driver.find_element("tag name", "body").text)

    def until(self, what: str, true: Callable[[], Any]) -> Any:
        """Wait until a function returns something true, and return that.

        :param what: what is waited for, for the message of the error.
        :raises AssertionError: it did not happen in time; the message contains the text of the page.
        """
        from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
        from selenium.webdriver.support.ui import WebDriverWait

        try:
            return WebDriverWait(self.driver, SHOWN_WITHIN, ignored_exceptions=[StaleElementReferenceException]).until(lambda _: true())
        except TimeoutException:
            raise AssertionError(f"waited for {what}; the page says: {self.text[:2000]}") from None

    def reads(self, text: str) -> None:
        """Wait until the page contains a text."""
        self.until(repr(text), lambda: text in self.text)

    def find(self, selector: str) -> list[Any]:
        """The visible elements that match."""
        return [element for element in self.driver.find_elements("css selector", selector) if element.is_displayed()]

    def click(self, text: str, within: str = "body") -> None:
        """Click the last button or link with this text."""

        def clicked() -> bool:
            found = [element for element in self.find(f"{within} button, {within} a") if element.text == text]
            if found:
                self.driver.execute_script("arguments[0].click()", found[-1])
            return bool(found)

        self.until(f"the button {text!r}", clicked)
