"""The search of the docs, in a real browser: each word shows first what its reader looks for."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from bench.install import committed
from tests.browser import browser, needs_browser

ROOT = Path(__file__).parents[1]
pytest.importorskip("sphinx", reason="the pages are built with the newest Airflow alone")
pytestmark = needs_browser

SITE = ROOT / "docs" / "_build"
SEARCHES = {
    "drain": "operators.dataflow.DataflowStopJobOperator",
    "cancel": "operators.dataflow.DataflowStopJobOperator",
    "stop": "operators.dataflow.DataflowStopJobOperator",
    "scale": "operators.dataflow.DataflowUpdateJobOperator",
    "flex template": "operators.dataflow.DataflowStartFlexTemplateOperator",
    "classic template": "operators.dataflow.DataflowTemplatedJobStartOperator",
    "wave": "hooks.wave.WaveHook",
}
"""What somebody types, and whose entry in the reference the first result opens."""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


def make_site() -> None:
    """Build the pages, unless `make docs` did so after the last change of what they are made of."""
    sources = [ROOT / path for path in committed() if path.parts[0] in ("docs", "airflow_dataflow_ext")]
    built = SITE / "searchindex.js"
    if not built.exists() or built.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        done = subprocess.run([sys.executable, "-m", "sphinx", "-q", "-E", "docs", SITE], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser; ``page.site`` is the address of the site."""
    make_site()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SITE))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with browser(tmp_path_factory.mktemp("profile")) as found:
            found.site = f"http://127.0.0.1:{server.server_port}/"
            yield found
        server.shutdown()


def first_result(page: Any, words: str) -> str:
    """The name of the class or function whose entry the first result of a search opens; or the page, where it opens one at its top."""
    page.get(f"{page.site}search.html?q={words.replace(' ', '+')}")
    WebDriverWait(page, 20).until(lambda page: "found" in page.find_element(By.CSS_SELECTOR, "#search-results .search-summary").text)
    target = page.find_element(By.CSS_SELECTOR, "#search-results ul.search li > a").get_attribute("href")
    _, _, anchor = target.partition("#")
    if not anchor:
        return str(target)
    page.get(target)
    here = f"//*[@id='{anchor}']"
    entry = page.find_element(By.XPATH, f"({here}/descendant-or-self::dt[@id] | {here}/following::dt[@id])[1]")
    return str(entry.get_attribute("id")).removeprefix("airflow_dataflow_ext.")


@pytest.mark.parametrize("words", SEARCHES)
def test_the_search_shows_first(page: Any, words: str) -> None:
    assert first_result(page, words) == SEARCHES[words]
